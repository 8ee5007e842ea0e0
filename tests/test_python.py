"""What an estimator takes, and what its results are to NumPy, notebooks and other processes."""

import io
import multiprocessing
import pickle
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import PIL.Image
import pytest
from numpy.typing import NDArray

import nearfar
from nearfar.depth import DepthMap, MetricDepth
from nearfar.errors import ImageError, UsageError
from nearfar.estimator import Estimator
from nearfar.imaging.color_bar import with_color_bar
from nearfar.io.images import read_image
from tests.fakes import FakeSession
from tests.test_estimator import SPEC

ESTIMATOR = Estimator(SPEC, FakeSession())
RGB = np.random.default_rng(3).integers(0, 256, (48, 64, 3), np.uint8)
EXPECTED = ESTIMATOR(RGB).inverse_depth


def png(pixels: NDArray[np.uint8]) -> bytes:
    stream = io.BytesIO()
    PIL.Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def test_every_form_of_a_photo_gives_the_same_map(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    path.write_bytes(png(RGB))
    opaque = np.dstack([RGB, np.full(RGB.shape[:2], 255, np.uint8)])
    with path.open("rb") as file, PIL.Image.open(path) as picture:
        for photo in (path, str(path), path.read_bytes(), file, picture, opaque):
            np.testing.assert_array_equal(ESTIMATOR(photo), EXPECTED)
    for bgr in (RGB[..., ::-1], opaque[..., [2, 1, 0, 3]], cv2.imread(str(path))):
        assert bgr is not None
        np.testing.assert_array_equal(ESTIMATOR(np.asarray(bgr, np.uint8), bgr=True), EXPECTED)


def test_grey_is_a_photo_of_three_equal_channels() -> None:
    grey = RGB[..., 0]
    expected = ESTIMATOR(np.dstack([grey, grey, grey]))
    wide = PIL.Image.fromarray(grey.astype(np.uint16) * 257)
    for photo in (grey, grey[..., None], PIL.Image.fromarray(grey), wide):
        np.testing.assert_array_equal(ESTIMATOR(photo), expected)


def test_transparent_pixels_are_white() -> None:
    clear = np.dstack([RGB, np.zeros(RGB.shape[:2], np.uint8)])
    white = ESTIMATOR(np.full_like(RGB, 255))
    np.testing.assert_array_equal(ESTIMATOR(clear), white)
    np.testing.assert_array_equal(ESTIMATOR(PIL.Image.fromarray(clear)), white)


def test_a_pil_picture_is_turned_upright(tmp_path: Path) -> None:
    exif = PIL.Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    path = tmp_path / "turned.png"
    PIL.Image.fromarray(RGB).save(path, exif=exif)
    with PIL.Image.open(path) as picture:
        depth = ESTIMATOR(picture)
    assert depth.shape == (64, 48)
    np.testing.assert_array_equal(depth, ESTIMATOR(read_image(path)))


@pytest.mark.parametrize(
    "photo",
    [None, 7, [RGB], RGB.astype(np.float32), RGB.transpose(2, 0, 1), RGB[None], RGB[..., :2]],
    ids=["None", "int", "list", "float", "channels first", "batch", "two channels"],
)
def test_anything_else_is_a_type_error_of_one_line(photo: object) -> None:
    with pytest.raises(TypeError, match="give a path, bytes") as caught:
        ESTIMATOR(photo)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, ImageError)


def test_bgr_is_for_arrays() -> None:
    with pytest.raises(TypeError, match="bgr=True is for arrays, not for bytes"):
        ESTIMATOR(png(RGB), bgr=True)


def test_maps_are_arrays_to_numpy_and_matplotlib() -> None:
    pyplot = pytest.importorskip("matplotlib.pyplot")
    pyplot.switch_backend("Agg")
    values = np.array([[1, 2], [4, np.inf]], np.float32)
    for depth in (DepthMap(np.minimum(values, 9)), MetricDepth(values)):
        assert depth.shape == (2, 2)
        assert np.asarray(depth).dtype == np.float32
        assert np.array(depth, np.float64).dtype == np.float64
        assert not np.shares_memory(np.array(depth), np.asarray(depth))
        with pytest.raises(ValueError, match="float64 needs a copy"):
            np.asarray(depth, np.float64, copy=False)
        shown = pyplot.imshow(depth).get_array()
        np.testing.assert_array_equal(shown.filled(np.inf), np.asarray(depth))
    pyplot.close("all")


def test_maps_describe_themselves_in_a_line() -> None:
    values = np.array([[1, 2], [4, np.inf]], np.float32)
    assert repr(DepthMap(values[:1], "lite")) == (
        "DepthMap(2 x 1 px, inverse depth 1 (far) to 2 (near), by lite)"
    )
    assert repr(MetricDepth(values, "lite")) == "MetricDepth(2 x 2 px, 1 to 4 m, by lite)"
    assert "no surface" in repr(MetricDepth(np.full((1, 1), np.inf, np.float32)))


@pytest.mark.parametrize("shape", [(3, 2), (2000, 1000)])
def test_a_notebook_shows_the_map_with_a_color_bar(shape: tuple[int, int]) -> None:
    near = np.linspace(1, 2, shape[0] * shape[1], dtype=np.float32).reshape(shape)
    for depth in (
        DepthMap(near),
        MetricDepth(np.asarray(1 / near, np.float32)),
        MetricDepth(np.full_like(near, np.inf)),
    ):
        with PIL.Image.open(io.BytesIO(depth._repr_png_())) as picture:
            assert max(picture.size) <= 900
            pixels = np.asarray(picture)
        assert (pixels[0, -1] == 255).all()
    small = DepthMap(near[:2, :2]).colorize()
    sheet = with_color_bar(small, ("near", "far"), "inferno")
    np.testing.assert_array_equal(sheet[:2, :2], small)
    bar = sheet[:, 2 + 12 + 5].astype(int).sum(axis=1)
    assert bar[0] > bar[-1]
    assert (sheet[:, 2 + 12 + 24 :] < 255).any(), "the labels are drawn"


def test_a_picture_s_suffix_writes_the_colors(tmp_path: Path) -> None:
    depth = DepthMap(np.linspace(0, 1, 64 * 48, dtype=np.float32).reshape(48, 64))
    for saved in (depth, MetricDepth(np.asarray(depth) + 1)):
        saved.save(tmp_path / "x.JPG")
        difference = read_image(tmp_path / "x.JPG").astype(int) - saved.colorize()
        assert np.abs(difference).mean() < 4
    with pytest.raises(FileExistsError):
        depth.save(tmp_path / "x.JPG", overwrite=False)


def _mean(estimator: Estimator, photo: NDArray[np.uint8]) -> float:
    return float(np.asarray(estimator(photo)).mean())


def test_an_estimator_works_in_other_processes() -> None:
    estimator = nearfar.load("nearfar-lite", runtime="onnxruntime", threads=1, refine=True)
    again = pickle.loads(pickle.dumps(estimator))  # noqa: S301 - written here
    assert (again.spec, again.options) == (estimator.spec, estimator.options)
    assert again.session.runtime == estimator.session.runtime
    assert pickle.loads(pickle.dumps(estimator.with_fov(50))).fov_deg == 50  # noqa: S301
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        mean = pool.submit(_mean, estimator, RGB).result()
    assert mean == _mean(estimator, RGB)


def test_an_estimator_of_a_session_made_by_hand_can_t_be_pickled() -> None:
    with pytest.raises(UsageError, match=r"use one that nearfar\.load made"):
        pickle.dumps(ESTIMATOR)


def test_pipeline_has_the_keys_of_transformers() -> None:
    pipe = nearfar.pipeline("depth-estimation", "nearfar-lite", runtime="onnxruntime")
    result = pipe(RGB)
    values, picture = result["predicted_depth"], result["depth"]
    np.testing.assert_array_equal(values, pipe.estimator(RGB))
    assert values.dtype == np.float32
    assert (picture.mode, picture.size) == ("L", (64, 48))
    grey = np.asarray(picture)
    assert grey[np.unravel_index(values.argmax(), values.shape)] == 255
    assert grey[np.unravel_index(values.argmin(), values.shape)] == 0
    assert [each["depth"].size for each in pipe([RGB, png(RGB)])] == [(64, 48)] * 2
    with pytest.raises(UsageError, match="there is depth-estimation"):
        nearfar.pipeline("image-segmentation")


def test_dir_shows_the_public_names_only() -> None:
    script = "import nearfar; nearfar.load; print(sorted(nearfar.__all__) == dir(nearfar))"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "True"
    assert nearfar.effects.__name__ == "nearfar.effects"
