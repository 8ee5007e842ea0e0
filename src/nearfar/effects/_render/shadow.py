"""Render the shadow of a flat object that is inserted into a scene."""

from typing import Final

import cv2
import numpy as np

from nearfar.imaging.color import FloatMap
from nearfar.imaging.resize import fitting, larger, smaller

_WORK_PX: Final = 512
"""Longer side that shadows are worked out at: they are soft."""

_AWAY: Final = 0.9, 0.15
"""How far a shadow moves to the right and down on what lies 1 of nearness behind what throws it,
in parts of the longer side: the light comes from the left, above and before the picture."""

_BLURS: Final = 0.003, 0.012, 0.03
"""Of the longer side: a shadow's softness on what touches, and on what lies `_DEEP` behind."""

_DEEP: Final = 0.4
_FADE: Final = 0.4  # nearness behind after which 1 / e of a shadow is left
_CAST: Final = 0.85  # of the darkness of contact
_BEFORE: Final = 0.03  # nearer than this gets no shadow
_FOOT: Final = 0.1  # of the height: the lowest part of a thing, that touches the ground
_SPREAD: Final = 0.2  # of the foot's height to the width of its contact shadow
_TOUCH: Final = 0.08  # nearness: what is as near is touched


def shadow(alpha: FloatMap, nearness: FloatMap, place: float) -> FloatMap:
    """Return the shadow of an upright object on a scene.

    Each point of the scene looks towards the lamp: where it meets the thing's plane, and the
    thing is there, it lies in shadow. So a shadow bends with the floor and the walls, and is
    longer and softer the farther they are behind. Where the foot touches, a darker contact
    shadow follows its shape.

    Args:
        alpha: (H, W) float32, 0 to 1: the thing, as it is seen.
        nearness: (H, W) float32, 0 to 1, of the scene.
        place: nearness of the thing.

    Returns:
        (H, W) float32, 0 to 1; 0 on what is nearer than the thing.
    """
    size_px = fitting(alpha.shape, _WORK_PX)
    thing, scene = smaller(alpha, size_px), smaller(nearness, size_px)
    behind = np.float32(place) - scene
    lit = np.clip(1 + behind / np.float32(_BEFORE), 0, 1)
    taken = np.maximum(_CAST * _thrown(thing, np.maximum(behind, 0)), _contact(thing, behind))
    sharp = np.clip(1 + (np.float32(place) - nearness) / np.float32(_BEFORE), 0, 1)
    return np.asarray(larger(taken * lit, alpha.shape) * sharp, np.float32)


def _thrown(thing: FloatMap, behind: FloatMap) -> FloatMap:
    longer = max(thing.shape)
    rows, columns = (np.arange(side, dtype=np.float32) for side in thing.shape)
    from_x = columns[None, :] - behind * np.float32(_AWAY[0] * longer)
    from_y = rows[:, None] - behind * np.float32(_AWAY[1] * longer)
    softness = np.minimum(behind / np.float32(_DEEP), 1) * np.float32(len(_BLURS) - 1)
    thrown = np.zeros_like(thing)
    for step, radius in enumerate(_BLURS):
        soft = cv2.GaussianBlur(thing, (0, 0), radius * longer, borderType=cv2.BORDER_CONSTANT)
        there = cv2.remap(soft, from_x, from_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
        share = np.maximum(1 - np.abs(softness - np.float32(step)), 0)
        thrown += share * np.asarray(there, np.float32).reshape(thing.shape)
    return np.asarray(thrown * np.exp(-behind / np.float32(_FADE)), np.float32)


def _contact(thing: FloatMap, behind: FloatMap) -> FloatMap:
    rows = np.flatnonzero((thing > 0.5).any(axis=1))
    if rows.size == 0:
        return np.zeros_like(thing)
    tall = rows[-1] - rows[0] + 1
    foot = thing.copy()
    foot[: rows[-1] + 1 - max(1, round(_FOOT * tall))] = 0
    wide_px = 1 + _SPREAD * tall / 2
    soft = cv2.GaussianBlur(
        foot, (0, 0), sigmaX=wide_px, sigmaY=1 + wide_px / 4, borderType=cv2.BORDER_CONSTANT
    )
    touched = np.exp(-((behind / np.float32(_TOUCH)) ** 2))
    return np.asarray(np.minimum(3 * soft.reshape(thing.shape), 1) * touched, np.float32)
