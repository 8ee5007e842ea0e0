"""A lens, and the picture that a point out of focus makes: a disc, or a polygon of the blades."""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from nearfar.imaging.color import FloatMap
from nearfar.imaging.resize import half, larger

_FINE: Final = 16
"""Dots a pixel that the kernel is drawn with."""

_KERNEL_PX: Final = 5.0
"""Larger radii are blurred on a smaller copy: at this radius it can't be seen, and direct
filtering of a kernel of 11 x 11 is OpenCV's fastest."""

_TILT: Final = 0.2


@dataclass(frozen=True)
class Lens:
    """How the scene is seen.

    Attributes:
        focus: nearness that is sharp, 0 to 1.
        depth_of_field: nearness to each side of it that is as sharp.
        radius_px: blur of what is 1 away from there.
        blades: of the aperture; under 3 is round.
        bloom: how much brighter highlights are than the photo could store, 0 to 1.
    """

    focus: float
    depth_of_field: float
    radius_px: float
    blades: int
    bloom: float

    def radius(self, nearness: FloatMap) -> FloatMap:
        """Give each pixel's blur in pixels: over 0 before the focus, under 0 behind it.

        The circle of confusion of a thin lens grows as the difference of inverse depths, so it
        can be had from relative depth.
        """
        away: FloatMap = nearness - np.float32(self.focus)
        reach = np.abs(away)
        reach -= np.float32(self.depth_of_field)
        np.maximum(reach, 0, out=reach)
        reach *= np.float32(self.radius_px)
        return np.copysign(reach, away, out=away)


def blur(values: NDArray[np.float32], radius_px: float, blades: int) -> NDArray[np.float32]:
    """Blur by a lens; the sum of the values is kept but for the borders.

    Args:
        values: (H, W) or (H, W, C) float32.
        radius_px: of the disc whose area the opening has; up to a third does nothing.
        blades: of the aperture; under 3 is round.

    Returns:
        The same shape.
    """
    if radius_px <= 1 / 3:
        return values
    shape = values.shape[:2]
    if radius_px > _KERNEL_PX and min(shape) > 1:
        return larger(blur(half(values), radius_px / 2, blades), shape)
    shown = kernel(radius_px, blades)
    blurred = cv2.filter2D(values, -1, shown[::-1, ::-1], borderType=cv2.BORDER_REFLECT)
    return np.asarray(blurred, np.float32).reshape(values.shape)


@lru_cache(maxsize=256)
def kernel(radius_px: float, blades: int) -> FloatMap:
    """Draw the opening; (N, N) float32 with the sum 1, N odd.

    A polygon gets the area of the disc, so the number of blades doesn't change how soft all
    looks.
    """
    around = np.arange(blades or 1) * (2 * math.pi / (blades or 1)) + _TILT - math.pi / 2
    is_round = blades < 3
    reach = 1.0 if is_round else math.sqrt(2 * math.pi / (blades * math.sin(2 * math.pi / blades)))
    side = 2 * math.ceil(radius_px * reach) + 1
    drawn = np.zeros((side * _FINE, side * _FINE), np.uint8)
    middle = (side * _FINE - 1) / 2
    if is_round:
        ramp = np.arange(side * _FINE) - middle
        inside = ramp[:, None] ** 2 + ramp[None, :] ** 2 <= (radius_px * _FINE) ** 2
        drawn[inside] = 1
    else:
        far = radius_px * reach * _FINE
        corners = np.stack([middle + far * np.cos(around), middle + far * np.sin(around)], axis=1)
        cv2.fillPoly(drawn, [np.rint(corners * 16).astype(np.int32)], (1,), shift=4)
    shown = drawn.reshape(side, _FINE, side, _FINE).sum(axis=(1, 3)).astype(np.float64)
    return np.asarray(shown / shown.sum(), np.float32)
