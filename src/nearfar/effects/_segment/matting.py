"""Soft masks (alpha mattes) and foreground color estimation."""

from typing import Final, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from nearfar.imaging.color import FloatMap, Light
from nearfar.imaging.guided_filter import Guide
from nearfar.imaging.resize import half, larger, larger_at
from nearfar.io.images import Image
from nearfar.parallel import run_parallel

Places: TypeAlias = NDArray[np.intp]
"""(n,) flat indices of pixels."""

RAMP: Final = 0.04
"""Nearness from wholly on one side of a cut to wholly on the other."""

_EPSILON: Final = 1e-5
WORK_PX: Final = 640
"""Longer side that `soften` works at: a larger mask tells it no more."""

_SEEN: Final = 1 / 510  # half a step of a byte: less is nothing, and as much short of 1 is all
_SURE: Final = 0.1  # what the filter leaves below this, or over 1 minus it, is decided


def nearer_than(nearness: FloatMap, cut: float) -> FloatMap:
    """Return a mask of what is nearer than a cut, with a short ramp.

    Args:
        nearness: (H, W) float32, 0 to 1.
        cut: nearness where the mask is a half.

    Returns:
        (H, W) float32, 0 to 1.
    """
    return np.asarray(np.clip((nearness - cut) / RAMP + 0.5, 0, 1), np.float32)


def soften(mask: FloatMap, photo: Image, radius: float) -> FloatMap:
    """Make the rim of a mask follow the photo: hair, fur, the blur of an edge.

    Args:
        mask: (h, w) float32, 0 to 1, of the photo's size or smaller.
        photo: (H, W, 3) uint8 RGB.
        radius: how far the rim reaches, as part of the longer side; 0 changes nothing.

    Returns:
        (H, W) float32, 0 to 1; the mask itself farther than twice that from any rim.
    """
    if radius == 0 or mask.min() == mask.max():
        return larger(mask, photo.shape)
    guide = Guide(photo, radius, _EPSILON, work_px=WORK_PX, only=mask)
    soft = guide.filter(guide.shrink(mask))
    return np.asarray(np.clip((soft - _SURE) / (1 - 2 * _SURE), 0, 1), np.float32)


def own_light(light: Light, alpha: FloatMap, radius_px: int) -> tuple[Places, Light]:
    """Take the background's color out of a rim that is half transparent.

    Args:
        light: (H, W, 3) float32, linear.
        alpha: (H, W) float32, how much of each pixel is foreground.
        radius_px: about the width of the rim.

    Returns:
        (n,) flat indices of the pixels of the rim, and (n, 3) float32, the light of the
        foreground alone there ("Approximate Fast Foreground Color Estimation", Forte 2021).
    """
    small, share = half(light), half(alpha)
    near_px = max(1, radius_px // 2)
    rim = np.flatnonzero((alpha > _SEEN) & (alpha < 1 - _SEEN))
    fore, back = run_parallel(
        lambda: larger_at(around(small, share, near_px), alpha.shape, rim),
        lambda: larger_at(around(small, 1 - share, near_px), alpha.shape, rim),
    )
    part = alpha.ravel()[rim, None]
    own: Light = light.reshape(-1, 3)[rim] - back
    own -= part * (fore - back)
    own *= part
    own += fore
    return rim, np.clip(own, 0, 1, out=own)


def around(light: Light, weight: FloatMap, radius_px: int) -> Light:
    """Return the weighted mean of the light around each pixel.

    Args:
        light: (H, W, 3) float32.
        weight: (H, W) float32, 0 to 1.
        radius_px: half width of the window.

    Returns:
        (H, W, 3) float32; black where nothing around has a weight.
    """
    side = 2 * max(1, radius_px) + 1
    total = cv2.blur(weight, (side, side), borderType=cv2.BORDER_REFLECT)
    summed = cv2.blur(light * weight[..., None], (side, side), borderType=cv2.BORDER_REFLECT)
    mean = np.asarray(summed, np.float32).reshape(light.shape)
    mean /= np.maximum(np.asarray(total, np.float32), np.float32(1e-6))[..., None]
    return mean
