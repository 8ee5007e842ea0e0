"""A photo in, a depth map of its size out."""

import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import nearfar
from nearfar.config import EstimateOptions
from nearfar.errors import ImageError, InferenceError, UnknownModelError, UsageError
from nearfar.estimator import Estimator
from nearfar.io.images import ImageFile, read_image
from nearfar.models.spec import InputSpec, ModelSpec, OutputSpec
from nearfar.runtimes.base import Batch, RawDepth
from tests.fakes import FakeSession

SPEC = ModelSpec(
    name="fake",
    file="fake.onnx",
    sha256="0" * 64,
    size_bytes=1,
    licence="none",
    origin="tests/fakes.py",
    urls=(),
    input=InputSpec(64, 64, 32, "lower_bound", "area"),
    output=OutputSpec("far", "linear"),
)


class Constant:
    """A session that answers every picture with the same small map."""

    runtime: str = "constant"

    def __init__(self, raw: Sequence[Sequence[float]]) -> None:
        self.raw = np.array(raw, np.float32)

    def run(self, batch: Batch) -> RawDepth:
        return np.repeat(self.raw[None], len(batch), axis=0)


def photo(height_px: int, width_px: int) -> NDArray[np.uint8]:
    return np.random.default_rng(5).integers(0, 256, (height_px, width_px, 3), np.uint8)


@given(height_px=st.integers(1, 300), width_px=st.integers(1, 300), refine=st.booleans())
def test_map_has_the_size_of_its_photo(height_px: int, width_px: int, refine: bool) -> None:
    estimator = Estimator(SPEC, FakeSession(), EstimateOptions(refine=refine))
    depth = estimator(photo(height_px, width_px))
    assert depth.size_px == (width_px, height_px)
    assert depth.inverse_depth.dtype == np.float32
    assert np.isfinite(depth.inverse_depth).all()
    assert (depth.inverse_depth >= 0).all()
    assert depth.model == "fake"


def test_network_is_fed_the_prepared_photo() -> None:
    session = FakeSession()
    Estimator(SPEC, session)(photo(48, 64))
    assert session.shapes == [(1, 3, 64, 96)]


def test_limit_of_the_longest_side_is_kept() -> None:
    session = FakeSession()
    Estimator(SPEC, session, EstimateOptions(input_size_px=128))(photo(50, 1000))
    assert session.shapes == [(1, 3, 32, 128)]


def test_values_below_zero_are_cut_where_zero_is_far() -> None:
    depth = Estimator(SPEC, Constant([[-1.0, 3.0], [5.0, 7.0]]))(photo(2, 2))
    assert depth.inverse_depth.tolist() == [[0, 3], [5, 7]]


def test_values_are_lifted_where_zero_is_free() -> None:
    spec = replace(SPEC, output=OutputSpec("free", "linear"))
    for lowest in (-1.0, 1.0):
        depth = Estimator(spec, Constant([[lowest, 3], [5, 7]]))(photo(2, 2))
        expected = [[0, 3 - lowest], [5 - lowest, 7 - lowest]]
        assert depth.inverse_depth.tolist() == expected


def test_cubic_overshoot_never_goes_below_zero() -> None:
    spec = replace(SPEC, output=OutputSpec("far", "cubic"))
    step = [[0, 0, 0, 9, 9, 9]] * 6
    assert cv2.resize(np.array(step, np.float32), (60, 60), interpolation=cv2.INTER_CUBIC).min() < 0
    assert Estimator(spec, Constant(step))(photo(60, 60)).inverse_depth.min() == 0


def test_output_is_resized_as_the_model_says() -> None:
    raw = np.random.default_rng(0).random((8, 8), np.float32)
    for name, kind in (("linear", cv2.INTER_LINEAR), ("cubic", cv2.INTER_CUBIC)):
        output = OutputSpec("far", "cubic" if name == "cubic" else "linear")
        depth = Estimator(replace(SPEC, output=output), Constant(raw.tolist()))(photo(50, 70))
        expected = np.maximum(cv2.resize(raw, (70, 50), interpolation=kind), 0)
        np.testing.assert_allclose(depth.inverse_depth, expected, atol=1e-6)


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        np.zeros((0, 4, 3), np.uint8),
    ],
)
def test_only_rgb_arrays_are_prepared(image: NDArray[np.uint8]) -> None:
    with pytest.raises(ImageError, match="read_image returns one"):
        Estimator(SPEC, FakeSession()).prepare(image)


def test_nan_is_an_error_and_not_a_map() -> None:
    with pytest.raises(InferenceError, match="models verify fake"):
        Estimator(SPEC, FakeSession(nan=True))(photo(8, 8))


def test_error_of_the_network_reaches_the_caller() -> None:
    with pytest.raises(InferenceError, match="too hot"):
        Estimator(SPEC, FakeSession(error=InferenceError("too hot")))(photo(8, 8))


def test_big_jpeg_is_decoded_small_and_answered_large(tmp_path: Path) -> None:
    path = tmp_path / "big.jpg"
    cv2.imwrite(str(path), np.full((3000, 4000, 3), 90, np.uint8))
    decoded: list[tuple[int, ...]] = []

    class Watching(Estimator):
        def prepare(self, image: NDArray[np.uint8]) -> Batch:
            decoded.append(image.shape)
            return super().prepare(image)

    with ImageFile(path) as file:
        depth = Watching(SPEC, FakeSession()).from_file(file)
    assert decoded == [(375, 500, 3)]
    assert depth.size_px == (4000, 3000)


def test_small_decode_suffices_for_both_sides_of_a_stretched_picture(tmp_path: Path) -> None:
    path = tmp_path / "wide.jpg"
    cv2.imwrite(str(path), np.full((512, 8000, 3), 90, np.uint8))
    spec = replace(SPEC, input=InputSpec(256, 256, 32, "stretch", "area"))
    session = FakeSession()
    with ImageFile(path) as file:
        assert Estimator(spec, session).from_file(file).size_px == (8000, 512)
        assert file.read(at_least_px=4000).shape[0] >= 256


def test_threads_share_one_estimator(examples: Path) -> None:
    estimator = nearfar.load(threads=1)
    image = read_image(examples / "pet.jpg")
    alone = estimator(image).inverse_depth
    results: list[NDArray[np.float32]] = []
    threads = [
        threading.Thread(target=lambda: results.append(estimator(image).inverse_depth))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4
    for result in results:
        np.testing.assert_array_equal(result, alone)


def ranks(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.argsort(np.argsort(values.ravel())).astype(np.float32)


@pytest.mark.parametrize(
    ("name", "near", "far"),
    [
        # x, y of a patch that is near and of one that is far, read off the photo by eye
        ("street", (120, 480), (60, 60)),
        ("indoor", (400, 900), (250, 450)),
        ("portrait", (240, 350), (480, 60)),
        ("landscape", (300, 900), (1000, 150)),
    ],
)
def test_bundled_model_tells_near_from_far(
    name: str, near: tuple[int, int], far: tuple[int, int], examples: Path
) -> None:
    depth = nearfar.load()(read_image(examples / f"{name}.jpg"))
    assert depth.at(*near) > depth.at(*far)
    assert depth.percentile(*near) > depth.percentile(*far) + 20


def test_flipped_photo_gives_the_flipped_map(examples: Path) -> None:
    estimator = nearfar.load()
    image = read_image(examples / "landscape.jpg")
    straight = estimator(image).inverse_depth
    flipped = estimator(np.ascontiguousarray(image[:, ::-1])).inverse_depth[:, ::-1]
    assert np.corrcoef(ranks(straight), ranks(flipped))[0, 1] > 0.9


def test_load_refuses_what_is_not_there() -> None:
    with pytest.raises(UnknownModelError, match="nearfar-lite"):
        nearfar.load("nearfar-light")
    with pytest.raises(UsageError, match="input_size_px"):
        nearfar.load(input_size_px=1)
