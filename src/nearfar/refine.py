"""Carry the photo's edges into a map that was made at a smaller size."""

from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from nearfar.io.images import Image

FloatMap: TypeAlias = NDArray[np.float32]

RADIUS_PX = 4
"""Half width of the window, in pixels of the network's own map."""

EPSILON = 1e-4
"""Variance of the photo, in [0, 1] squared, below which an edge counts as noise."""


def refine(small: FloatMap, photo: Image) -> FloatMap:
    """Enlarge a map with the photo as guide.

    The fast guided filter (He and Sun, "Fast Guided Filter", arXiv 1505.00996): in every
    window of the small map the depth is fitted as `a * brightness + b`; only `a` and `b`,
    which are smooth, are enlarged, and meet the brightness of the full photo. Radius and
    epsilon were chosen with `benchmarks/refine.py`.

    Args:
        small: (h, w) float32, the network's map.
        photo: (H, W, 3) uint8 RGB of the same view.

    Returns:
        (H, W) float32; may reach a little below the smallest value of `small`.
    """
    height_px, width_px = photo.shape[:2]
    guide = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)
    coarse = cv2.resize(guide, small.shape[::-1], interpolation=cv2.INTER_AREA)
    bright: FloatMap = coarse.astype(np.float32) / np.float32(255)
    mean_bright, mean_small = _mean(bright), _mean(small)
    covariance = _mean(bright * small) - mean_bright * mean_small
    variance = _mean(bright * bright) - mean_bright * mean_bright
    slope = covariance / (variance + np.float32(EPSILON))
    offset = mean_small - slope * mean_bright
    result = _enlarged(_mean(slope) / np.float32(255), width_px, height_px)
    result *= guide
    result += _enlarged(_mean(offset), width_px, height_px)
    return result


def _mean(values: FloatMap) -> FloatMap:
    side = 2 * RADIUS_PX + 1
    mean = cv2.boxFilter(values, -1, (side, side), borderType=cv2.BORDER_REPLICATE)
    return np.asarray(mean, np.float32)


def _enlarged(values: FloatMap, width_px: int, height_px: int) -> FloatMap:
    large = cv2.resize(values, (width_px, height_px), interpolation=cv2.INTER_LINEAR)
    return np.asarray(large, np.float32)
