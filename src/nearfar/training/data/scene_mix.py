"""Merge two scenes into one, with exact ground truth."""

import math
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from nearfar.training.data.cache import TrainingCache
from nearfar.training.data.pair_file import Sample

SAME_UNIT: Final = 1.4
"""Largest scale factor, and its inverse the smallest, when both scenes have the same unit."""

_SPECK_PX: Final = 5


@dataclass(frozen=True, eq=False)
class Second:
    """A pair to be merged into another.

    Attributes:
        sample: the pair.
        same_unit: whether both inverse depths have the same unit; then the scale factor is limited
            to `SAME_UNIT`.
    """

    sample: Sample
    same_unit: bool


def can_merge(cache: TrainingCache) -> bool:
    """Return whether a set's ground truth is dense, and its inverse depth 0 is infinity."""
    return cache.info.kind in {"depth", "inverse"} and not any(e.sparse for e in cache.entries)


def merge(one: Sample, other: Sample, share: float, most: float = math.inf) -> Sample:
    """Merge two scenes: each pixel shows the nearer of the two.

    The result is plausible, since the scale of a scene is unknown from its image: `other` is scaled
    so that it covers its share. This creates combinations of rooms and objects that were never
    photographed.

    Args:
        one: a pair; its inverse depth has no unknown offset.
        other: another pair of the same size, likewise.
        share: of the pixels known in both, 0 to 1, where `other` should be nearer.
        most: largest factor, 1 or more, by which the inverse depth of `other` is multiplied or
            divided.

    Returns:
        The merged pair; `one` where either is unknown.
    """
    known = (one.inverse > 0) & (other.inverse > 0)
    if not known.any():
        return one
    ratio = np.divide(other.inverse, one.inverse, out=np.zeros_like(one.inverse), where=known)
    wanted = 1 / float(np.quantile(ratio[known], 1 - share))
    scale = np.float32(min(max(wanted, 1 / most), most))
    nearer = (ratio * scale > 1).view(np.uint8)
    nearer = np.asarray(cv2.medianBlur(nearer, _SPECK_PX), np.uint8)  # removes noise at contacts
    nearer &= known.view(np.uint8)
    photo = np.where(nearer[..., None], other.photo, one.photo)
    return Sample(photo, np.where(nearer, other.inverse * scale, one.inverse), one.sparse)
