"""What graphs of public shapes are fed, and what their outputs become."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from nearfar.camera import Camera
from nearfar.config import EstimateOptions
from nearfar.depth import DepthMap, MetricDepth
from nearfar.errors import InferenceError, ModelFileError, UsageError
from nearfar.estimator import Estimator
from nearfar.models.affine_points import solve_shift
from nearfar.models.family import FAMILIES, InverseDepth, bind, inverse_of
from nearfar.models.recognize import Declaration, describe
from nearfar.models.registry import ModelRegistry
from nearfar.models.spec import GraphSpec, InputSpec, ModelSpec, OutputSpec
from nearfar.runtimes.base import Batch, Outputs, RawDepth, Session, TensorInfo
from nearfar.runtimes.onnx import OnnxSession
from nearfar.runtimes.openvino import OpenvinoSession
from tests.fakes import FakeSession, tiny_depth, tiny_onnx
from tests.models.networks import (
    FARTHEST_M,
    SCALE,
    SHIFT,
    SIZE,
    depth_anything_metric,
    metric3d,
    moge,
    scene,
    unidepth,
)

CAMERA = Camera.from_fov(50, (SIZE[1], SIZE[0]))
FREE = InputSpec(42, 42, 14, "upper_bound", "area")
FIXED = InputSpec(SIZE[1], SIZE[0], 14, "stretch", "area")


def opened(content: bytes, family: str | None, runtime: str = "onnxruntime") -> Session:
    graph = Declaration(family)
    if runtime == "onnxruntime":
        return OnnxSession(content, threads=1, graph=graph)
    known = OnnxSession(content, threads=1, graph=graph).graph.spec
    return OpenvinoSession(content, threads=1, graph=known)


def estimator(content: bytes, family: str, fed: InputSpec = FREE) -> Estimator:
    session = OnnxSession(content, threads=1, graph=Declaration(family))
    spec = ModelSpec(
        name="own",
        file="own.onnx",
        sha256="0" * 64,
        size_bytes=1,
        licence="",
        origin="",
        urls=(),
        input=fed,
        output=OutputSpec("far", "linear"),
        graph=session.graph.spec,
    )
    return Estimator(spec, session)


def ramp(width_px: int = 84, height_px: int = 56) -> NDArray[np.uint8]:
    """A photo that is white at the top and black at the bottom: far above, near below."""
    rows = np.linspace(255, 0, height_px).round().astype(np.uint8)
    return np.ascontiguousarray(np.broadcast_to(rows[:, None, None], (height_px, width_px, 3)))


def metres_of(found: object) -> MetricDepth:
    assert isinstance(found, MetricDepth)
    return found


@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_metres_of_a_network_become_its_inverse(runtime: str) -> None:
    if runtime == "openvino":
        pytest.importorskip("openvino")
    batch = np.random.default_rng(0).random((2, 3, 14, 28), np.float32)
    raw = opened(depth_anything_metric(), "metres", runtime).run(batch)
    np.testing.assert_allclose(1 / raw, batch.mean(axis=1) * FARTHEST_M + 0.5, rtol=1e-5)


def test_a_metric_photo_is_near_where_its_metres_are_few() -> None:
    found = metres_of(estimator(depth_anything_metric(), "metres")(ramp()))
    assert found.size_px == (84, 56)
    assert found.assumption == "metres of the network"
    assert found.metres[-1].max() < 1
    assert found.metres[0].min() > 19
    assert (np.diff(found.metres[:, 10]) < 0).all()
    nearness = found.nearness()
    assert nearness[-1, 0] == 1
    assert nearness[0, 0] == 0
    assert found.relative().at(0, 55) == pytest.approx(1 / found.at(0, 55))
    assert found.colorize()[-1, 0].sum() > found.colorize()[0, 0].sum()


def test_the_same_graph_undeclared_is_inverse_depth_and_said_to_be() -> None:
    session = OnnxSession(depth_anything_metric(), threads=1, graph=Declaration())
    assert session.graph.spec == GraphSpec()
    image = TensorInfo("pixel_values", (1, 3, None, None), "float32")
    depth = TensorInfo("predicted_depth", (1, None, None), "float32")
    first, fed, read = describe(session.graph.spec, [image], [depth])
    assert "the result is inverse depth, larger is nearer" in first
    assert fed == "input pixel_values (1, 3, free, free) float32: the picture"
    assert read == "output predicted_depth (1, free, free) float32: the depth map"


def test_canonical_metres_scale_with_the_focal_length_that_is_fed() -> None:
    own = estimator(metric3d(), "canonical-metres")
    image = ramp()
    camera = Camera.from_fov(40, (84, 56))
    known = metres_of(own(image, camera=camera))
    canonical = metres_of(estimator(metric3d(), "metres")(image))
    # 84 x 56 is fed at 42 x 28, where the focal length is half as many pixels
    factor = camera.fx_px / 2 / 1000
    np.testing.assert_allclose(known.metres, canonical.metres * factor, rtol=1e-5)
    assert "field of view 40 deg" in known.assumption
    assumed = metres_of(own(image))
    assert assumed.assumption.endswith("field of view 60 deg (assumed)")
    by_fov = metres_of(own.for_photo((84, 56), fov_deg=40)(image))
    np.testing.assert_array_equal(by_fov.metres, known.metres)


@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_intrinsics_are_fed_in_pixels_of_what_is_fed(runtime: str) -> None:
    if runtime == "openvino":
        pytest.importorskip("openvino")
    session = opened(unidepth(), "metres", runtime)
    batch = np.zeros((2, 3, *SIZE), np.float32)
    whole = Camera.from_matrix(np.array([[800.0, 0, 420], [0, 800, 280], [0, 0, 1]]), (840, 560))
    assert isinstance(session, OnnxSession | OpenvinoSession)
    raw = session.for_camera(whole).run(batch)
    np.testing.assert_allclose(1 / raw, 40 / 100, rtol=1e-6)
    assumed = Camera.from_fov(60, (42, 28)).fx_px
    np.testing.assert_allclose(1 / session.run(batch), assumed / 100, rtol=1e-6)


def test_a_runtime_that_passes_no_camera_on_is_named() -> None:
    own = estimator(unidepth(), "metres", FIXED)
    other = Estimator(own.spec, FakeSession())
    with pytest.raises(InferenceError, match=r"own uses the camera.*fake"):
        other(ramp())
    assert Estimator(replace(own.spec, graph=GraphSpec()), FakeSession())(ramp()).width_px == 84


@pytest.mark.parametrize("is_known", [True, False], ids=["camera known", "camera unknown"])
def test_affine_points_find_their_shift_and_scale(*, is_known: bool) -> None:
    own = estimator(moge(CAMERA), "affine-points", FIXED)
    image = ramp(*SIZE[::-1])
    found = metres_of(own(image, camera=CAMERA if is_known else None))
    expected = scene(CAMERA)[..., 2] * SCALE
    np.testing.assert_allclose(found.metres[8:], expected[8:], rtol=1e-4)
    assert np.isinf(found.metres[:7]).all()  # outside the mask


def test_affine_points_without_a_scale_are_relative() -> None:
    found = estimator(moge(CAMERA, with_scale=False), "affine-points", FIXED)(ramp(*SIZE[::-1]))
    assert isinstance(found, DepthMap)
    expected = 1 / scene(CAMERA)[8:, :, 2]
    np.testing.assert_allclose(found.inverse_depth[8:], expected, rtol=1e-2)
    assert found.at(5, 27) > found.at(5, 10) > found.at(5, 0) == 0


def test_the_shift_is_exact_also_from_a_bad_start() -> None:
    camera = Camera.from_fov(80, SIZE[::-1])
    for shift in (-3.0, 0.0, SHIFT, 2.0):
        points = scene(camera)
        points[..., 2] -= shift
        assert solve_shift(points, None, camera) == pytest.approx(shift, abs=1e-4)
        assert solve_shift(points, None, None) == pytest.approx(shift, abs=1e-3)
    assert solve_shift(scene(camera), np.zeros(SIZE, np.bool_), camera) == 0


def test_what_is_not_seen_is_infinitely_far_and_nan_stays() -> None:
    metres = np.array([[[2, 0, -1, np.inf, np.nan, 1e-9]]], np.float32)
    np.testing.assert_allclose(inverse_of(metres), [[[0.5, 0, 0, 0, np.nan, 1000]]], rtol=1e-6)
    valid = np.array([[[False, True, True, True, True, True]]])
    assert inverse_of(metres, valid)[0, 0, 0] == 0


def test_a_surface_is_not_mixed_with_what_has_none() -> None:
    own = estimator(depth_anything_metric(), "metres")
    raw = np.array([[0.5, 0.5, 0, 0]] * 2, np.float32)
    found = metres_of(own.finish(raw, ramp(16, 8)))
    assert found.size_px == (16, 8)
    np.testing.assert_allclose(found.metres[:, :8], 2, rtol=1e-6)
    assert np.isinf(found.metres[:, 8:]).all()
    refined = Estimator(own.spec, own.session, EstimateOptions(refine=True))
    np.testing.assert_allclose(metres_of(refined.finish(raw, ramp(16, 8))).metres, found.metres)
    nothing = metres_of(own.finish(np.zeros_like(raw), ramp(16, 8)))
    assert np.isinf(nothing.metres).all()
    assert nothing.colorize().shape == (8, 16, 3)


def test_nan_of_a_metric_network_is_refused() -> None:
    own = estimator(depth_anything_metric(), "metres")
    with pytest.raises(InferenceError, match="NaN or infinity"):
        own.finish(np.array([[np.nan, 1]], np.float32), ramp(16, 8))


def tensors(**shapes: tuple[int | None, ...] | None) -> list[TensorInfo]:
    return [TensorInfo(name, shape, "float32") for name, shape in shapes.items()]


IMAGE = tensors(image=(None, 3, None, None))
MAP = (None, None, None)


def test_what_the_outputs_mean_is_never_guessed() -> None:
    with pytest.raises(UsageError, match=r"declare it as one of inverse, metres"):
        Declaration()(IMAGE, tensors(depth=MAP, confidence=MAP))
    with pytest.raises(UsageError, match="no family 'feet': there are inverse"):
        Declaration("feet")(IMAGE, tensors(depth=MAP))


@pytest.mark.parametrize(
    ("family", "inputs", "outputs", "sentence"),
    [
        ("metres", IMAGE, tensors(a=MAP, b=MAP), r"more than one output is a depth map \(a, b\)"),
        ("metres", IMAGE, tensors(a=(None, 5)), "no output is a depth map"),
        ("metres", tensors(x=(None, 5)), tensors(a=MAP), "no input takes pictures"),
        ("affine-points", IMAGE, tensors(a=MAP), "no output is named points"),
        ("metres", [*IMAGE, *tensors(age=(1,))], tensors(a=MAP), r"also needs age \(1\)"),
    ],
)
def test_a_graph_that_can_not_be_understood_is_refused(
    family: str, inputs: list[TensorInfo], outputs: list[TensorInfo], sentence: str
) -> None:
    with pytest.raises(ModelFileError, match=sentence):
        Declaration(family)(inputs, outputs)


def test_a_named_tensor_wins_and_must_be_there() -> None:
    outputs = tensors(a=MAP, b=MAP)
    found = Declaration("metres", GraphSpec(depth="b"))(IMAGE, outputs)
    assert bind(found, IMAGE, outputs).outputs == ("b",)
    with pytest.raises(ModelFileError, match="no output c: it has a, b"):
        Declaration("metres", GraphSpec(depth="c"))(IMAGE, outputs)


def test_points_in_metres_serve_where_there_is_no_map() -> None:
    outputs = tensors(pts_3d=(None, 3, None, None), confidence=(None, 1, None, None))
    with pytest.raises(ModelFileError, match=r"takes|points|declare|depth"):
        Declaration("affine-points")(IMAGE, tensors(pts_3d=MAP))
    found = Declaration("metres", GraphSpec(points="pts_3d"))(IMAGE, outputs)
    family = bind(found, IMAGE, outputs)
    points = np.arange(12, dtype=np.float32).reshape(1, 3, 2, 2) + 1
    batch = np.zeros((1, 3, 2, 2), np.float32)
    raw = family.read({"pts_3d": points}, batch, None)
    np.testing.assert_allclose(1 / raw, points[:, 2])


def test_a_record_keeps_the_family_and_an_unknown_one_is_refused(tmp_path: Path) -> None:
    store, file = ModelRegistry(tmp_path / "home"), tmp_path / "net.onnx"
    file.write_bytes(tiny_onnx())
    graph = GraphSpec("metres", depth="depth")
    assert store.add("own", file, input=FREE, graph=graph) == store.spec("own")
    assert store.spec("own").graph == graph
    with pytest.raises(UsageError, match="no family"):
        store.add("own", file, input=FREE, graph=GraphSpec("feet"), overwrite=True)


def test_every_row_says_what_it_is() -> None:
    for name, family in FAMILIES.items():
        assert family.name == name
        assert family.sentence


class Halved(InverseDepth):
    """A family for the test below."""

    name = "halved"
    sentence = "half of the inverse depth"

    def read(self, outputs: Outputs, batch: Batch, camera: Camera | None) -> RawDepth:
        return np.asarray(super().read(outputs, batch, camera) / 2, np.float32)


def test_a_new_family_is_one_class_and_its_row(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="no family 'halved'"):
        opened(tiny_onnx(), "halved")
    monkeypatch.setattr("nearfar.models.family.FAMILIES", {**FAMILIES, "halved": Halved})
    batch = np.ones((1, 3, 4, 4), np.float32)
    raw = opened(tiny_onnx(), "halved").run(batch)
    np.testing.assert_allclose(raw, tiny_depth(batch) / 2, rtol=1e-6)
    store, file = ModelRegistry(tmp_path / "home"), tmp_path / "net.onnx"
    file.write_bytes(tiny_onnx())
    store.add("own", file, input=FREE, graph=GraphSpec("halved"))
    assert store.spec("own").graph.family == "halved"
