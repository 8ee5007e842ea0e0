import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from nearfar.effects._render.view_synthesis import Move, view
from nearfar.imaging.inpainting import split

FloatMap = NDArray[np.float32]


def noise(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def block(height: int, width: int, rows: slice, columns: slice) -> FloatMap:
    nearness = np.zeros((height, width), np.float32)
    nearness[rows, columns] = 1
    return nearness


@given(st.integers(1, 40), st.integers(1, 40), st.floats(0, 1))
@settings(max_examples=40, deadline=None)
def test_nothing_moves_without_a_move(height: int, width: int, near: float) -> None:
    photo = noise(height, width)
    scene = split(photo, np.full((height, width), near, np.float32), (3, 3))
    assert np.array_equal(view(scene, Move()), photo)


@given(st.integers(4, 40), st.integers(4, 40), st.integers(-3, 3), st.integers(-3, 3))
@settings(max_examples=40, deadline=None)
def test_one_plane_moves_as_a_whole(height: int, width: int, x: int, y: int) -> None:
    photo = noise(height, width)
    scene = split(photo, np.ones((height, width), np.float32), (3, 3))
    moved = view(scene, Move(x_px=x, y_px=y))
    source = photo[max(0, -y) : height - max(0, y), max(0, -x) : width - max(0, x)]
    target = moved[max(0, y) : height - max(0, -y), max(0, x) : width - max(0, -x)]
    assert np.array_equal(source, target)


@pytest.mark.parametrize(("x", "y"), [(8, 0), (-8, 0), (0, 8), (0, -8), (8, 8), (-8, 8)])
def test_the_nearer_covers_and_the_farther_fills(x: int, y: int) -> None:
    height, width = 120, 160
    rows, columns = slice(40, 80), slice(60, 100)
    photo = np.full((height, width, 3), (0, 0, 255), np.uint8)
    photo[rows, columns] = (255, 0, 0)
    moved = view(split(photo, block(height, width, rows, columns), (8, 8)), Move(x_px=x, y_px=y))
    expected = np.full((height, width, 3), (0, 0, 255), np.uint8)
    expected[40 + y : 80 + y, 60 + x : 100 + x] = (255, 0, 0)
    rim = np.zeros((height, width), bool)
    rim[40 + y - 3 : 80 + y + 3, 60 + x - 3 : 100 + x + 3] = True
    rim[40 + y + 2 : 80 + y - 2, 60 + x + 2 : 100 + x - 2] = False
    assert np.array_equal(moved[~rim], expected[~rim])


def test_gaps_are_filled_with_texture_of_the_background() -> None:
    height, width = 100, 200
    stripes = np.arange(height) // 5 % 2 * 120 + 60
    photo = np.repeat(stripes.astype(np.uint8), width * 3).reshape(height, width, 3)
    photo[30:70, 80:120] = (250, 10, 10)
    scene = split(photo, block(height, width, slice(30, 70), slice(80, 120)), (12, 0))
    moved = view(scene, Move(x_px=12))
    gap = moved[34:66, 80:90]
    assert np.all(np.ptp(gap, axis=2) == 0)  # grey: nothing of the red block
    assert gap.max() > 150  # still striped, not a blur
    assert gap.min() < 100


def test_a_step_forward_enlarges_the_near_about_the_middle() -> None:
    photo = np.zeros((101, 101, 3), np.uint8)
    photo[40:61, 40:61] = 255
    scene = split(photo, np.ones((101, 101), np.float32), (10, 10))
    lit = view(scene, Move(growth=0.2))[50, :, 0] > 127
    assert abs(np.count_nonzero(lit) - 21 * 1.2) <= 1
    assert np.array_equal(lit, lit[::-1])
    zoomed = view(scene, Move(zoom=1.2))[50, :, 0] > 127
    assert abs(np.count_nonzero(zoomed) - 21 * 1.2) <= 1


def test_a_slope_stretches_without_cracks() -> None:
    photo = np.full((80, 300, 3), 200, np.uint8)
    slope = np.tile(np.linspace(0, 1, 300, dtype=np.float32), (80, 1))
    for move in (Move(x_px=20), Move(x_px=-20), Move(x_px=14, y_px=14), Move(growth=0.1)):
        assert np.all(view(split(photo, slope, (20, 20)), move) == 200)
