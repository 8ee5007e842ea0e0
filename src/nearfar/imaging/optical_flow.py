"""Dense optical flow between two images."""

from functools import lru_cache
from typing import Any, Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from nearfar.io.images import Image

Values = NDArray[np.float32]
"""(h, w) float32."""

Gray = NDArray[np.uint8]
"""(h, w) uint8."""

_MAX_ERROR_PX: Final = 1.0

_MIN_SIDE_PX: Final = 12
"""OpenCV computes no flow for images with a shorter side; it is then assumed to be zero."""


class Positions(NamedTuple):
    """Positions of one image's pixels in another image.

    Attributes:
        xy_px: (h, w, 2) float32, column and row.
    """

    xy_px: Values

    def sample(self, values: Values | Gray) -> Values:
        """Sample values of the other image at these positions: (h, w) float32, edges replicated.

        Args:
            values: (h, w), or (h, w, c) for a result with c channels.
        """
        nothing: Any = None  # OpenCV: no second map, as the first has both coordinates
        sampled = cv2.remap(
            values, self.xy_px, nothing, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        return np.asarray(sampled, np.float32)


class Flow:
    """DIS optical flow (Kroeger et al., ECCV 2016) of OpenCV. Not thread-safe.

    Args:
        is_exact: use OpenCV's preset "fast" instead of "ultrafast".
    """

    def __init__(self, *, is_exact: bool = False) -> None:
        preset = (
            cv2.DISOPTICAL_FLOW_PRESET_FAST if is_exact else cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST
        )
        self._dis = cv2.DISOpticalFlow.create(preset)

    def track(self, first: Gray, second: Gray) -> Positions:
        """Return the positions of the pixels of `first` in `second`, an image of the same size."""
        return Positions(self._flow(first, second) + _grid(first.shape))

    def track_both_ways(self, first: Gray, second: Gray) -> tuple[Positions, NDArray[np.bool_]]:
        """Track the pixels of `first` to `second`, with a forward-backward check.

        Returns:
            The positions, and (h, w) bool: True where the flow stays inside the image and the
            backward flow returns to within a pixel.
        """
        forward, backward = self._flow(first, second), self._flow(second, first)
        positions = Positions(forward + _grid(first.shape))
        error = positions.sample(backward)
        error += forward
        height, width = first.shape
        inside = (positions.xy_px >= 0).all(axis=2)
        inside &= (positions.xy_px <= np.array((width - 1, height - 1), np.float32)).all(axis=2)
        return positions, inside & (np.einsum("ijk,ijk->ij", error, error) < _MAX_ERROR_PX**2)

    def _flow(self, first: Gray, second: Gray) -> Values:
        """Return the flow, (h, w, 2), in pixels."""
        if min(first.shape) < _MIN_SIDE_PX:
            return np.zeros((*first.shape, 2), np.float32)
        nothing: Any = None  # OpenCV: no initial flow
        return np.asarray(self._dis.calc(first, second, nothing), np.float32)


def to_gray(photo: Image, shape: tuple[int, int]) -> Gray:
    """Convert a photo to gray, and scale it down to (height, width)."""
    grey = np.asarray(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY), np.uint8)
    return np.asarray(downscale(grey, shape), np.uint8)


def downscale(picture: NDArray[Any], shape: tuple[int, int]) -> NDArray[Any]:
    """Scale an image down: halve it as often as possible, then interpolate.

    Area averaging would be little better, but takes OpenCV many times as long.

    Args:
        picture: (H, W) uint8 or float32.
        shape: height and width.
    """
    height, width = shape
    while picture.shape[0] >= 2 * height and picture.shape[1] >= 2 * width:
        half = picture.shape[1] // 2, picture.shape[0] // 2
        # an odd last row or column is left out, so that the factor is exactly two
        even = picture[: 2 * half[1], : 2 * half[0]]
        picture = cv2.resize(even, half, interpolation=cv2.INTER_AREA)
    if picture.shape != shape:
        picture = cv2.resize(picture, (width, height), interpolation=cv2.INTER_LINEAR)
    return picture


@lru_cache(maxsize=8)
def _grid(shape: tuple[int, ...]) -> Values:
    """Return each pixel's column and row, (h, w, 2)."""
    height, width = shape
    grid = np.empty((height, width, 2), np.float32)
    grid[..., 0] = np.arange(width, dtype=np.float32)
    grid[..., 1] = np.arange(height, dtype=np.float32)[:, None]
    grid.flags.writeable = False
    return grid
