"""Let the colours of the photo decide where depth alone is in doubt."""

from typing import Final

import cv2
import numpy as np

from nearfar.effects.linear import FloatMap
from nearfar.images import Image

_WORK_PX: Final = 256
_ROUNDS: Final = 2
_FEWEST: Final = 64
"""Pixels that must be sure on each side, for their colours to say anything."""

_BELOW: Final = 0.5  # of the cut: what is farther than this is surely far
_ABOVE: Final = 0.06  # more than the cut: what is nearer than this is surely near


def decide(nearness: FloatMap, cut: float, mask: FloatMap, photo: Image) -> FloatMap:
    """Draw the rim of a mask anew by graph cut, where the map is smeared or slopes.

    GrabCut (Rother, Kolmogorov and Blake, SIGGRAPH 2004), with what lies well on either side
    of the cut as its seeds. Where the map steps over the cut at once there is no doubt, and the
    mask stays.

    Args:
        nearness: (H, W) float32, 0 to 1.
        cut: nearness that parts it.
        mask: (H, W) float32, 0 to 1: what is nearer.
        photo: (H, W, 3) uint8 RGB of the same size.

    Returns:
        (H, W) float32, 0 to 1.
    """
    height_px, width_px = mask.shape
    scale = min(1.0, _WORK_PX / max(height_px, width_px))
    size_px = max(1, round(width_px * scale)), max(1, round(height_px * scale))
    near = np.asarray(cv2.resize(nearness, size_px, interpolation=cv2.INTER_NEAREST), np.float32)
    is_near = near > cut
    is_doubted = (near > cut * _BELOW) & (near < cut + _ABOVE)
    sure = [np.count_nonzero(side & ~is_doubted) for side in (is_near, ~is_near)]
    if min(sure) < _FEWEST or not is_doubted.any():
        return mask
    labels = np.where(is_near, cv2.GC_FGD, cv2.GC_BGD).astype(np.uint8)
    labels[is_doubted & is_near] = cv2.GC_PR_FGD
    labels[is_doubted & ~is_near] = cv2.GC_PR_BGD
    small = cv2.resize(photo, size_px, interpolation=cv2.INTER_AREA)
    cv2.setRNGSeed(0)  # of this thread; its clusters begin at random
    far_colours, near_colours = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(
        small, labels, (0, 0, 0, 0), far_colours, near_colours, _ROUNDS, cv2.GC_INIT_WITH_MASK
    )
    drawn = np.asarray(labels & 1, np.float32)
    share = cv2.dilate(is_doubted.astype(np.float32), np.ones((3, 3), np.uint8))
    drawn, share = (
        np.asarray(cv2.resize(each, (width_px, height_px)), np.float32) for each in (drawn, share)
    )
    return np.asarray(mask + share * (drawn - mask), np.float32)
