"""Two scenes in one space: more rooms than anybody has photographed, with exact truth."""

import math
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from nearfar.training.data.cache import TrainingCache
from nearfar.training.data.pair_file import Sample

SAME_UNIT: Final = 1.4
"""How much larger or smaller a scene becomes at most when it is merged into one in its unit."""

_SPECK_PX: Final = 5


@dataclass(frozen=True, eq=False)
class Second:
    """A pair to be merged into another.

    Attributes:
        sample: the pair.
        same_unit: whether its inverse depth and the other's are in one unit, so that a scene of
            about its own size is the likeliest.
    """

    sample: Sample
    same_unit: bool


def can_merge(cache: TrainingCache) -> bool:
    """Say whether a set's truth is dense, and zero in it infinitely far, so that it has ratios."""
    return cache.info.kind in {"depth", "inverse"} and not any(e.sparse for e in cache.entries)


def merge(one: Sample, other: Sample, share: float, most: float = math.inf) -> Sample:
    """Let two scenes fill one space: at each pixel the nearer of the two is seen.

    A camera could see it so, since the size of a scene can't be told from its picture: the other
    is made as large or as small as it takes to fill its share. Things then stand in rooms that
    they were never in, in front of things that were never behind them.

    Args:
        one: a pair; its inverse depth has no offset.
        other: another of the same size, likewise.
        share: of the pixels known in both, 0 to 1, in which the other is to be the nearer.
        most: what the other's inverse depth is multiplied or divided by at most, 1 or more.

    Returns:
        The merged pair; where either knows nothing, the first.
    """
    known = (one.inverse > 0) & (other.inverse > 0)
    if not known.any():
        return one
    ratio = np.divide(other.inverse, one.inverse, out=np.zeros_like(one.inverse), where=known)
    wanted = 1 / float(np.quantile(ratio[known], 1 - share))
    scale = np.float32(min(max(wanted, 1 / most), most))
    nearer = (ratio * scale > 1).view(np.uint8)
    nearer = np.asarray(cv2.medianBlur(nearer, _SPECK_PX), np.uint8)  # noise where they touch
    nearer &= known.view(np.uint8)
    photo = np.where(nearer[..., None], other.photo, one.photo)
    return Sample(photo, np.where(nearer, other.inverse * scale, one.inverse), one.sparse)
