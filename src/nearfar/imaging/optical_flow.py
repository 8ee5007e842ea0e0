"""Where each pixel went from one picture to another: dense optical flow."""

from functools import lru_cache
from typing import Any, Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from nearfar.io.images import Image

Values = NDArray[np.float32]
"""(h, w) float32."""

Grey = NDArray[np.uint8]
"""(h, w) uint8."""

_SLIP_PX: Final = 1.0

_LEAST_PX: Final = 12
"""OpenCV finds no flow in pictures with a shorter side: they are taken to stand still."""


class Places(NamedTuple):
    """Where the pixels of one picture are in another.

    Attributes:
        xy_px: (h, w, 2) float32, column and row.
    """

    xy_px: Values

    def of(self, values: Values | Grey) -> Values:
        """Look values of the other picture up there, (h, w) float32; replicated at borders.

        Args:
            values: (h, w), or (h, w, c) for a result of that many channels.
        """
        nothing: Any = None  # OpenCV: no second map, as the first has both coordinates
        there = cv2.remap(
            values, self.xy_px, nothing, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        return np.asarray(there, np.float32)


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
        return Places(self._moved(here, there) + _grid(here.shape))

    def followed(self, here: Grey, there: Grey) -> tuple[Places, NDArray[np.bool_]]:
        """Find the pixels of `here` in `there`, and say which are found again from there.

        Returns:
            The places, and (h, w) bool: true where the flow stays in the picture and leads
            back to within a pixel.
        """
        forth, back = self._moved(here, there), self._moved(there, here)
        places = Places(forth + _grid(here.shape))
        slip = places.of(back)
        slip += forth
        height, width = here.shape
        inside = (places.xy_px >= 0).all(axis=2)
        inside &= (places.xy_px <= np.array((width - 1, height - 1), np.float32)).all(axis=2)
        return places, inside & (np.einsum("ijk,ijk->ij", slip, slip) < _SLIP_PX**2)

    def _moved(self, here: Grey, there: Grey) -> Values:
        """(h, w, 2): by how much, in pixels."""
        if min(here.shape) < _LEAST_PX:
            return np.zeros((*here.shape, 2), np.float32)
        nothing: Any = None  # OpenCV: no flow to begin with
        return np.asarray(self._dis.calc(here, there, nothing), np.float32)


def grey_of(photo: Image, shape: tuple[int, int]) -> Grey:
    """Give a photo without colors, at a smaller (height, width)."""
    grey = np.asarray(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY), np.uint8)
    return np.asarray(shrunk(grey, shape), np.uint8)


def shrunk(picture: NDArray[Any], shape: tuple[int, int]) -> NDArray[Any]:
    """Make a picture smaller: halve it as often as that goes, and interpolate the rest.

    Averages of areas would be little better, and take OpenCV many times as long.

    Args:
        picture: (H, W) uint8 or float32.
        shape: height and width.
    """
    height, width = shape
    while picture.shape[0] >= 2 * height and picture.shape[1] >= 2 * width:
        half = picture.shape[1] // 2, picture.shape[0] // 2
        # an odd line at the end is left out, or the factor would not be two
        even = picture[: 2 * half[1], : 2 * half[0]]
        picture = cv2.resize(even, half, interpolation=cv2.INTER_AREA)
    if picture.shape != shape:
        picture = cv2.resize(picture, (width, height), interpolation=cv2.INTER_LINEAR)
    return picture


@lru_cache(maxsize=8)
def _grid(shape: tuple[int, ...]) -> Values:
    """Give each pixel's own column and row, (h, w, 2)."""
    height, width = shape
    grid = np.empty((height, width, 2), np.float32)
    grid[..., 0] = np.arange(width, dtype=np.float32)
    grid[..., 1] = np.arange(height, dtype=np.float32)[:, None]
    grid.flags.writeable = False
    return grid
