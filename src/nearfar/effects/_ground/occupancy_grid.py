"""Build a bird's-eye occupancy grid in the format of ROS map_server."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nearfar.effects._ground.ground import Ground

FREE: Final = 0
OCCUPIED: Final = 100
UNKNOWN: Final = -1

_GREY: Final = {FREE: 254, OCCUPIED: 0, UNKNOWN: 205}  # as map_saver writes them


@dataclass(frozen=True, eq=False)
class OccupancyGrid:
    """Cells of the ground as of nav_msgs/OccupancyGrid; x is ahead, y to the left (REP 103).

    Attributes:
        cells: (H, W) int8: 0 free, 100 occupied, -1 unknown; the first row is that of the
            least y, the first column that of the least x.
        resolution_m: side of a cell.
        origin_m: x and y of the outer corner of the first cell; the camera's foot is (0, 0).
    """

    cells: NDArray[np.int8]
    resolution_m: float
    origin_m: tuple[float, float]

    def at(self, x_m: float, y_m: float) -> int:
        """Read the cell at a place; unknown outside."""
        column = int(np.floor((x_m - self.origin_m[0]) / self.resolution_m))
        row = int(np.floor((y_m - self.origin_m[1]) / self.resolution_m))
        inside = 0 <= row < self.cells.shape[0] and 0 <= column < self.cells.shape[1]
        return int(self.cells[row, column]) if inside else UNKNOWN

    def pgm(self) -> bytes:
        """Return the picture, binary PGM: white is free, black occupied, grey unknown."""
        picture = np.full(self.cells.shape, _GREY[UNKNOWN], np.uint8)
        for cell in (FREE, OCCUPIED):
            picture[self.cells == cell] = _GREY[cell]
        height, width = self.cells.shape
        header = f"P5\n{width} {height}\n255\n"
        return header.encode() + picture[::-1].tobytes()

    def yaml(self, image_name: str) -> str:
        """Return the description that goes with the picture.

        Args:
            image_name: the picture's file name, beside the description.
        """
        x_m, y_m = self.origin_m
        return (
            f"image: {image_name}\n"
            f"resolution: {self.resolution_m:g}\n"
            f"origin: [{x_m:g}, {y_m:g}, 0]\n"
            "negate: 0\n"
            "occupied_thresh: 0.65\n"
            "free_thresh: 0.196\n"
        )

    def values(self) -> dict[str, Any]:
        """Return what JSON needs; cells by rows, the least y first."""
        return {
            "resolution_m": self.resolution_m,
            "origin_m": list(self.origin_m),
            "cells": self.cells.tolist(),
        }


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
