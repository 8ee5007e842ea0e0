"""int8: true to the float network, the same everywhere, and float where it must be."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from nearfar.errors import ModelFileError, UsageError
from nearfar.runtimes.base import Batch, Session
from nearfar.runtimes.onnx import OnnxSession
from nearfar.runtimes.openvino import OpenvinoSession
from nearfar.training.export import store_as_float16
from nearfar.training.quantization.qdq import LARGEST_WEIGHT
from nearfar.training.quantization.quantize import Quantized, disagreement, quantize
from tests.fakes import tiny_onnx
from tests.training.toys import toy_onnx, toy_photos

Open = Callable[[bytes], Session]
BOTH = pytest.mark.parametrize("open_session", [OnnxSession, OpenvinoSession])


def made(content: bytes, bound: float = 0.05) -> Quantized:
    return quantize(content, toy_photos(8), toy_photos(3, seed=1), bound=bound, threads=1)


def away(content: bytes, int8: bytes, open_session: Open) -> float:
    photos = toy_photos(4, seed=2, size=(96, 64))
    float_session, int8_session = OnnxSession(content), open_session(int8)
    return max(disagreement(float_session.run(it), int8_session.run(it)) for it in photos)


def weights(content: bytes) -> dict[str, np.ndarray]:
    graph = onnx.load_model_from_string(content).graph
    return {it.name: numpy_helper.to_array(it) for it in graph.initializer}


@BOTH
def test_toy_stays_true_at_another_size(open_session: Open) -> None:
    result = made(toy_onnx())
    assert result.kept_float == ()
    assert result.layers == 4  # the head is none of them
    assert result.disagreement < 0.05
    assert away(toy_onnx(), result.content, open_session) < 0.06


def test_weights_are_int8_and_can_not_saturate() -> None:
    whole = [it for it in weights(made(toy_onnx()).content).values() if it.dtype == np.int8]
    kernels = [it for it in whole if it.ndim == 4]
    assert len(kernels) == 4
    assert max(np.abs(it.astype(int)).max() for it in kernels) == LARGEST_WEIGHT
    assert 2 * 255 * LARGEST_WEIGHT < 2**15
    # one scale a channel: each uses all steps
    assert all((np.abs(it.astype(int)).max((1, 2, 3)) == LARGEST_WEIGHT).all() for it in kernels)


@BOTH
def test_hopeless_layer_stays_in_float(open_session: Open) -> None:
    content = toy_onnx(hopeless=True)
    harmed = made(content, bound=math.inf)
    assert harmed.kept_float == ()
    assert harmed.disagreement > 0.2
    result = made(content)
    assert [name.split("/")[1] for name in result.kept_float] == ["mix"]
    assert result.disagreement < 0.05
    assert away(content, result.content, open_session) < 0.06


@BOTH
@pytest.mark.parametrize("hopeless", [False, True])
def test_runtimes_compute_what_the_file_says(open_session: Open, hopeless: bool) -> None:
    """Against ONNX's reference: no saturation, and what was left in float is not made int8."""
    content = made(toy_onnx(hopeless=hopeless)).content
    (photo,) = toy_photos(1, seed=5)
    model = onnx.load_model_from_string(content)
    model.opset_import[0].version = 19  # the first whose int8 the reference has
    reference: Any = ReferenceEvaluator(model)
    (expected,) = reference.run(None, {"image": photo})
    assert disagreement(expected, open_session(content).run(photo)) < 0.02


def test_means_survive_rounding() -> None:
    """The mean of the answer is where it was, though weights were rounded."""
    result = made(toy_onnx())
    photos = toy_photos(8)
    before, after = OnnxSession(toy_onnx()), OnnxSession(result.content)
    means = np.array([[s.run(photo).mean() for photo in photos] for s in (before, after)])
    spread = np.std([before.run(photo) for photo in photos])
    assert abs(means[1].mean() - means[0].mean()) < 0.01 * spread


def test_same_photos_same_bytes() -> None:
    assert made(toy_onnx()).content == made(toy_onnx()).content


def test_weights_in_float16_are_taken_as_well() -> None:
    model = onnx.load_model_from_string(toy_onnx())
    store_as_float16(model.graph, smallest=1)
    helper.set_model_props(model, {"network": "toy"})
    content = model.SerializeToString()
    assert any(it.dtype == np.float16 for it in weights(content).values())
    result = made(content)
    assert (result.layers, result.kept_float) == (4, ())
    assert away(toy_onnx(), result.content, OnnxSession) < 0.06
    kernels = [it for it in weights(result.content).values() if it.ndim == 4]
    assert [it.dtype for it in kernels].count(np.dtype(np.int8)) == 4
    assert all(it.dtype != np.float16 for it in weights(result.content).values())
    assert not onnx.load_model_from_string(result.content).metadata_props


def test_photos_are_taken_one_by_one() -> None:
    alive = most = 0

    class Counted(np.ndarray):
        def __del__(self) -> None:
            nonlocal alive
            alive -= 1

    def stream() -> Iterator[Batch]:
        nonlocal alive, most
        for photo in toy_photos(6):
            alive += 1
            most = max(most, alive)
            yield photo.copy().view(Counted)

    quantize(toy_onnx(), stream(), toy_photos(1), bound=math.inf)
    assert most <= 3


def test_best_range_is_taken() -> None:
    result = made(toy_onnx(), bound=math.inf)
    assert set(result.tried) == {"extremes", "percentiles", "average"}
    assert result.disagreement == min(result.tried.values()) == result.tried[result.ranges]


def test_old_graph_is_brought_up() -> None:
    content = onnx.version_converter.convert_version(
        onnx.load_model_from_string(_plain(opset=12)), 11
    ).SerializeToString()
    result = made(content)
    assert result.layers == 1
    assert away(content, result.content, OnnxSession) < 0.06


def test_disagreement_by_hand() -> None:
    depth = np.array([[[0, 1], [2, 5]]], np.float32)
    assert disagreement(depth, 3 * depth - 7) == pytest.approx(0, abs=1e-7)
    assert disagreement(depth, np.ones_like(depth)) == 1
    # less the mean: -2 -1 0 3 and -1.5 -.5 .5 1.5; scale 8 / 5; off by .4 .2 .8 .6 of 1.5
    other = np.array([[[0, 1], [2, 3]]], np.float32)
    assert disagreement(depth, other) == pytest.approx((0.4 + 0.2 + 0.8 + 0.6) / 4 / 1.5)


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"no network", ModelFileError),
        (toy_onnx()[:5000], ModelFileError),
        (tiny_onnx(), UsageError),
        (tiny_onnx(height_px=8, width_px=8), UsageError),
    ],
)
def test_what_can_not_be_quantized(content: bytes, error: type[Exception]) -> None:
    with pytest.raises(error) as caught:
        made(content)
    assert "\n" not in str(caught.value)


def test_photos_are_needed() -> None:
    with pytest.raises(UsageError, match="calibrate"):
        quantize(toy_onnx(), [], toy_photos(1))
    with pytest.raises(UsageError, match="evaluate int8"):
        quantize(toy_onnx(), toy_photos(1), [])


def test_photos_of_a_wrong_size_are_told() -> None:
    with pytest.raises(ModelFileError, match="photos"):
        quantize(toy_onnx(), [np.zeros((1, 4, 64, 64), np.float32)], toy_photos(1))


def _plain(opset: int) -> bytes:
    """Two convolutions around a ReLU."""
    generator = np.random.default_rng(0)
    sizes = {"w0": (5, 3, 3, 3), "b0": (5,), "w1": (1, 5, 1, 1)}
    values = {name: generator.standard_normal(size) for name, size in sizes.items()}
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["image", "w0", "b0"], ["first"], pads=[1, 1, 1, 1]),
            helper.make_node("Relu", ["first"], ["active"]),
            helper.make_node("Conv", ["active", "w1"], ["depth"]),
        ],
        "plain",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 3, "h", "w"])],
        [helper.make_tensor_value_info("depth", TensorProto.FLOAT, ["n", 1, "h", "w"])],
        [numpy_helper.from_array(it.astype(np.float32), name) for name, it in values.items()],
    )
    opsets = [helper.make_opsetid("", opset)]
    content: bytes = helper.make_model(
        graph, opset_imports=opsets, ir_version=7
    ).SerializeToString()
    return content
