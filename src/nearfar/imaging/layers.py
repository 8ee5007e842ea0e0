"""A photo in two layers for 3-D viewers: what is seen, and the background behind it."""

from dataclasses import dataclass
from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from nearfar.imaging.color import FloatMap
from nearfar.imaging.cut_grid import Grid, Mask, Surface, surface_of, whole_surface
from nearfar.imaging.inpainting import sharpened, widened
from nearfar.imaging.resize import fitting, larger, smaller
from nearfar.io.images import Image

STEP: Final = 0.04
"""Of the range of nearness: from so high a step on the surface is cut."""

REACH: Final = 0.25
"""How far the background is carried on behind an edge, as part of the longer side."""

PLATE_PX: Final = 800
"""Longer side of the background's picture, which is softer than the photo anyway."""

# as parts of the longer side
_RAMP: Final = 0.012  # half the width of the widest ramp that is taken for an edge
_EVEN: Final = 0.004  # outlines are evened over so much
_RIM: Final = 1 / 400  # mixed pixels, which move with what stands in front
_LEAST: Final = 0.02  # shorter edges are not cut
_MIRROR: Final = 0.04  # how far from an edge the mirrored texture fades
_BORDER: Final = 0.03  # from the frame: here the background bends up to the photo, out of sight

_BEHIND: Final = 0.002  # of the range of nearness: the background lies so far behind the photo
_BESIDE: Final = (1, 5)  # meshes beyond an edge where its background is seen, and unmixed
_GUARD_PX: Final = 3  # of the plate: pixels beside an edge show a mixture of both sides


@dataclass(frozen=True, eq=False)
class Layers:
    """A photo, cut along depth edges, and what is behind it.

    Attributes:
        front: the whole photo, in the photo's pixels, with nearness.
        back: the background behind edges, likewise in the photo's pixels, or None where there
            is no edge.
        plate: (h, w, 3) uint8, the background's picture, of the photo's whole frame at a size
            of its own; plain where `back` has no surface.
    """

    front: Surface
    back: Surface | None
    plate: Image


def sharp_edges(nearness: FloatMap) -> FloatMap:
    """Turn the ramps of a map's edges into steps, just outside what stands in front.

    Args:
        nearness: (H, W) float32, 0 to 1 and a little beyond.
    """
    sharp = sharpened(nearness, ramp=_RAMP, step=STEP, even=_EVEN)
    wide = widened(sharp, max(1, round(_RIM * max(nearness.shape))))
    return np.asarray(cv2.medianBlur(wide, 5), np.float32)


def steps(nearness: FloatMap) -> tuple[Mask, Mask]:
    """Find the links of a grid, to the right and downwards, across which an edge runs.

    Args:
        nearness: (h, w) float32 at the grid's vertices.

    Returns:
        (h, w - 1) and (h - 1, w).
    """
    across = np.abs(np.diff(nearness, axis=1)) > STEP
    down = np.abs(np.diff(nearness, axis=0)) > STEP
    touched = np.zeros(nearness.shape, np.uint8)
    touched[:, :-1] |= across
    touched[:, 1:] |= across
    touched[:-1] |= down
    touched[1:] |= down
    _, labels, about, _ = cv2.connectedComponentsWithStats(touched, connectivity=8)
    extent = np.maximum(about[:, cv2.CC_STAT_WIDTH], about[:, cv2.CC_STAT_HEIGHT])
    long = (extent >= _LEAST * max(nearness.shape))[labels]
    return across & long[:, :-1], down & long[:-1]


def layered(photo: Image, grid: Grid, across: Mask, down: Mask) -> Layers:
    """Cut a photo along edges, and carry the background on behind what stands before it.

    Seen from the photo's own camera the front alone is the photo.

    Args:
        photo: (H, W, 3) uint8 RGB.
        grid: over nearness as `sharp_edges` gives it.
        across: (h, w - 1) bool, the links of the grid's vertices to the right that are cut.
        down: (h - 1, w) bool, likewise downwards.
    """
    front = surface_of(grid, across, down)
    if not (across.any() or down.any()):
        return Layers(front, None, np.zeros((1, 1, 3), np.uint8))
    nearness = grid.at_vertices()
    edges = _sides(nearness, across, down)
    reach = REACH * max(nearness.shape)
    there = edges.is_ahead & (edges.distance <= reach)
    there |= edges.distance <= 2
    there = _dilated(there, 2)
    cells = there[:-1, :-1] & there[1:, :-1] & there[:-1, 1:] & there[1:, 1:]
    known = ~_dilated(edges.is_ahead, 1) | edges.is_beside
    filled = _diffused(nearness[..., None], known)[..., 0]
    behind = np.minimum(filled, nearness)
    behind += _border_share(nearness.shape) * (nearness - behind)
    back = whole_surface(grid, behind - np.float32(_BEHIND), cells)
    return Layers(front, back, _plate(photo, known, cells))


class _Sides(NamedTuple):
    """What lies on which side of the edges, (h, w) each.

    Attributes:
        is_ahead: stands before the background at the edge that is nearest.
        is_beside: is that background, close to the edge.
        distance: to that edge, in meshes of the grid.
    """

    is_ahead: Mask
    is_beside: Mask
    distance: FloatMap


def _sides(nearness: FloatMap, across: Mask, down: Mask) -> _Sides:
    far = np.zeros(nearness.shape, bool)
    falls = nearness[:, :-1] > nearness[:, 1:]
    far[:, 1:] |= across & falls
    far[:, :-1] |= across & ~falls
    falls = nearness[:-1] > nearness[1:]
    far[1:] |= down & falls
    far[:-1] |= down & ~falls
    distance, source = _nearest(far)
    before = nearness - nearness.flat[source]
    is_ahead = before > STEP
    is_beside = (np.abs(before) <= STEP / 2) & (distance > _BESIDE[0]) & (distance <= _BESIDE[1])
    return _Sides(is_ahead, is_beside, distance)


def _border_share(shape: tuple[int, ...]) -> FloatMap:
    """Say how close to the frame each vertex lies: 1 on it, 0 from a little inside on."""
    y, x = (np.minimum(np.arange(side), np.arange(side)[::-1]) for side in shape)
    share = 1 - np.minimum(y[:, None], x[None]) / (_BORDER * max(shape))
    return np.asarray(np.clip(share, 0, 1), np.float32)


def _dilated(mask: Mask, radius: int) -> Mask:
    side = 2 * radius + 1
    return cv2.dilate(mask.astype(np.uint8), np.ones((side, side), np.uint8)) > 0


def _nearest(seeds: Mask) -> tuple[FloatMap, NDArray[np.intp]]:
    """Give the distance of each place to the nearest seed, and that seed's flat index."""
    distance, labels = cv2.distanceTransformWithLabels(
        (~seeds).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    places = np.flatnonzero(seeds)
    where = np.zeros(int(labels.max()) + 1, np.intp)
    where[labels.flat[places]] = places
    return np.asarray(distance, np.float32), where[labels]


def _diffused(values: NDArray[np.float32], known: Mask) -> NDArray[np.float32]:
    """Fill what is not known from what is, the more smoothly the farther it lies.

    Pull and push over a pyramid (Gortler et al., "The Lumigraph", SIGGRAPH 1996).

    Args:
        values: (h, w, C) float32.
        known: (h, w) bool.
    """
    share = known.astype(np.float32)
    levels = [(values * share[..., None], share)]
    while max(share.shape) > 1:
        total, share = levels[-1]
        size_px = (share.shape[1] + 1) // 2, (share.shape[0] + 1) // 2
        share = smaller(share, size_px)
        levels.append((smaller(total, size_px), share))
    filled = np.zeros((1, 1, values.shape[2]), np.float32)
    for total, share in reversed(levels[1:]):
        filled = larger(filled, share.shape)
        trust = np.minimum(share * 2, 1)
        trust /= np.maximum(share, np.float32(1e-6))
        filled *= np.maximum(1 - share * 2, 0)[..., None]
        filled += trust[..., None] * total
    return np.where(known[..., None], values, larger(filled, known.shape))


def _plate(photo: Image, known: Mask, cells: Mask) -> Image:
    """Paint the background: mirrored at the edge, so that texture goes on, and smooth beyond."""
    size_px = fitting(photo.shape, PLATE_PX)
    small = smaller(photo, size_px)
    used = _dilated(_at_size(cells, size_px), 4)
    is_known = ~_dilated(~_at_size(known, size_px), _GUARD_PX)
    if not is_known.any():
        is_known[:] = True
    plate = _diffused(small.astype(np.float32), is_known)
    distance, source = _nearest(is_known)
    sigma_px = np.float32(_MIRROR * max(size_px))
    rows, columns = np.nonzero(~is_known & used & (distance < 2.5 * sigma_px))
    edge_rows, edge_columns = np.divmod(source[rows, columns], size_px[0])
    from_rows, from_columns = 2 * edge_rows - rows, 2 * edge_columns - columns
    inside = (from_rows >= 0) & (from_rows < size_px[1])
    inside &= (from_columns >= 0) & (from_columns < size_px[0])
    inside[inside] = is_known[from_rows[inside], from_columns[inside]]
    rows, columns = rows[inside], columns[inside]
    mirrored = small[from_rows[inside], from_columns[inside]]
    share = np.exp(-((distance[rows, columns] / sigma_px) ** 2))[:, None]
    plate[rows, columns] += share * (mirrored - plate[rows, columns])
    plate[rows, columns] = cv2.GaussianBlur(plate, (5, 5), 0)[rows, columns]
    picture = cv2.convertScaleAbs(plate)
    # what nobody sees is plain, and costs nothing in a JPEG
    plain = cv2.mean(picture, used.astype(np.uint8))[:3]
    picture[~used] = np.asarray(plain, np.uint8)
    return np.asarray(picture, np.uint8)


def _at_size(mask: Mask, size_px: tuple[int, int]) -> Mask:
    return cv2.resize(mask.astype(np.uint8), size_px, interpolation=cv2.INTER_NEAREST) > 0
