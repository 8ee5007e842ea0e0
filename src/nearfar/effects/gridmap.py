"""A bird's-eye map of what is free, as ROS's map_server reads it."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

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
        """Give the picture, binary PGM: white is free, black occupied, grey unknown."""
        picture = np.full(self.cells.shape, _GREY[UNKNOWN], np.uint8)
        for cell in (FREE, OCCUPIED):
            picture[self.cells == cell] = _GREY[cell]
        height, width = self.cells.shape
        header = f"P5\n{width} {height}\n255\n"
        return header.encode() + picture[::-1].tobytes()

    def yaml(self, image_name: str) -> str:
        """Give the description that goes with the picture.

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
        """Give what JSON needs; cells by rows, the least y first."""
        return {
            "resolution_m": self.resolution_m,
            "origin_m": list(self.origin_m),
            "cells": self.cells.tolist(),
        }
