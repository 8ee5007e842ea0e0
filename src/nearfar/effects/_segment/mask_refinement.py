"""Refine a mask with the photo's colors where the depth map is uncertain."""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from nearfar.imaging.color import FloatMap
from nearfar.imaging.guided_filter import Guide
from nearfar.imaging.resize import smaller
from nearfar.io.images import Image
from nearfar.parallel import run_parallel

_COARSE: Final = 0.05, 1e-3
"""Half width of the window in which the odds are smoothed, as part of the longer side, and the
variance of the photo below which an edge counts as noise."""

_FINE: Final = 0.015, 1e-4
"""Of the window that brings the rim to the photo's edges in the end."""

_ROUNDS: Final = 5
_BINS: Final = 24  # a channel
_DEPTH: Final = 2.0  # largest log odds of depth
_COLOR: Final = 4.0  # and of color
_RARE: Final = 1e-5  # frequency of a color that does not occur
_AROUND: Final = 0.15  # of the longer side: how far off the background's colors still count
_ELSEWHERE: Final = 0.15  # weight of the colors of the rest
_STEEP: Final = 3.0


def decide(belief: FloatMap, photo: Image) -> FloatMap:
    """Draw a mask by depth and color together.

    Each side's colors are learnt from a soft mask, each pixel's odds by depth and color are
    smoothed along the photo's edges, and so in turn. The seeds and the rounds are those of
    GrabCut (Rother, Kolmogorov and Blake, SIGGRAPH 2004); in place of the graph cut stands the
    filtering of the odds with a guided filter (Hosni et al., "Fast Cost-Volume Filtering for
    Visual Correspondence and Beyond", TPAMI 2013), which takes a tenth of the time.

    Args:
        belief: (H, W) float32, evidence of depth: 1 is surely inside, -1 surely outside.
        photo: (H, W, 3) uint8 RGB of the same size.

    Returns:
        (H, W) float32, 0 to 1.
    """
    guide, fine_guide = run_parallel(lambda: Guide(photo, *_COARSE), lambda: Guide(photo, *_FINE))
    by_depth = guide.shrink(belief) * np.float32(_DEPTH)
    codes = _codes(smaller(photo, guide.size_px))
    nearby = _around((by_depth > 0).astype(np.float32))
    share = _chance(2 * by_depth)
    for _ in range(_ROUNDS):
        inside = _colors(codes, share * share)
        outside = _colors(codes, (1 - share) ** 2 * nearby)
        by_color = np.log((inside + _RARE) / (outside + _RARE))[codes]
        odds = by_depth + np.clip(by_color, -_COLOR, _COLOR)
        share = np.clip(guide.filter_small(_chance(odds)), 0, 1)
    return _steep(fine_guide.filter(_steep(share)))


def _steep(share: FloatMap) -> FloatMap:
    return np.asarray(np.clip((share - 0.5) * _STEEP + 0.5, 0, 1), np.float32)


def _chance(odds: FloatMap) -> FloatMap:
    return np.asarray(1 / (1 + np.exp(-odds)), np.float32)


def _codes(photo: Image) -> NDArray[np.intp]:
    """Return the bin of each pixel's color in Lab, spread over what the photo has."""
    lab = cv2.cvtColor(photo, cv2.COLOR_RGB2LAB).astype(np.float32)
    low, high = lab.min(axis=(0, 1)), lab.max(axis=(0, 1))
    steps = (lab - low) / np.maximum(high - low, 32) * _BINS
    bins = np.minimum(steps.astype(np.intp), _BINS - 1)
    return np.asarray((bins[..., 0] * _BINS + bins[..., 1]) * _BINS + bins[..., 2], np.intp)


def _colors(codes: NDArray[np.intp], weight: FloatMap) -> FloatMap:
    """Return the share of each color, smoothed over neighbouring ones; they sum to 1."""
    counts = np.bincount(codes.ravel(), weights=weight.ravel(), minlength=_BINS**3)
    tall = np.array([[1], [4], [6], [4], [1]], np.float32) / 16
    cube = counts.astype(np.float32).reshape(_BINS, -1)
    for _ in range(3):  # each time along the first axis, which then becomes the last
        smooth = cv2.filter2D(cube, -1, tall, borderType=cv2.BORDER_CONSTANT)
        cube = np.ascontiguousarray(smooth.reshape(_BINS, -1).T).reshape(_BINS, -1)
    return np.asarray(cube.ravel() / max(float(cube.sum()), _RARE), np.float32)


def _around(inside: FloatMap) -> FloatMap:
    side = 2 * max(1, round(_AROUND * max(inside.shape))) + 1
    near = cv2.blur(inside, (side, side), borderType=cv2.BORDER_CONSTANT) > 0
    return np.asarray(np.where(near, np.float32(1), np.float32(_ELSEWHERE)), np.float32)
