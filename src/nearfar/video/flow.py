"""Where each pixel went from one frame to another: dense optical flow."""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from nearfar.images import Image
from nearfar.video.steady import Map

Grey = NDArray[np.uint8]
"""(h, w) uint8."""

_SLIP_PX = 1.0


class Places(NamedTuple):
    """Where the pixels of one frame are in another.

    Attributes:
        x_px: (h, w) float32, column.
        y_px: (h, w) float32, row.
    """

    x_px: Map
    y_px: Map

    def of(self, values: NDArray[np.float32] | Grey) -> Map:
        """Look values of the other frame up there, (h, w) float32; replicated at borders."""
        there = cv2.remap(
            values, self.x_px, self.y_px, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        return np.asarray(there, np.float32)

    def enlarged(self, shape: tuple[int, int]) -> "Places":
        """Give the places in, and for, frames of another (height, width)."""
        sides = []
        for grid, own, at in zip(_grid(self.x_px.shape), _grid(shape), self, strict=True):
            moved = cv2.resize(at - grid, shape[::-1], interpolation=cv2.INTER_LINEAR)
            sides.append(own + moved * np.float32(own.size / grid.size))
        return Places(*sides)


class Flow:
    """DIS optical flow (Kroeger et al., ECCV 2016) of OpenCV. For one thread at a time.

    Args:
        is_exact: OpenCV's preset "fast" instead of "ultrafast".
    """

    def __init__(self, *, is_exact: bool = False) -> None:
        preset = (
            cv2.DISOPTICAL_FLOW_PRESET_FAST if is_exact else cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST
        )
        self._dis = cv2.DISOpticalFlow.create(preset)

    def places(self, here: Grey, there: Grey) -> Places:
        """Find the pixels of `here` in `there`, of the same size."""
        flow = np.asarray(self._dis.calc(here, there, None), np.float32)  # type: ignore[call-overload]  # OpenCV's stub knows no None
        columns, rows = _grid(here.shape)
        return Places(columns + flow[..., 0], rows + flow[..., 1])

    def followed(self, here: Grey, there: Grey) -> tuple[Places, NDArray[np.bool_]]:
        """Find the pixels of `here` in `there`, and say which are found again from there.

        Returns:
            The places, and (h, w) bool: true where the flow stays in the picture and leads
            back to within a pixel.
        """
        forth, back = self.places(here, there), self.places(there, here)
        height, width = here.shape
        columns, rows = _grid(here.shape)
        slip_x, slip_y = forth.of(back.x_px - columns), forth.of(back.y_px - rows)
        slip_x += forth.x_px - columns
        slip_y += forth.y_px - rows
        inside = (forth.x_px >= 0) & (forth.x_px <= width - 1)
        inside &= (forth.y_px >= 0) & (forth.y_px <= height - 1)
        return forth, inside & (slip_x**2 + slip_y**2 < _SLIP_PX**2)


def grey_of(photo: Image, shape: tuple[int, int]) -> Grey:
    """Give a photo without colours, at a map's (height, width)."""
    small = cv2.resize(photo, shape[::-1], interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.uint8)


def _grid(shape: tuple[int, ...]) -> tuple[Map, Map]:
    """Give the columns' numbers, (1, w), and the rows', (h, 1)."""
    height, width = shape
    return np.arange(width, dtype=np.float32)[None], np.arange(height, dtype=np.float32)[:, None]
