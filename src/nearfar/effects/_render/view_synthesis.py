"""Synthesize a view from another camera position by forward warping."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from nearfar.imaging.color import FloatMap
from nearfar.imaging.inpainting import STEP, Scene
from nearfar.io.images import Image

Owners = NDArray[np.int32]
"""(H, W): which pixel of the atlas is seen, as a flat index."""

_NONE: Final = -1
_APART_PX: Final = 2  # a pixel between two neighbours may itself have been covered


@dataclass(frozen=True)
class Move:
    """How pixels move: by (x_px + growth * (x - middle)) * (nearness - focus), and so for y.

    Attributes:
        x_px: to the right, of the nearest against the farthest.
        y_px: downwards.
        growth: of the nearest against the farthest, about the middle: a step forward; between
            -1 and 1.
        focus: the nearness that stays where it is.
        zoom: enlargement of the whole about its middle, over 0.
    """

    x_px: float = 0.0
    y_px: float = 0.0
    growth: float = 0.0
    focus: float = 0.0
    zoom: float = 1.0


def view(scene: Scene, move: Move) -> Image:
    """Render a scene after a move.

    Every pixel of the photo is warped to its target, in an order in which the nearer comes
    later (McMillan, "A list-priority rendering algorithm for redisplaying projected surfaces",
    UNC TR95-005), so no depth buffer is needed. Then the photo is read back through the
    places found, at fractions of a pixel.

    Args:
        scene: from `nearfar.imaging.inpainting.split`, whose reach must cover the move.
        move: what happens.

    Returns:
        (H, W, 3) uint8 RGB, of the photo's size.
    """
    depth = scene.nearness - np.float32(move.focus)
    height_px, width_px = len(depth) // 2, depth.shape[1]
    across, down = scene.margin_px
    pull_x = _pull(width_px, move.x_px, move.growth)
    pull_y = _pull(height_px, move.y_px, move.growth)[:, None]
    places = np.arange(height_px * width_px, dtype=np.int32).reshape(height_px, width_px)
    target = _nearest(np.arange(width_px, dtype=np.float32) + depth[:height_px] * pull_x, width_px)
    if move.y_px or move.growth:
        rows = np.arange(height_px, dtype=np.float32)[:, None] + depth[:height_px] * pull_y
        target += _nearest(rows, height_px) * np.int32(width_px)
    else:
        target += places[:, :1]
    owners = np.full(places.size, _NONE, np.int32)
    for part_y in _painting_order(pull_y[:, 0]):
        for part_x in _painting_order(pull_x):
            part = part_y, part_x
            # copies, because NumPy may walk through reversed views in the order of memory
            owners[target[part].ravel()] = places[part].ravel()
    if len(scene.hidden):
        rows, columns = np.divmod(scene.hidden, width_px)
        behind = depth[height_px:][rows, columns]
        at_x = _nearest(columns + behind * pull_x[columns], width_px)
        at_y = _nearest(rows + behind * pull_y[rows, 0], height_px)
        plate = np.full(places.size, _NONE, np.int32)
        plate[at_y * width_px + at_x] = scene.hidden + places.size
    else:
        plate = owners
    inside = slice(down, height_px - down), slice(across, width_px - across)
    seen = np.ascontiguousarray(owners.reshape(places.shape)[inside])
    _fill(seen, plate.reshape(places.shape)[inside], depth.ravel(), width_px)
    return _read_back(scene, seen, depth.ravel(), move)


def _pull(size: int, shift_px: float, growth: float) -> FloatMap:
    along = np.arange(size, dtype=np.float32) - np.float32((size - 1) / 2)
    return np.asarray(np.float32(shift_px) + np.float32(growth) * along, np.float32)


def _nearest(values: NDArray[np.floating], size: int) -> Owners:
    return np.asarray(np.clip(np.rint(values), 0, size - 1), np.int32)


def _painting_order(pull: FloatMap) -> list[slice]:
    """Order one axis so that of two pixels that meet, the nearer is painted last.

    Where near things move to higher places, the nearer of two that meet came from the lower.
    """
    turn = int(np.count_nonzero((pull < 0) == (pull[0] < 0)))
    parts = []
    for start, stop in ((0, turn), (turn, len(pull))):
        if start < stop and pull[start] < 0:
            parts.append(slice(start, stop))
        elif start < stop:
            parts.append(slice(stop - 1, start - 1 if start else None, -1))
    return parts


def _fill(owners: Owners, plate: Owners, depth: FloatMap, stride_px: int) -> None:
    """Fill the gaps, in place: cracks of a stretched surface with it, the others from behind.

    Args:
        owners: (H, W), -1 where nothing moved to.
        plate: (H, W), index of the background pixel that moved there, or -1.
        depth: of all pixels of the atlas.
        stride_px: width of the atlas.
    """
    height_px = len(owners)
    pixels = len(depth) // 2
    rows, columns = np.nonzero(owners == _NONE)
    above = owners[np.maximum(rows - 1, 0), columns]
    below = owners[np.minimum(rows + 1, height_px - 1), columns]
    crack = (above != _NONE) & (below != _NONE)
    crack &= _neighbours(above, below, depth, stride_px)
    owners[rows[crack], columns[crack]] = above[crack]
    rows, columns, before, after = _ends(owners)
    farther = np.where(depth[before] <= depth[after], before, after)
    beyond = np.where(farther < pixels, farther + np.int32(pixels), farther)
    behind = plate[rows, columns]
    behind = np.where(behind != _NONE, behind, beyond)
    stretched = _neighbours(before, after, depth, stride_px)
    owners[rows, columns] = np.where(stretched, farther, behind)


def _neighbours(one: Owners, other: Owners, depth: FloatMap, stride_px: int) -> NDArray[np.bool_]:
    """Return where two pixels of the photo lie side by side on one surface."""
    down, across = np.divmod(np.abs(other - one), np.int32(stride_px))
    beside = (down <= _APART_PX) & ((across <= _APART_PX) | (across >= stride_px - _APART_PX))
    return np.asarray(beside & (np.abs(depth[one] - depth[other]) <= STEP), np.bool_)


def _ends(owners: Owners) -> tuple[NDArray[np.intp], NDArray[np.intp], Owners, Owners]:
    """Return the rows and columns of all gaps, and the owners at both ends of each's run."""
    width_px = owners.shape[1]
    there = owners != _NONE
    filled = np.flatnonzero(there.any(axis=1))
    for row in np.flatnonzero(~there.any(axis=1)):
        owners[row] = owners[filled[np.abs(filled - row).argmin()]] if len(filled) else 0
        there[row] = True
    places = np.arange(width_px, dtype=np.int32)
    left = np.maximum.accumulate(np.where(there, places, np.int32(-1)), axis=1)
    backwards = np.where(there, places, np.int32(width_px))[:, ::-1]
    right = np.minimum.accumulate(backwards, axis=1)[:, ::-1]
    rows, columns = np.nonzero(~there)
    before, after = left[rows, columns], right[rows, columns]
    before, after = np.where(before < 0, after, before), np.where(after == width_px, before, after)
    gone = before == width_px
    before, after = np.where(gone, columns, before), np.where(gone, columns, after)
    return rows, columns, owners[rows, before], owners[rows, after]


def _read_back(scene: Scene, owners: Owners, depth: FloatMap, move: Move) -> Image:
    height_px, width_px = owners.shape
    middle_x, middle_y = (width_px - 1) / 2, (height_px - 1) / 2
    x = (np.arange(width_px, dtype=np.float32) - np.float32(middle_x))[None]
    y = (np.arange(height_px, dtype=np.float32) - np.float32(middle_y))[:, None]
    if move.zoom != 1:
        x, y = x / np.float32(move.zoom), y / np.float32(move.zoom)
        owners = owners[_nearest(y + middle_y, height_px), _nearest(x + middle_x, width_px)]
    seen = depth[owners]
    from_x = x - np.float32(move.x_px) * seen
    from_y = y - np.float32(move.y_px) * seen
    if move.growth:
        growth = 1 + np.float32(move.growth) * seen
        from_x /= growth
        from_y /= growth
    from_x += np.float32(middle_x + scene.margin_px[0])
    from_y += np.float32(middle_y + scene.margin_px[1])
    if len(scene.hidden):
        from_y += (owners >= len(depth) // 2) * np.float32(len(scene.nearness) // 2)
    picture = cv2.remap(scene.atlas, from_x, from_y, cv2.INTER_LINEAR)
    return _smoothed(np.asarray(picture, np.uint8), seen)


def _smoothed(picture: Image, depth: FloatMap) -> Image:
    """Soften the stairs where one layer ends before another."""
    edge = np.zeros(depth.shape, bool)
    across = np.abs(depth[:, 1:] - depth[:, :-1]) > STEP
    down = np.abs(depth[1:] - depth[:-1]) > STEP
    edge[:, 1:] |= across
    edge[:, :-1] |= across
    edge[1:] |= down
    edge[:-1] |= down
    rows, columns = np.nonzero(edge)
    if len(rows):
        picture[rows, columns] = cv2.GaussianBlur(picture, (3, 3), 0)[rows, columns]
    return picture
