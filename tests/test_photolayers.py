"""A square before a wall, in layers: cut clean, whole from the front, filled from behind."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from nearfar.imaging.cut_grid import Grid, Surface, surface_of
from nearfar.imaging.layers import STEP, Layers, layered, sharp_edges, steps
from nearfar.io.images import Image

HEIGHT, WIDTH = 120, 160
ROWS, COLUMNS = slice(41, 83), slice(57, 99)
WALL, SQUARE = (0, 60, 200), (210, 20, 0)


def nearness() -> NDArray[np.float32]:
    values = np.zeros((HEIGHT, WIDTH), np.float32)
    values[ROWS, COLUMNS] = 1
    return values


def photo() -> Image:
    """A square before a wall that becomes greener from left to right."""
    picture = np.full((HEIGHT, WIDTH, 3), WALL, np.uint8)
    picture[..., 1] += np.arange(WIDTH, dtype=np.uint8)
    picture[ROWS, COLUMNS] = SQUARE
    return picture


def layers_of(values: NDArray[np.float32], max_vertices: int) -> Layers:
    grid = Grid.over(sharp_edges(values), max_vertices)
    return layered(photo(), grid, *steps(grid.at_vertices()))


def areas(surface: Surface) -> NDArray[np.float64]:
    """Of each face; over 0 where it is counterclockwise as seen, with rows downwards."""
    a, b, c = (surface.places[surface.faces[:, corner]].astype(float) for corner in range(3))
    u, v = b - a, c - a
    return np.asarray((u[:, 1] * v[:, 0] - u[:, 0] * v[:, 1]) / 2)


@pytest.mark.parametrize("max_vertices", [20_000, 3_000, 500])
def test_no_face_spans_the_step_and_the_front_covers_the_photo_once(max_vertices: int) -> None:
    front = layers_of(nearness(), max_vertices).front

    assert np.ptp(front.values[front.faces], axis=1).max() == 0
    assert areas(front).min() >= 0
    assert areas(front).sum() == pytest.approx(HEIGHT * WIDTH)
    near = front.places[front.values == 1]
    rim_px = 1
    assert near.min(axis=0).tolist() == [57 - rim_px, 41 - rim_px]
    assert near.max(axis=0).tolist() == [99 + rim_px, 83 + rim_px]


def test_behind_the_square_is_the_wall_in_its_own_colors() -> None:
    layers = layers_of(nearness(), 3_000)

    assert layers.back is not None
    assert np.abs(layers.back.values).max() < STEP / 10
    assert layers.back.values.max() < 0
    x, y = layers.back.places.T
    for at in (59, 78, 97):  # as far as the camera may ever see behind it
        assert (np.abs(x - at) + np.abs(y - 62)).min() < 8
    behind = layers.plate[ROWS, COLUMNS].astype(int)
    assert behind[..., 0].max() < 10  # nothing of the square's red
    green = 60 + np.arange(WIDTH)[COLUMNS]
    assert np.abs(behind[..., 1] - green).max() < 30
    assert (layers.plate[62, 40:57, 0] == 0).all()


def test_a_smeared_edge_is_cut_as_a_sharp_one() -> None:
    smeared = nearness()
    for _ in range(2):
        smeared += np.roll(smeared, 1, axis=1) + np.roll(smeared, -1, axis=1)
        smeared /= 3

    front = layers_of(smeared, 20_000).front

    assert np.ptp(front.values[front.faces], axis=1).max() < 1.5 * STEP


def test_a_slope_is_not_cut() -> None:
    slope = np.tile(np.linspace(0, 1, HEIGHT, dtype=np.float32)[:, None], (1, WIDTH))

    layers = layers_of(slope, 20_000)

    assert layers.back is None
    assert len(layers.front.faces) == 2 * HEIGHT * WIDTH


@given(
    st.integers(2, 30), st.integers(2, 30), st.integers(1, 9), st.floats(0.05, 0.9), st.integers()
)
@settings(max_examples=60, deadline=None)
def test_any_cuts_leave_the_photo_covered_once(
    height: int, width: int, step: int, least: float, seed: int
) -> None:
    values = np.random.default_rng(abs(seed)).random((height, width)).astype(np.float32)
    grid = Grid.over(values, 10_000, least_px=step)
    at = grid.at_vertices()
    across, down = np.abs(np.diff(at, axis=1)) > least, np.abs(np.diff(at, axis=0)) > least

    surface = surface_of(grid, across, down)

    assert areas(surface).min() >= -1e-6
    assert areas(surface).sum() == pytest.approx(height * width, rel=1e-5)
    assert np.unique(surface.faces).tolist() == list(range(len(surface.places)))
