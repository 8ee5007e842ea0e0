import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from nearfar.errors import UsageError
from nearfar.imaging.colormaps import COLORMAPS, apply, color_bar, side_by_side


def one(nearness: float, name: str) -> tuple[int, ...]:
    picture = apply(np.full((1, 1), nearness, np.float32), name)
    return tuple(int(channel) for channel in picture[0, 0])


@pytest.mark.parametrize(
    ("name", "far", "near"),
    [
        # published end colors: matplotlib's tables, Google's turbo, ColorBrewer's Spectral
        ("inferno", (0, 0, 4), (252, 255, 164)),
        ("magma", (0, 0, 4), (252, 253, 191)),
        ("viridis", (68, 1, 84), (253, 231, 37)),
        ("turbo", (48, 18, 59), (122, 4, 3)),
        ("spectral", (94, 79, 162), (158, 1, 66)),
        ("grey", (0, 0, 0), (255, 255, 255)),
    ],
)
def test_the_ends_have_the_published_colors(
    name: str, far: tuple[int, ...], near: tuple[int, ...]
) -> None:
    assert np.abs(np.subtract(one(0, name), far)).max() <= 1
    assert np.abs(np.subtract(one(1, name), near)).max() <= 1


def test_the_table_and_its_default() -> None:
    assert COLORMAPS == ("inferno", "magma", "viridis", "turbo", "spectral", "grey")
    ramp = np.linspace(0, 1, 256, dtype=np.float32)[None]
    np.testing.assert_array_equal(apply(ramp), apply(ramp, "inferno"))


def test_colors_between_the_ends() -> None:
    assert one(0.5, "grey") == (128, 128, 128)
    assert one(0.2, "grey") == (51, 51, 51)
    # the middle class of Spectral is pale yellow, its neighbours are orange and green
    assert np.abs(np.subtract(one(0.5, "spectral"), (255, 255, 191))).max() <= 3
    assert one(0.7, "spectral")[0] > one(0.7, "spectral")[2]
    assert one(0.3, "spectral")[1] > one(0.3, "spectral")[0]
    # inferno is warm: red over blue where it is near
    red, _, blue = one(0.7, "inferno")
    assert red > 2 * blue


@pytest.mark.parametrize("name", ["inferno", "magma", "viridis", "grey"])
def test_nearer_is_never_darker(name: str) -> None:
    ramp = np.linspace(0, 1, 256, dtype=np.float32)[None]
    light = cv2.cvtColor(apply(ramp, name), cv2.COLOR_RGB2GRAY).astype(int)
    assert np.diff(light[0]).min() >= -1  # a rounding
    assert light[0, -1] - light[0, 0] > 150


@given(
    nearness=hnp.arrays(
        np.float32,
        hnp.array_shapes(min_dims=2, max_dims=2, max_side=7),
        elements=st.floats(-2, 3, width=32),
    ),
    name=st.sampled_from(COLORMAPS),
)
def test_values_outside_are_clipped(nearness: NDArray[np.float32], name: str) -> None:
    before = nearness.copy()
    picture = apply(nearness, name)
    assert picture.shape == (*nearness.shape, 3)
    assert picture.dtype == np.uint8
    np.testing.assert_array_equal(picture, apply(np.clip(nearness, 0, 1), name))
    np.testing.assert_array_equal(picture, apply(nearness[::-1], name)[::-1])
    np.testing.assert_array_equal(nearness, before)


def test_an_unknown_name_is_refused_with_the_known() -> None:
    with pytest.raises(UsageError, match=r"no color map 'jet': use one of inferno, .*grey"):
        apply(np.zeros((1, 1), np.float32), "jet")


def test_the_bar_is_near_at_the_top() -> None:
    bar = color_bar(3, "grey", width_px=2)
    np.testing.assert_array_equal(bar[:, :, 0], [[255, 255], [128, 128], [0, 0]])
    assert color_bar(100).shape == (100, 24, 3)
    assert color_bar(1).shape == (1, 24, 3)
    with pytest.raises(UsageError, match="24 x 0"):
        color_bar(0)


def test_side_by_side_by_hand() -> None:
    photo = np.full((2, 3, 3), 10, np.uint8)
    picture = np.full((2, 1, 3), 20, np.uint8)
    both = side_by_side(photo, picture, gap_px=2)
    np.testing.assert_array_equal(both[:, :, 1], [[10, 10, 10, 255, 255, 20]] * 2)
    assert side_by_side(photo, photo).shape == (2, 3 + 8 + 3, 3)
    assert side_by_side(photo, photo, gap_px=0).shape == (2, 6, 3)
    with pytest.raises(UsageError, match="not -1"):
        side_by_side(photo, photo, gap_px=-1)


@pytest.mark.parametrize("height_px", [1, 5, 20, 47])
def test_side_by_side_takes_the_photos_height(height_px: int) -> None:
    photo = np.full((20, 30, 3), 10, np.uint8)
    picture = np.full((height_px, 2 * height_px, 3), 200, np.uint8)
    both = side_by_side(photo, picture, gap_px=4)
    assert both.shape == (20, 30 + 4 + 40, 3)
    assert (both[:, :30] == 10).all()
    assert (both[:, 34:] == 200).all()


@pytest.mark.parametrize(("nearness", "level"), [(-np.inf, 0), (-0.2, 0), (1.2, 255), (1e12, 255)])
def test_what_lies_outside_is_clipped_however_far(nearness: float, level: int) -> None:
    assert one(nearness, "grey") == (level, level, level)
    assert one(np.inf, "grey") == (255, 255, 255)


def test_a_large_map_has_in_each_line_what_that_line_has_alone() -> None:
    ramp = np.linspace(-0.5, 1.5, 200 * 7, dtype=np.float32).reshape(200, 7)

    np.testing.assert_array_equal(apply(ramp), np.concatenate([apply(line[None]) for line in ramp]))
