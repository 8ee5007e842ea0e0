import numpy as np
import pytest

from nearfar.config import OutputOptions
from nearfar.depth import DepthMap, MetricDepth, read_depth
from nearfar.errors import DepthFileError
from nearfar.io.depth_files import FORMATS
from nearfar.io.images import DEFAULT_LIMITS, read_image
from nearfar.web.downloads import DOWNLOADS, make_download
from nearfar.web.points import Visit
from tests.web.made import result

RELATIVE = Visit("key")
METRIC = Visit("key", ((50, 20), (10, 20)), (2.0, 10.0))


@pytest.mark.parametrize("name", FORMATS)
def test_every_depth_format_can_be_taken_home(name: str) -> None:
    content, file = make_download(name, result(), RELATIVE, OutputOptions(), DEFAULT_LIMITS)
    depth = read_depth(content, kind="inverse_depth")
    assert isinstance(depth, DepthMap)
    assert file.startswith("toy-depth.")
    np.testing.assert_allclose(depth.inverse_depth, result().depth.inverse_depth, atol=0.13)


@pytest.mark.parametrize("name", ["png16", "exr", "npy"])
def test_with_distances_files_are_in_metres(name: str) -> None:
    content, file = make_download(name, result(), METRIC, OutputOptions(), DEFAULT_LIMITS)
    depth = read_depth(content, kind="metres")
    assert isinstance(depth, MetricDepth)
    assert file.startswith("toy-metres.")
    assert depth.at(25, 3) == pytest.approx(4, abs=0.001)


def test_eight_bits_hold_no_metres() -> None:
    with pytest.raises(DepthFileError):
        make_download("png8", result(), METRIC, OutputOptions(), DEFAULT_LIMITS)


def test_pictures_have_the_chosen_colors() -> None:
    look = OutputOptions(colormap="grey")
    content, file = make_download("color", result(), RELATIVE, look, DEFAULT_LIMITS)
    picture = read_image(content)
    assert file == "toy-depth-color.png"
    assert (picture[0, 0] == 0).all()
    assert (picture[0, -1] == 255).all()
    content, file = make_download("side_by_side", result(), RELATIVE, look, DEFAULT_LIMITS)
    assert file == "toy-depth-side.jpg"
    assert read_image(content).shape[1] > 2 * 64


@pytest.mark.parametrize(
    ("visit", "note"),
    [
        (RELATIVE, b"nearest pixel at 1 m, farthest at 5 m (assumed)"),
        (METRIC, b"2 points of known"),
    ],
)
def test_cloud_says_what_its_metres_rest_on(visit: Visit, note: bytes) -> None:
    content, file = make_download("cloud", result(), visit, OutputOptions(), DEFAULT_LIMITS)
    assert file == "toy-cloud.ply"
    assert content.startswith(b"ply\n")
    assert note in content.partition(b"end_header")[0]


def test_every_format_has_one_button() -> None:
    names = [each.name for each in DOWNLOADS]
    assert len(names) == len(set(names))
    assert set(FORMATS) < set(names)
