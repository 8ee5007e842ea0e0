"""Align the edges of a depth map with the edges of the photo."""

from typing import Final

import cv2
import numpy as np

from nearfar.imaging.color import FloatMap
from nearfar.imaging.guided_filter import WORK_PX, Guide
from nearfar.imaging.resize import fitting, smaller
from nearfar.io.images import Image
from nearfar.parallel import run_parallel

RADIUS: Final = 0.05
"""Half width of the window, as part of the longer side: how far an edge may move."""

EPSILON: Final = 1e-4
"""As of `Guide`."""

_FINE: Final = 0.008  # half width of the last window, as part of the longer side
_STEP: Final = 1 / 12
_GAIN: Final = 4
_SHARP: Final = (0.25, 0.6)
"""An edge is left alone when this share of its height lies within three pixels of the small
copy: none below the first, all above the second."""


def snap(nearness: FloatMap, photo: Image) -> FloatMap:
    """Sharpen the smeared edges of a map, where the photo has an edge near.

    The map is cut into level sets, "nearer than t" as a soft ramp four steps wide; each goes
    through the guided filter and is then made four times as steep, so that it decides for one
    side. Their sum is the map again: a plane, which decides nowhere, comes back as it was. The
    idea is that of the weighted median by level sets (Ma et al., "Constant Time Weighted Median
    Filtering for Stereo Matching and Beyond", ICCV 2013). Edges that are sharp already stay.

    Args:
        nearness: (H, W) float32, 0 to 1.
        photo: (H, W, 3) uint8 RGB of the same size.

    Returns:
        (H, W) float32, 0 to 1.
    """
    guide, fine_guide = run_parallel(
        lambda: Guide(photo, RADIUS, EPSILON), lambda: Guide(photo, _FINE, EPSILON)
    )
    small = guide.shrink(nearness)
    smeared, counts = _edges(small)
    smear = smeared * counts
    if not smear.any():
        return nearness
    margin = _GAIN // 2
    levels = range(-margin, round(1 / _STEP) + margin + 1)
    even, odd = run_parallel(
        lambda: _snapped_levels(guide, small, levels[::2]),
        lambda: _snapped_levels(guide, small, levels[1::2]),
    )
    snapped = (even + odd - np.float32(margin + 0.5)) * np.float32(_STEP)
    np.clip(snapped, 0, 1, out=snapped)
    fine, share = run_parallel(lambda: fine_guide.filter(snapped), lambda: guide.enlarge(smear))
    fine -= nearness
    fine *= share
    fine += nearness
    return np.clip(fine, 0, 1, out=fine)


def _snapped_levels(guide: Guide, small: FloatMap, levels: range) -> FloatMap:
    """Return the sum of some level sets, each decided for one side."""
    total = np.zeros_like(small)
    for index in levels:
        level = np.clip((small - np.float32(index * _STEP)) / np.float32(_GAIN * _STEP) + 0.5, 0, 1)
        if level.min() == level.max():
            total += level
        else:
            total += np.clip((guide.filter_small(level) - 0.5) * _GAIN + 0.5, 0, 1)
    return total


def doubt(nearness: FloatMap) -> FloatMap:
    """Return where a map's edges can't be trusted, 0 to 1.

    Args:
        nearness: (H, W) float32, 0 to 1.

    Returns:
        (h, w) float32, of the size that the filter works at: 0 near sharp edges, and everywhere
        in a map that has no smeared ones.
    """
    smeared, counts = _edges(smaller(nearness, fitting(nearness.shape, WORK_PX)))
    if not (smeared * counts).any():
        return np.zeros_like(smeared)
    return np.asarray(1 - (1 - smeared) * counts, np.float32)


def _edges(small: FloatMap) -> tuple[FloatMap, FloatMap]:
    """Return how smeared the highest edge near is, 0 to 1, and whether there is one.

    It is smeared where much depth changes, but little at a time.
    """
    side = 2 * max(1, round(RADIUS * max(small.shape))) + 1
    window = np.ones((side, side), np.uint8)
    near3 = np.ones((3, 3), np.uint8)
    steep = cv2.morphologyEx(small, cv2.MORPH_GRADIENT, near3)
    steepest = cv2.dilate(steep, window)
    height = cv2.morphologyEx(small, cv2.MORPH_GRADIENT, window)
    low, high = _SHARP
    share = steepest / np.maximum(height, np.float32(1e-3))
    smeared = np.clip((high - share) / (high - low), 0, 1)
    counts = np.clip(height / np.float32(0.05) - 1, 0, 1)
    return np.asarray(smeared, np.float32), np.asarray(counts, np.float32)
