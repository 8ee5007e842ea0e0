"""Choose the position and size of a sticker so that it does not cover the subject's face."""

from itertools import product
from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from nearfar.effects._segment.edge_snapping import snap
from nearfar.effects._segment.foreground import standing
from nearfar.effects._segment.subject import subject
from nearfar.effects.depth_stats import nearness_at, relative_size
from nearfar.imaging.color import FloatMap
from nearfar.imaging.resize import fitting, smaller
from nearfar.io.images import Image

_WORK_PX: Final = 160
_SIZES: Final = (0.9, 0.6, 0.45, 0.35, 0.25, 0.18)
_LEFT: Final = tuple(np.linspace(0.1, 0.9, 13))
_TOP: Final = tuple(np.linspace(0.3, 0.95, 9))
_UPPER: Final = 0.6  # of the subject's height: where a head is
_CLOSE_UP: Final = 0.4  # of the picture: a larger subject is mostly a face
_UPPER_CLOSE: Final = 0.9  # of the height of such a subject
_SEEN: Final = 0.97  # of the sticker must be seen
_AROUND_PX: Final = 7  # of the small copy: what is as close to the subject counts as the subject
_OUTSIDE: Final = 0.2  # factor for a sticker that the picture's border cuts off
_LARGE: Final = 0.06  # of the picture: a larger sticker is no better
_OFF_FLOOR: Final = 0.1  # what stands out more is no floor
_IN_THE_AIR: Final = 0.5  # factor for a foot that stands on no floor, where there is one
_TIE: Final = 1e-3
"""Of places that hide as much of the subject, the smaller sticker is better."""


class Place(NamedTuple):
    """Where a sticker stands.

    Attributes:
        x: the middle of its foot, as a part of the width.
        y: its foot, as a part of the height.
        size: part of the picture that it would fill at the nearest depth.
    """

    x: float
    y: float
    size: float


class _Scene(NamedTuple):
    """A small copy of the scene: nearness, the subject, its upper part, and the floor."""

    nearness: FloatMap
    subject: NDArray[np.bool_]
    upper: NDArray[np.bool_]
    on_floor: NDArray[np.bool_]


def choose_place(
    nearness: FloatMap,
    photo: Image,
    aspect: float,
    wanted: tuple[float | None, float | None, float | None],
    *,
    level: float | None,
    margin: float,
) -> Place:
    """Choose what is not given of place and size.

    The sticker lies wholly in the picture, is seen nearly whole, and covers nothing of the
    subject if that is possible, or else nothing of its upper part, where a face is. No face is
    detected: the subject's mask alone decides.

    Args:
        nearness: (H, W) float32, 0 to 1, as the network gave it.
        photo: (H, W, 3) uint8 RGB of the same size.
        aspect: the sticker's width over its height.
        wanted: x, y and size of `Place`; None is chosen.
        level: nearness of the sticker; that of its foot when not given.
        margin: the scene covers the sticker where it is nearer by this much.

    Returns:
        Where no place is free of the subject's upper part, the one that covers least of it.
    """
    scene = _scene(nearness, photo)
    x, y, size = wanted
    best, found = -np.inf, Place(0.5, 0.7, _SIZES[-1])
    for each in product(
        _LEFT if x is None else (x,), _TOP if y is None else (y,), (size,) if size else _SIZES
    ):
        place = Place(*(float(value) for value in each))
        score = _score(scene, place, aspect, level, margin)
        if score > best:
            best, found = score, place
    return found


def _scene(nearness: FloatMap, photo: Image) -> _Scene:
    size_px = fitting(photo.shape, 2 * _WORK_PX)
    small, little = smaller(nearness, size_px), smaller(photo, size_px)
    mask = subject(small, little, None)
    stands = standing(small)
    near = snap(small, little)
    size_px = fitting(photo.shape, _WORK_PX)
    low, thing, above = (smaller(each, size_px) for each in (near, mask, stands.values))
    body = thing > 0.3
    if body.all():
        body = np.zeros_like(body)
    upper = body.copy()
    rows = np.flatnonzero(body.any(axis=1))
    if rows.size:
        share = _UPPER_CLOSE if body.mean() > _CLOSE_UP else _UPPER
        upper[rows[0] + round(share * (rows[-1] + 1 - rows[0])) :] = False
        around = np.ones((_AROUND_PX, _AROUND_PX), np.uint8)
        body, upper = (cv2.dilate(each.astype(np.uint8), around) > 0 for each in (body, upper))
    return _Scene(low, body, upper, (above < _OFF_FLOOR) | np.bool_(not stands.has_floor))


def _score(scene: _Scene, place: Place, aspect: float, level: float | None, margin: float) -> float:
    """Rate a place: over 0 when it hides nothing of the subject's upper part."""
    height_px, width_px = scene.nearness.shape
    near = nearness_at(scene.nearness, place.x, place.y) if level is None else level
    scale = place.size * relative_size(near)
    tall = min(scale * height_px, scale * width_px / aspect)
    wide = tall * aspect
    foot, middle = place.y * height_px, place.x * width_px
    top, left = round(foot - tall), round(middle - wide / 2)
    bottom, right = max(round(foot), top + 1), max(round(middle + wide / 2), left + 1)
    box = slice(max(0, top), bottom), slice(max(0, left), right)
    visible = scene.nearness[box] <= near + margin
    area = (bottom - top) * (right - left)
    seen = float(np.count_nonzero(visible)) / area
    hidden = float(np.count_nonzero(visible & scene.upper[box])) / area
    if hidden > 0:
        return float(-hidden - place.size * _TIE)
    score = min(area / (_LARGE * height_px * width_px), 1) * min(seen / _SEEN, 1) ** 8
    score /= 1 + 4 * float(np.count_nonzero(visible & scene.subject[box])) / area
    row, column = min(height_px - 1, int(foot)), min(width_px - 1, int(middle))
    score *= 1.0 if scene.on_floor[row, column] else _IN_THE_AIR
    if min(top, left) < 0 or bottom > height_px or right > width_px:
        score *= _OUTSIDE
    return float(score * (1 - 0.3 * abs(2 * place.x - 1)))
