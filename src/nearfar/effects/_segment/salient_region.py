"""Choose the most salient region of a depth map."""

from typing import Final, NamedTuple, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from nearfar.effects._segment.foreground import Standing
from nearfar.imaging.color import FloatMap
from nearfar.imaging.resize import fitting, smaller

Mask: TypeAlias = NDArray[np.bool_]
"""(H, W)."""

_WORK_PX: Final = 160
"""Longer side of the maps that regions are compared on."""

_LEVELS: Final = np.linspace(0.06, 0.94, 23)
"""Thresholds: each connected part of what is nearer than one of them is a candidate."""

_LEAST: Final = 0.004  # of the picture: a smaller region is no candidate
_RIM: Final = 0.03  # of the longer side: the window in which the step at a rim is measured

# The weights were fitted on pairs of points in 220 photos, one point on the subject and one beside
# or behind it, and checked on 59 other photos.
_BORDER: Final = 2.5  # a pixel of the rim on the left, right or upper border counts so many times
_BOTTOM: Final = 1.0  # and one on the lower border, where people and animals are often cut off
_BOTTOM_OF_FLOOR: Final = 2.0  # but where a floor is seen, what touches it is mostly that floor
_AREA: Final = 1.1  # powers in the score
_MIDDLE: Final = 0.4
_NEAR: Final = 0.75
_SPREAD: Final = 1.0  # how much a region that spans several depths loses: exp(-standard deviation)
_NO_FLOOR: Final = 0.8  # factor for regions of the map without its floor
_BESIDE: Final = 0.4
"""Regions of the same level with at least this part of the best score belong to the subject."""


class Region(NamedTuple):
    """A region by one threshold.

    Attributes:
        values: (H, W) float32, the map that the threshold is for.
        level: the threshold.
        parts: (H, W) bool, the connected parts that were chosen.
    """

    values: FloatMap
    level: float
    parts: Mask


def salient_region(nearness: FloatMap, stands: Standing) -> Region | None:
    """Find the connected regions that a person would most likely call the subject.

    Candidates are the connected parts of all level sets, as in a component tree (Salembier,
    Oliveras and Garrido, "Antiextensive connected operators", IEEE TIP 7(4), 1998), of the map
    and of the map without its floor. A candidate scores high when depth makes a step along its
    whole rim, when it is large, near, and in the middle; a rim on the picture's border counts as
    one without a step.

    Args:
        nearness: (H, W) float32, 0 to 1.
        stands: of `nearfar.effects._segment.foreground.standing`.

    Returns:
        None where all is equally far.
    """
    size_px = fitting(nearness.shape, _WORK_PX)
    near, above = (smaller(each, size_px) for each in (nearness, stands.values))
    side = 2 * max(1, round(_RIM * max(near.shape))) + 1
    window = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    of = above if stands.has_floor else near
    steps = np.asarray(cv2.morphologyEx(of, cv2.MORPH_GRADIENT, window), np.float32)
    bottom = _BOTTOM_OF_FLOOR if stands.has_floor else _BOTTOM
    centre = centre_weight(near.shape)
    best, found = 0.0, None
    for values, small, factor in ((nearness, near, 1.0), (stands.values, above, _NO_FLOOR)):
        for level in _LEVELS:
            labels, scores = _scored(small > level, near, steps, centre, bottom)
            if factor * scores.max() > best:
                best = factor * float(scores.max())
                found = values, float(level), (scores >= _BESIDE * scores.max())[labels]
    if found is None:
        return None
    values, level, chosen = found
    return Region(values, level, _at_full_size(values > level, chosen))


def _scored(
    mask: Mask, near: FloatMap, steps: FloatMap, centre: FloatMap, bottom: float
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Label the connected parts of a mask, and score each; the outside, label 0, scores 0."""
    found = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4)
    count, labels, boxes = found[0], np.asarray(found[1], np.int32), np.asarray(found[2])
    inner = cv2.erode(
        mask.astype(np.uint8),
        np.ones((3, 3), np.uint8),
        borderType=cv2.BORDER_CONSTANT,
        borderValue=1,
    )
    rim = mask & (inner == 0)

    def total(of: NDArray[np.integer], weights: FloatMap | None = None) -> NDArray[np.float64]:
        flat = None if weights is None else weights.ravel()
        return np.bincount(of.ravel(), flat, count).astype(np.float64)

    area = np.maximum(boxes[:, cv2.CC_STAT_AREA], 1)
    border = _BORDER * (total(labels[:, 0]) + total(labels[:, -1]) + total(labels[0]))
    border += bottom * total(labels[-1])
    step = total(labels[rim], steps[rim]) / np.maximum(total(labels[rim]) + border, 1)
    middle = total(labels, centre)
    scores = step * (middle / centre.sum()) ** _AREA * (middle / area) ** _MIDDLE
    mean = total(labels, near) / area
    spread = np.sqrt(np.maximum(total(labels, near * near) / area - mean * mean, 0))
    scores *= (mean + 0.05) ** _NEAR * np.exp(-_SPREAD * spread)
    scores[area < _LEAST * mask.size] = 0
    scores[0] = 0
    return labels, np.asarray(scores, np.float64)


def _at_full_size(mask: Mask, chosen: Mask) -> Mask:
    """Return the connected parts of a mask, but for crumbs, that lie mostly on a smaller mask."""
    size_px = mask.shape[1], mask.shape[0]
    large = cv2.resize(chosen.astype(np.uint8), size_px, interpolation=cv2.INTER_NEAREST)
    count, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)
    inside = np.bincount(labels.ravel(), large.ravel(), count)
    area = np.bincount(labels.ravel(), minlength=count)
    kept = (inside > 0.5 * area) & (area >= _LEAST / 4 * mask.size)
    kept[0] = False
    return np.asarray(kept[labels])


def centre_weight(shape: tuple[int, ...]) -> FloatMap:
    """Return exp(-2 r^2) per pixel; along each axis r is 0 in the middle and 1 at the border.

    Args:
        shape: height and width.

    Returns:
        (H, W) float32.
    """
    rows, columns = (
        np.exp(-2 * np.linspace(-1, 1, side, dtype=np.float32) ** 2) for side in shape[:2]
    )
    return np.asarray(rows[:, None] * columns, np.float32)
