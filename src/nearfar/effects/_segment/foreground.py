"""Subtract the floor from a nearness map, so that what stands on it remains."""

import math
from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from nearfar.imaging.color import FloatMap
from nearfar.imaging.resize import fitting

_WORK_PX: Final = 256
_FLOOR: Final = 0.1
"""Of each row this part is floor or background, the rest may stand before it."""

_SMOOTH: Final = 24  # rows of the picture that the profile is smoothed over, as 1 / height
_HIGHEST: Final = 0.98  # quantile that becomes 1
_LOW: Final = 0.4  # of the height, from the bottom: where floor must be seen
_SIDE: Final = 0.15  # of the width: and must be seen at both borders
_OFF: Final = 0.3  # and lie no farther off the profile
_EDGE: Final = 0.08  # of the height: the strip that is floor from border to border
_EVEN: Final = 0.5  # nearness: what a floor's strip may spread
_LAST: Final = 0.2  # of the height, from the bottom: where a floor still comes nearer
_RISE: Final = 0.1  # by this part of all that it comes; a body that fills the rows is level there
_WIDER: Final = 0.01  # of the longer side: feet reach as far beside what is above them
_STEP: Final = 0.1  # of the height: in no so many rows
_JUMP: Final = 2.0  # does a floor rise by so many times its last rise; where a body begins, it may


class Standing(NamedTuple):
    """What stands out in each row.

    Attributes:
        values: (H, W) float32, 0 to 1: 0 on the floor, 1 on what stands out most.
        has_floor: whether floor is seen all along the bottom and on both sides, and comes
            nearer down to it; if not, the subject itself may fill the lower rows, and count as
            their floor.
        floor: (H,) float32, nearness of the floor or of the wall in each row, rising downwards.
    """

    values: FloatMap
    has_floor: bool
    floor: FloatMap


def standing(nearness: FloatMap) -> Standing:
    """Return how much nearer each pixel is than the floor or the wall in its row.

    The floor comes nearer from row to row, from the horizon down. A network bends it, so no
    plane is fitted: it is the lower envelope of the rows, which never falls towards the bottom.

    Args:
        nearness: (H, W) float32, 0 to 1.

    Returns:
        The nearness over the floor; zeros where all rows are even.
    """
    height_px = len(nearness)
    size_px = fitting(nearness.shape, _WORK_PX)
    small = cv2.resize(nearness, size_px, interpolation=cv2.INTER_NEAREST)
    lower: FloatMap = np.asarray(small, np.float32).reshape(size_px[::-1])
    floor = _floor(lower)
    rows = (np.arange(height_px) + 0.5) * (size_px[1] / height_px) - 0.5
    under = np.interp(rows, np.arange(size_px[1]), floor[:, 0]).astype(np.float32)
    highest = float(np.quantile(lower - floor, _HIGHEST))
    if highest <= 0:
        return Standing(np.zeros_like(nearness), has_floor=False, floor=under)
    above = (nearness - under[:, None]) / np.float32(highest)
    values = np.asarray(np.clip(above, 0, 1), np.float32)
    return Standing(values, _is_seen(lower, lower - floor) and _comes_nearer(floor), under)


def _comes_nearer(floor: FloatMap) -> bool:
    """Return whether the floor rises evenly to the bottom, as a plane's inverse depth does."""
    profile = floor[:, 0]
    rise = float(profile[-1] - profile[0])
    late = float(profile[-1] - profile[-math.ceil(_LAST * len(floor))])
    rows = math.ceil(_STEP * len(floor))
    steepest = float((profile[rows:] - profile[:-rows]).max(initial=0))
    return late >= _RISE * rise and steepest <= _JUMP * late


def _is_seen(nearness: FloatMap, above: FloatMap) -> bool:
    """Return whether the floor lies bare to the left and to the right, and all along the bottom."""
    bottom = nearness[-math.ceil(_EDGE * len(nearness)) :]
    if float(np.ptp(np.quantile(bottom, (0.1, 0.9)))) > _EVEN:
        return False
    low = above[-math.ceil(_LOW * len(above)) :]
    side = math.ceil(_SIDE * above.shape[1])
    return all(abs(float(np.median(part))) < _OFF for part in (low[:, :side], low[:, -side:]))


def _floor(nearness: FloatMap) -> FloatMap:
    """Return the nearness of the floor in each row, (h, 1)."""
    rows = np.quantile(nearness, _FLOOR, axis=1).astype(np.float32)[:, None]
    side = 2 * (len(rows) // (2 * _SMOOTH)) + 1
    smooth = cv2.blur(rows, (1, side), borderType=cv2.BORDER_REPLICATE).reshape(-1, 1)
    return np.asarray(np.maximum.accumulate(smooth, axis=0), np.float32)


def feet(nearness: FloatMap, mask: NDArray[np.bool_], floor: FloatMap) -> NDArray[np.bool_]:
    """Find where the feet of something that stands on the floor may be.

    Something upright has one depth down to where it touches the floor, so its nearness less
    the floor's shrinks to nothing there, and no threshold finds its feet. They can lie below
    the mask, in rows where the floor is still farther than the thing.

    Args:
        nearness: (H, W) float32, 0 to 1.
        mask: (H, W), what stands, without its feet.
        floor: (H,) float32, nearness of the floor in each row.

    Returns:
        (H, W), without the mask itself.
    """
    height_px, width_px = mask.shape
    lowest = height_px - 1 - np.argmax(mask[::-1], axis=0)
    filled = mask.any(axis=0)
    near = np.where(filled, nearness[lowest, np.arange(width_px)], 0).astype(np.float32)
    side = 2 * max(1, round(_WIDER * max(mask.shape))) + 1
    low = np.where(filled, lowest, 0).astype(np.float32)
    widest, deepest = (
        cv2.dilate(each[None], np.ones((1, side), np.uint8)).reshape(1, -1) for each in (near, low)
    )
    rows = np.arange(height_px, dtype=np.float32)[:, None]
    below = (rows > deepest - side) & (floor[:, None] < widest) & (widest > 0)
    return np.asarray(below & ~mask, np.bool_)
