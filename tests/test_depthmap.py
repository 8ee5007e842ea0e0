from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from nearfar.depth import DepthMap, MetricDepth, read_depth
from nearfar.errors import (
    DepthFileError,
    DepthMapError,
    NearfarError,
    OutputExistsError,
    PointError,
    UsageError,
)
from nearfar.imaging.colormaps import COLORMAPS
from nearfar.io.depth_codecs import DepthRaster
from nearfar.io.depth_files import write_depth

HAND = np.array([[2, 4, 4], [6, 10, 2]], np.float32)


def test_size_and_model() -> None:
    depth = DepthMap(HAND, "midas-small")
    assert (depth.width_px, depth.height_px, depth.size_px) == (3, 2, (3, 2))
    assert depth.model == "midas-small"
    metric = MetricDepth(HAND, "midas-small", "level")
    assert (metric.width_px, metric.height_px, metric.size_px) == (3, 2, (3, 2))
    assert metric.assumption == "level"


def test_nearness_by_hand() -> None:
    nearness = DepthMap(HAND).nearness()
    np.testing.assert_array_equal(
        nearness, np.array([[0, 0.25, 0.25], [0.5, 1, 0]], np.float32), strict=True
    )


def test_robust_nearness_by_hand() -> None:
    # of 0..100 the 2nd percentile is 2, the 98th is 98
    nearness = DepthMap(np.arange(101, dtype=np.float32)[None]).nearness(robust=True)[0]
    assert nearness[[0, 1, 2]].tolist() == [0, 0, 0]
    assert nearness[[98, 99, 100]].tolist() == [1, 1, 1]
    assert nearness[50] == pytest.approx(0.5)
    assert nearness[26] == pytest.approx(0.25)


def test_one_outlier_does_not_darken_a_robust_map() -> None:
    values = np.linspace(1, 2, 10_000, dtype=np.float32).reshape(100, 100)
    values[0, 0] = 1e6
    assert DepthMap(values).nearness().mean() < 0.001
    assert 0.45 < DepthMap(values).nearness(robust=True).mean() < 0.55


@pytest.mark.parametrize("robust", [False, True])
def test_a_constant_map_is_all_far(robust: bool) -> None:
    nearness = DepthMap(np.full((3, 4), 7, np.float32)).nearness(robust=robust)
    np.testing.assert_array_equal(nearness, np.zeros((3, 4), np.float32), strict=True)


def test_robust_limits_that_meet_still_show_the_outlier() -> None:
    values = np.ones((20, 20), np.float32)
    values[3, 4] = 5
    nearness = DepthMap(values).nearness(robust=True)
    assert nearness[3, 4] == 1
    assert nearness.sum() == 1


def test_at_by_hand() -> None:
    depth = DepthMap(HAND)
    assert depth.at(0, 0) == 2
    assert depth.at(1, 1) == 10  # x first, then y
    assert depth.at(2, 1) == 2
    assert depth.at(0, 1) == 6
    assert MetricDepth(HAND).at(0, 1) == 6
    assert isinstance(depth.at(0, 0), float)


@pytest.mark.parametrize(("x_px", "y_px"), [(3, 0), (0, 2), (-1, 0), (0, -1), (99, 99)])
def test_points_outside_are_refused(x_px: int, y_px: int) -> None:
    depth = DepthMap(HAND)
    for read in (depth.at, depth.percentile, MetricDepth(HAND).at):
        with pytest.raises(PointError, match=f"{x_px},{y_px} is outside.*x is from 0 to 2, y"):
            read(x_px, y_px)


def test_percentile_by_hand() -> None:
    depth = DepthMap(HAND)
    # of 6 pixels: 2 2 | 4 4 | 6 | 10; the pixels as near count half
    assert depth.percentile(0, 0) == pytest.approx(100 * 1 / 6)
    assert depth.percentile(1, 0) == pytest.approx(100 * 3 / 6)
    assert depth.percentile(0, 1) == pytest.approx(100 * 4.5 / 6)
    assert depth.percentile(1, 1) == pytest.approx(100 * 5.5 / 6)
    assert DepthMap(np.ones((5, 5), np.float32)).percentile(2, 2) == 50


def test_near_is_bright_and_warm() -> None:
    picture = DepthMap(HAND).colorize()
    assert picture.shape == (2, 3, 3)
    assert picture.dtype == np.uint8
    assert picture[1, 1].tolist() == [252, 255, 164]
    assert picture[0, 0].sum() <= 5
    assert DepthMap(HAND).colorize("grey")[0, 1].tolist() == [64, 64, 64]
    with pytest.raises(UsageError, match="no color map 'hot'"):
        DepthMap(HAND).colorize("hot")


def test_metres_are_colored_by_inverse_distance() -> None:
    # inverse distances 1, 0.5, 0.25 and none: (0.5 - 0.25) / 0.75 is a third
    metric = MetricDepth(np.array([[1, 2], [4, np.inf]], np.float32))
    assert metric.colorize("grey")[:, :, 0].tolist() == [[255, 85], [0, 0]]
    nothing = MetricDepth(np.full((2, 2), np.inf, np.float32))
    assert nothing.colorize("grey", robust=True).max() == 0
    tiny = MetricDepth(np.array([[1e-45, 1]], np.float32))
    assert tiny.colorize("grey")[:, :, 0].tolist() == [[255, 0]]


@pytest.mark.parametrize("name", COLORMAPS)
def test_every_colormap_is_offered(name: str) -> None:
    assert DepthMap(HAND).colorize(name, robust=True).shape == (2, 3, 3)


def test_the_array_is_read_only_and_not_copied() -> None:
    values = HAND.copy()
    for held in (DepthMap(values).inverse_depth, MetricDepth(values).metres):
        assert np.shares_memory(held, values)
        with pytest.raises(ValueError, match="read-only"):
            held[0, 0] = 1
    values[0, 0] = 3  # the caller's own stays his


@pytest.mark.parametrize("dtype", [np.float64, np.float16, np.uint8, np.int32])
def test_real_types_are_converted(dtype: type) -> None:
    depth = DepthMap(HAND.astype(dtype))
    np.testing.assert_array_equal(depth.inverse_depth, HAND, strict=True)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.ones((2, 2, 1)), r"shape \(2, 2, 1\)"),
        (np.ones(4), r"shape \(4,\)"),
        (np.ones((0, 4)), r"shape \(0, 4\)"),
        (np.ones((2, 2), bool), "bool: give float32"),
        (np.ones((2, 2), complex), "complex128"),
        (np.array([["1"]]), "give float32"),
        (np.array([[1, -0.5]]), "from -0.5 to 1"),
        (np.array([[1, np.nan]]), "finite"),
        (np.array([[1, np.inf]]), "finite"),
        (np.array([[1, 1e300]]), "finite"),
    ],
)
def test_what_is_no_relative_map_is_refused(values: NDArray[np.float32], message: str) -> None:
    with pytest.raises(DepthMapError, match=message) as caught:
        DepthMap(values)
    assert isinstance(caught.value, NearfarError)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("bad", [0, -1, np.nan, -np.inf])
def test_what_is_no_distance_is_refused(bad: float) -> None:
    with pytest.raises(DepthMapError, match="over 0"):
        MetricDepth(np.array([[1, bad]], np.float32))
    MetricDepth(np.array([[1, np.inf]], np.float32))


@pytest.mark.parametrize("name", ["map.png", "map.exr", "map.tiff", "map.npz"])
def test_both_kinds_come_back_as_what_they_were(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    DepthMap(HAND, "midas-small").save(path)
    depth = read_depth(path)
    assert isinstance(depth, DepthMap)
    assert depth.model == "midas-small"
    np.testing.assert_allclose(depth.inverse_depth, HAND, atol=1e-4)

    MetricDepth(HAND, "midas-small", "two points").save(path)
    metric = read_depth(path.read_bytes())
    assert isinstance(metric, MetricDepth)
    assert (metric.model, metric.assumption) == ("midas-small", "two points")
    np.testing.assert_allclose(metric.metres, HAND, atol=5e-4)


def test_relative_is_never_read_as_metres(tmp_path: Path) -> None:
    DepthMap(HAND).save(tmp_path / "map.png")
    with pytest.raises(DepthFileError, match="holds inverse_depth, not metres"):
        read_depth(tmp_path / "map.png", kind="metres")
    DepthMap(HAND).save(tmp_path / "map.pfm")
    with pytest.raises(DepthFileError, match="does not say"):
        read_depth(tmp_path / "map.pfm")
    assert isinstance(read_depth(tmp_path / "map.pfm", kind="metres"), MetricDepth)


def test_save_takes_a_format_and_keeps_a_file(tmp_path: Path) -> None:
    path = tmp_path / "map.bin"
    DepthMap(HAND).save(path, format="npy")
    np.testing.assert_array_equal(np.load(path), HAND)
    with pytest.raises(OutputExistsError):
        MetricDepth(HAND).save(path, format="npy", overwrite=False)
    same = tmp_path / "same.bin"
    write_depth(DepthRaster(HAND, "inverse_depth"), same, format="npy")
    assert same.read_bytes() == path.read_bytes()


MAPS = hnp.arrays(
    np.float32,
    hnp.array_shapes(min_dims=2, max_dims=2, max_side=8),
    elements=st.floats(0, float(np.float32(3e38)), width=32),
)


@given(values=MAPS, robust=st.booleans())
def test_nearness_keeps_the_order(values: NDArray[np.float32], robust: bool) -> None:
    nearness = DepthMap(values).nearness(robust=robust)
    assert nearness.dtype == np.float32
    assert nearness.shape == values.shape
    assert nearness.min() == 0
    order = np.argsort(values, axis=None, kind="stable")
    assert (np.diff(nearness.ravel()[order]) >= 0).all()
    assert nearness.max() == (0 if values.min() == values.max() else 1)


@given(values=MAPS)
def test_percentiles_average_to_half(values: NDArray[np.float32]) -> None:
    depth = DepthMap(values)
    height_px, width_px = values.shape
    shares = [depth.percentile(x, y) for x in range(width_px) for y in range(height_px)]
    assert np.mean(shares) == pytest.approx(50)
    assert all(0 < share < 100 for share in shares)
