"""From the ground in a picture to the cells of a bird's-eye map."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from nearfar.effects.gridmap import FREE, OCCUPIED, UNKNOWN, OccupancyGrid
from nearfar.effects.ground import Ground

_LOWEST: Final = 0.08  # heights of the camera: lower things are noise of the floor
_HIGHEST: Final = 1.25  # higher things are passed under
_JUMP: Final = 0.1  # relative change of distance between neighbours: a flying pixel


def occupancy(
    ground: Ground, free: NDArray[np.bool_], height_m: float, cell_m: float, range_m: float
) -> OccupancyGrid:
    """Draw the map: free where floor is seen, occupied where something stands, else unknown.

    Args:
        ground: the plane and the camera.
        free: (h, w) bool, floor that is free from the bottom up.
        height_m: of the camera over the floor.
        cell_m: side of a cell.
        range_m: how far ahead; to each side half as far.
    """
    long, half = max(1, round(range_m / cell_m)), max(1, round(range_m / cell_m / 2))
    ahead = (np.arange(long) + 0.5) * cell_m / height_m
    left = (np.arange(-half, half)[:, None] + 0.5) * cell_m / height_m
    cells = np.full((2 * half, long), UNKNOWN, np.int8)
    cells[_sees(ground, free, -left, ahead)] = FREE
    up, right, along = ground.points(ground.inverse_depth)
    solid = ground.above & (up > _LOWEST) & (up < _HIGHEST) & _steady(ground)
    x = np.floor(along[solid] * height_m / cell_m).astype(np.int64)
    y = np.floor(-right[solid] * height_m / cell_m).astype(np.int64) + half
    inside = (x >= 0) & (x < long) & (y >= 0) & (y < 2 * half)
    cells[y[inside], x[inside]] = OCCUPIED
    return OccupancyGrid(cells, cell_m, (0.0, -half * cell_m))


def _sees(
    ground: Ground,
    free: NDArray[np.bool_],
    right: NDArray[np.floating],
    ahead: NDArray[np.floating],
) -> NDArray[np.bool_]:
    """Look up each cell's middle in the picture."""
    down_axis, right_axis, ahead_axis = ground.axes
    x, y, z = (
        down_axis[each] + right * right_axis[each] + ahead * ahead_axis[each] for each in range(3)
    )
    height, width = free.shape
    z = np.where(z > 1e-6, z, np.inf)
    column = np.floor(x / z * ground.focal_px + width / 2).astype(np.int64)
    row = np.floor(y / z * ground.focal_px + height / 2).astype(np.int64)
    inside = np.isfinite(z) & (column >= 0) & (column < width) & (row >= 0) & (row < height)
    seen = free[np.clip(row, 0, height - 1), np.clip(column, 0, width - 1)]
    return np.asarray(inside & seen, np.bool_)


def _steady(ground: Ground) -> NDArray[np.bool_]:
    """Leave out what lies between two surfaces, and what is too far to tell."""
    inverse = ground.inverse_depth - np.float32(ground.beyond)
    steady = inverse > ground.tolerance
    for values, kept in ((inverse, steady), (inverse.T, steady.T)):
        jump = np.abs(values[1:] - values[:-1]) > _JUMP * np.minimum(values[1:], values[:-1])
        kept[1:] &= ~jump
        kept[:-1] &= ~jump
    return np.asarray(steady, np.bool_)
