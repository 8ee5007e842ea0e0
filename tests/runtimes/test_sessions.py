"""Every runtime, one behaviour; NumPy is the reference."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from nearfar.errors import (
    InferenceError,
    ModelFileError,
    OutOfMemoryError,
    UsageError,
    lacks_memory,
)
from nearfar.models.registry import ModelRegistry
from nearfar.runtimes.base import Batch, Session
from nearfar.runtimes.onnx import OnnxSession
from nearfar.runtimes.openvino import OpenvinoSession
from tests.fakes import FakeSession, tiny_depth, tiny_onnx

Make = Callable[..., Session]
RUNTIMES: dict[str, Make] = {"onnxruntime": OnnxSession, "openvino": OpenvinoSession}


@pytest.fixture(params=RUNTIMES)
def make(request: pytest.FixtureRequest) -> Make:
    if request.param != "onnxruntime":
        pytest.importorskip(request.param)
    return RUNTIMES[request.param]


def noise(shape: tuple[int, ...]) -> Batch:
    return np.random.default_rng(3).standard_normal(shape, dtype=np.float32)


def same(session: Session, batch: Batch) -> None:
    depth = session.run(batch)
    assert depth.dtype == np.float32
    np.testing.assert_allclose(depth, tiny_depth(batch), atol=2e-6)


def test_it_has_its_name(make: Make) -> None:
    assert RUNTIMES[make(tiny_onnx()).runtime] is make


@pytest.mark.parametrize("channel_axis", [False, True])
def test_any_batch_and_size(make: Make, channel_axis: bool) -> None:
    session = make(tiny_onnx(channel_axis=channel_axis))
    for shape in [(1, 3, 8, 6), (4, 3, 8, 6), (2, 3, 5, 31), (1, 3, 8, 6)]:
        same(session, noise(shape))


@pytest.mark.parametrize("channel_axis", [False, True])
def test_a_graph_for_one_picture_takes_several(make: Make, channel_axis: bool) -> None:
    session = make(tiny_onnx(batch=1, height_px=8, width_px=6, channel_axis=channel_axis))
    for count in (1, 3):
        same(session, noise((count, 3, 8, 6)))


def test_weights_in_another_file_are_refused(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Left alone, both runtimes read whatever lies in the current folder."""
    onnx = pytest.importorskip("onnx")
    monkeypatch.chdir(tmp_path)
    network = onnx.load_model_from_string(tiny_onnx())
    onnx.save_model(network, "net.onnx", save_as_external_data=True, location="w", size_threshold=0)
    assert (tmp_path / "w").is_file()
    with pytest.raises(ModelFileError, match="weights in another file: save it as one"):
        make((tmp_path / "net.onnx").read_bytes())
    if make is OnnxSession:
        with pytest.raises(ModelFileError, match=r"net\.onnx keeps weights in another file"):
            make(tmp_path / "net.onnx")


def test_a_fixed_size_is_told(make: Make) -> None:
    session = make(tiny_onnx(height_px=8, width_px=6))
    with pytest.raises(InferenceError, match="takes 6 x 8 pixels, not 7 x 8"):
        session.run(noise((1, 3, 8, 7)))


def test_memory_order_does_not_matter(make: Make) -> None:
    same(make(tiny_onnx()), noise((2, 5, 4, 3)).transpose(0, 3, 1, 2))


def test_the_batch_is_not_changed_and_results_do_not_share_memory(make: Make) -> None:
    session, batch = make(tiny_onnx()), noise((1, 3, 4, 4))
    before = batch.copy()
    first = session.run(batch)
    kept = first.copy()
    session.run(batch + 1)
    np.testing.assert_array_equal(batch, before)
    np.testing.assert_array_equal(first, kept)


def test_many_threads_at_once(make: Make) -> None:
    session = make(tiny_onnx(), threads=1)
    batches = [noise((1, 3, 16, 8 + index % 4)) * index for index in range(40)]
    with ThreadPoolExecutor(8) as pool:
        for batch, depth in zip(batches, pool.map(session.run, batches), strict=True):
            np.testing.assert_allclose(depth, tiny_depth(batch), atol=2e-6)


@pytest.mark.parametrize(
    "batch",
    [
        np.zeros((3, 8, 8), np.float32),
        np.zeros((1, 4, 8, 8), np.float32),
        np.zeros((0, 3, 8, 8), np.float32),
        np.zeros((1, 3, 0, 8), np.float32),
        np.zeros((1, 3, 8, 8), np.uint8),
    ],
    ids=["no batch axis", "four channels", "no picture", "no row", "not float"],
)
def test_what_is_no_batch_is_refused(make: Make, batch: Batch) -> None:
    with pytest.raises(InferenceError, match=r"takes \(N, 3, h, w\) float32"):
        make(tiny_onnx()).run(batch)


@pytest.mark.parametrize("threads", [0, -2])
def test_no_threads_are_refused(make: Make, threads: int) -> None:
    with pytest.raises(UsageError, match="at least 1"):
        make(tiny_onnx(), threads=threads)


def damaged() -> dict[str, bytes]:
    good = tiny_onnx()
    return {"empty": b"", "text": b"not a network\n" * 9, "cut off": good[: len(good) // 2]}


@pytest.mark.parametrize("kind", damaged())
def test_a_damaged_file_is_told_in_one_line(
    make: Make, kind: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ModelFileError) as caught:
        make(damaged()[kind])
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_a_batch_fixed_to_several_is_refused(make: Make) -> None:
    with pytest.raises(ModelFileError, match="exactly 4 pictures"):
        make(tiny_onnx(batch=4))


def test_the_bundled_model_answers_alike(make: Make, capfd: pytest.CaptureFixture[str]) -> None:
    model = ModelRegistry().read("nearfar-lite")
    batch = noise((2, 3, 64, 96))
    expected = OnnxSession(model, threads=1).run(batch)
    depth = make(model).run(batch)
    assert np.abs(depth - expected).max() < 1e-4 * np.abs(expected).max()
    assert capfd.readouterr() == ("", "")


def test_the_fake_is_a_session() -> None:
    fake = FakeSession()
    session: Session = fake
    depth = session.run(np.full((2, 3, 3, 2), 0.5, np.float32))
    np.testing.assert_allclose(depth, [[[0.5, 0.5], [1.0, 1.0], [1.5, 1.5]]] * 2)
    assert fake.calls == 1
    assert np.isnan(FakeSession(nan=True).run(noise((1, 3, 4, 4)))).any()
    with pytest.raises(InferenceError, match="broken"):
        FakeSession(error=InferenceError("broken")).run(noise((1, 3, 4, 4)))


def too_large() -> bytes:
    """Make an ONNX file whose run on one pixel wants 12 TiB."""
    from onnx import TensorProto, helper, numpy_helper

    sides = numpy_helper.from_array(np.array([1, 3, 2**20, 2**20], np.int64), "sides")
    axes = numpy_helper.from_array(np.array([1], np.int64), "axes")
    graph = helper.make_graph(
        [
            helper.make_node("Expand", ["image", "sides"], ["large"]),
            helper.make_node("Sin", ["large"], ["sin"]),
            helper.make_node("ReduceMax", ["sin", "axes"], ["depth"], keepdims=0),
        ],
        "large",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, "h", "w"])],
        [helper.make_tensor_value_info("depth", TensorProto.FLOAT, [1, "H", "W"])],
        [sides, axes],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    content: bytes = model.SerializeToString()
    return content


def test_too_little_memory_is_told_as_that_and_not_as_a_wrong_size(make: Make) -> None:
    with pytest.raises(OutOfMemoryError, match="ran out of memory") as caught:
        make(too_large()).run(noise((1, 3, 1, 1)))
    assert "multiples" not in str(caught.value)
    assert isinstance(caught.value, MemoryError)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (RuntimeError("std::bad_alloc"), True),
        (RuntimeError("bad allocation"), True),
        (RuntimeError("Failed to allocate memory for requested buffer of size 1024"), True),
        (OSError(12, "Cannot allocate memory"), True),
        (ValueError("OpenCV(4.10) alloc.cpp: (-4:Insufficient memory) in function"), True),
        (MemoryError(), True),
        (RuntimeError("Non-zero status code: dimensions 3 and 4 differ"), False),
        (RuntimeError("the allocator of names failed"), False),
    ],
)
def test_a_lack_of_memory_is_told_from_other_failures(error: Exception, expected: bool) -> None:
    assert lacks_memory(error) is expected
    wrapped = UsageError("wrapped")
    wrapped.__cause__ = error
    assert lacks_memory(wrapped) is expected
