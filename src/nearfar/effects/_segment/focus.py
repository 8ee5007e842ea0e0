"""Focus on a subject, and keep all of it sharp."""

from typing import Final, NamedTuple

import numpy as np

from nearfar.effects._segment.edge_snapping import snap
from nearfar.effects._segment.subject import is_on_floor, subject
from nearfar.effects.depth_stats import nearness_at
from nearfar.imaging.color import FloatMap
from nearfar.imaging.resize import fitting, larger, smaller
from nearfar.io.images import Image

_WORK_PX: Final = 320
"""Longer side that the subject's mask is drawn at: a blur needs no finer one."""

_RELIEF: Final = 0.3
"""Nearness: parts of the subject that are no farther than this from its middle become as sharp."""


class Focus(NamedTuple):
    """What is in focus.

    Attributes:
        nearness: (H, W) float32, 0 to 1, the map with the subject made flat.
        at: nearness that is sharp.
    """

    nearness: FloatMap
    at: float


def focus_on(nearness: FloatMap, photo: Image, place: tuple[float, float] | None) -> Focus:
    """Focus on the subject, or on what lies at a place.

    A lens would blur a nose when the ears are sharp. Here the subject's own relief, up to
    `_RELIEF` to each side, does not count, so one sharpness covers all of it. A place on the floor
    has no such subject: there the plane of focus alone counts.

    Args:
        nearness: (H, W) float32, 0 to 1, as the network gave it.
        photo: (H, W, 3) uint8 RGB of the same size.
        place: in parts of width and height; the subject is guessed when not given.
    """
    size_px = fitting(photo.shape, _WORK_PX)
    small = smaller(nearness, size_px)
    snapped = snap(nearness, photo)
    if place is not None and is_on_floor(small, *place):
        return Focus(snapped, nearness_at(snapped, *place))
    mask = subject(small, smaller(photo, size_px), place)
    whole = larger(mask, nearness.shape)
    sharp = nearness_at(snapped, *place) if place else _median(snapped, whole)
    relief = np.clip(snapped - np.float32(sharp), -_RELIEF, _RELIEF)
    relief *= whole
    return Focus(snapped - relief, sharp)


def _median(nearness: FloatMap, mask: FloatMap) -> float:
    inside = nearness[mask > 0.5]
    return float(np.median(inside if inside.size else nearness))
