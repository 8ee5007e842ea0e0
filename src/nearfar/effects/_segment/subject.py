"""Segment the subject of a photo by depth and color."""

from dataclasses import dataclass
from typing import Final, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from nearfar.effects._segment.edge_snapping import doubt, snap
from nearfar.effects._segment.foreground import feet, standing
from nearfar.effects._segment.mask_refinement import decide
from nearfar.effects._segment.matting import nearer_than
from nearfar.effects._segment.salient_region import centre_weight, salient_region
from nearfar.effects.depth_stats import is_parted, near_cut, nearness_at, pixel_at, valley
from nearfar.imaging.color import FloatMap
from nearfar.imaging.resize import larger
from nearfar.io.images import Image

Mask: TypeAlias = NDArray[np.bool_]
"""(H, W)."""

_BESIDE: Final = 0.3  # of the most prominent thing: what is as prominent belongs to the subject
_ON_FLOOR: Final = 0.1  # a place that stands out less is on the floor, or the wall, itself
_REACH: Final = 0.1  # of the longer side: how far beyond its parts the subject may go on
_SEAM_PX: Final = 7
_WEAK: Final = 0.5  # of the threshold: where feet may be, what stands out more likely is one
_OPEN: Final = 0.3  # of -1 to 1: and what stands out less is left to the colors
_LEG: Final = 0.45  # of the threshold: what stands out so much there belongs to the subject
_LEAST_LEG: Final = 0.32  # and at least so much, or rough ground would


def subject(nearness: FloatMap, photo: Image, place: tuple[float, float] | None) -> FloatMap:
    """Return the mask of the subject.

    What stands on the floor is parted from the rest (`standing`, and Otsu's cut, where the
    middle counts more), and its most prominent parts are kept. With a place, it is the part
    that holds it, and is at its depth. Where the map is smeared, depth and the photo's colors
    decide together; elsewhere depth alone decides.

    Args:
        nearness: (H, W) float32, 0 to 1, as the network gave it.
        photo: (H, W, 3) uint8 RGB of the same size.
        place: on the subject, in parts of width and height; guessed when not given.

    Returns:
        (H, W) float32, 0 to 1. Where all is equally far, all is subject.
    """
    snapped = snap(nearness, photo)
    found = _guessed(snapped) if place is None else _pointed(snapped, *place)
    share = doubt(nearness)
    if not share.any():
        return found.mask
    share = larger(share, nearness.shape)
    belief = found.belief()
    mask = found.mask + share * (decide(belief, photo) - found.mask)
    if (legs := found.legs()) is not None:
        np.maximum(mask, legs, out=mask)
    whole = mask > 0.5
    if place is not None and not whole[pixel_at(whole.shape, *place)[::-1]]:
        return found.mask
    kept = _prominent(whole, mask) if place is None else connected(whole, *place)
    seam = np.ones((_SEAM_PX, _SEAM_PX), np.uint8)
    mask = mask * cv2.dilate(kept.astype(np.float32), seam)
    return np.asarray(np.where(_holes(kept) & (belief > 0), 1, mask), np.float32)


@dataclass(frozen=True, eq=False)
class _Found:
    """A subject by depth alone.

    Attributes:
        values: (H, W), nearness or what stands.
        low: it is nearer than this; None for no limit.
        high: and farther than this.
        kept: (H, W), its parts.
        hint: (H, W), -1 to 1: lower bound of the belief, also outside the parts.
        feet: (H, W), where depth does not distinguish it from the floor.
    """

    values: FloatMap
    low: float | None
    high: float | None
    kept: Mask
    hint: FloatMap | None = None
    feet: Mask | None = None

    @property
    def mask(self) -> FloatMap:
        """(H, W), 0 to 1."""
        return between(self.values, self.low, self.high) * self.kept

    def legs(self) -> FloatMap | None:
        """(H, W), 0 to 1: parts of the feet that depth shows; None without a foot region."""
        if self.feet is None or self.low is None:
            return None
        level = max(_LEG * self.low, _LEAST_LEG)
        return nearer_than(self.values, level) * self.feet

    def belief(self) -> FloatMap:
        """(H, W), -1 to 1: evidence of depth: 1 is surely inside, -1 surely outside."""
        belief = np.ones_like(self.values)
        if self.low is not None:
            np.minimum(belief, _sureness(self.values, self.low), out=belief)
        if self.hint is not None:
            np.maximum(belief, self.hint, out=belief)
        if self.high is not None:
            np.minimum(belief, -_sureness(self.values, self.high), out=belief)
        if self.hint is None:
            side = 2 * max(1, round(_REACH * max(belief.shape))) + 1
            near = cv2.blur(self.kept.astype(np.float32), (side, side)) > 0
            belief[~self.kept & (belief > 0)] = 0
            belief[~near] = -1
        if self.feet is not None and self.low is not None:
            weak = np.clip(self.values / np.float32(self.low) - np.float32(_WEAK), -_OPEN, 1)
            np.maximum(belief, weak, out=belief, where=self.feet)
        return belief


def _guessed(nearness: FloatMap) -> _Found:
    stands = standing(nearness)
    region = salient_region(nearness, stands)
    if region is None:
        return _Found(nearness, None, None, np.ones(nearness.shape, bool))
    if not stands.has_floor:
        return _Found(region.values, region.level, None, region.parts, _upper(stands.values))
    below = feet(nearness, region.parts, stands.floor)
    return _Found(region.values, region.level, None, region.parts, feet=below)


def _pointed(nearness: FloatMap, x: float, y: float) -> _Found:
    values, has_floor, _ = standing(nearness)
    hint = None if has_floor else _upper(values)
    if not has_floor or nearness_at(values, x, y) < _ON_FLOOR:
        values = nearness
    low, high = slab(values, nearness_at(values, x, y), near_cut(values))
    return _Found(values, low, high, connected(between(values, low, high) > 0, x, y), hint)


def is_on_floor(nearness: FloatMap, x: float, y: float) -> bool:
    """Return whether a place, in parts of width and height, lies on a floor that is seen."""
    stands = standing(nearness)
    return stands.has_floor and nearness_at(stands.values, x, y) < _ON_FLOOR


def _upper(values: FloatMap) -> FloatMap | None:
    """Return what stands out in its row, though it may be far: a head that leans back."""
    cut = valley(np.sqrt(values), centre_weight(values.shape))
    return None if cut is None else _sureness(values, cut**2)


def slab(nearness: FloatMap, wanted: float, cut: float | None) -> tuple[float | None, float | None]:
    """Find the two cuts that a nearness lies between; None is no cut.

    Args:
        nearness: any shape, 0 to 1.
        wanted: a nearness of the requested thing.
        cut: the first one that is tried; while the wanted is beyond it, what is beyond is
            parted again.
    """
    low, high = cut, None
    while low is not None and wanted < low:
        high = low
        low = near_cut(nearness[nearness < high])
    if high is None and low is not None:
        high = _front(nearness[nearness >= low], wanted)
    return low, high


def connected(mask: Mask, x: float, y: float) -> Mask:
    """Keep the part of a mask that holds a place; all of it when the place is outside."""
    column, row = pixel_at(mask.shape, x, y)
    if not mask[row, column]:
        return mask
    _, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)
    return np.asarray(labels == labels[row, column])


def _front(near: NDArray[np.float32], wanted: float) -> float | None:
    """Find where something begins that stands before the wanted thing, if anything does."""
    cut = valley(near)
    if cut is None or not is_parted(near, cut):
        return None
    return cut if wanted < cut else None


def between(values: FloatMap, low: float | None, high: float | None) -> FloatMap:
    """Return the mask, 0 to 1, of what lies between two cuts; None is no cut."""
    mask = np.ones_like(values) if low is None else nearer_than(values, low)
    return mask if high is None else mask * (1 - nearer_than(values, high))


def _sureness(values: FloatMap, cut: float) -> FloatMap:
    """Return -1 to 1: distance from a cut, relative to half the distance of the classes."""
    near = values > cut
    apart = float(values[near].mean() - values[~near].mean()) if 0 < near.sum() < near.size else 0
    scale = max(apart / 2, 1e-3)
    return np.asarray(np.clip((values - cut) / scale, -1, 1), np.float32)


def _prominent(mask: Mask, values: FloatMap) -> Mask:
    """Keep the parts of a mask that are large, in the middle and near."""
    count, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)
    weight = (values * centre_weight(mask.shape)).ravel()
    score = np.bincount(labels.ravel(), weights=weight, minlength=count)
    score[0] = 0
    counts = score >= _BESIDE * score.max()
    counts[0] = False
    return np.asarray(counts[labels])


def _holes(mask: Mask) -> Mask:
    """Find what a mask encloses wholly."""
    count, labels = cv2.connectedComponents((~mask).astype(np.uint8), connectivity=4)
    enclosed = np.ones(count, bool)
    enclosed[0] = False
    for border in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
        enclosed[border] = False
    return np.asarray(enclosed[labels])
