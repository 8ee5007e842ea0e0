"""Statistics of a nearness map: values at a point, thresholds, relative distance."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from nearfar.imaging.color import FloatMap
from nearfar.imaging.normalize import subsample

_POINT: Final = 0.006
"""Half width of what a click reads, as part of the longer side."""

_BINS: Final = 256
_PARTED: Final = 0.88
_FARTHEST: Final = 0.25
"""Nearness 0 stands for a distance, not for infinity: of 5 times that of nearness 1."""


def pixel_at(shape: tuple[int, ...], x: float, y: float) -> tuple[int, int]:
    """Return the (column, row) of a place in parts of width and height, 0 to 1."""
    height_px, width_px = shape[:2]
    return min(width_px - 1, int(x * width_px)), min(height_px - 1, int(y * height_px))


def place_of(x: float | None, y: float | None) -> tuple[float, float] | None:
    """Return a place of two options; a missing coordinate is the middle's, None when both are."""
    if x is None and y is None:
        return None
    return 0.5 if x is None else x, 0.5 if y is None else y


def nearness_at(nearness: FloatMap, x: float, y: float) -> float:
    """Read the nearness at a place: the median of a small square around it.

    Args:
        nearness: (H, W) float32, 0 to 1.
        x: 0 to 1 from the left.
        y: 0 to 1 from the top.
    """
    column, row = pixel_at(nearness.shape, x, y)
    reach = round(_POINT * max(nearness.shape))
    rows = slice(max(0, row - reach), row + reach + 1)
    columns = slice(max(0, column - reach), column + reach + 1)
    return float(np.median(nearness[rows, columns]))


def valley(values: NDArray[np.float32], weights: NDArray[np.float32] | None = None) -> float | None:
    """Find the threshold between two classes of a histogram (Otsu, 1979).

    Args:
        values: any shape, 0 to 1.
        weights: how much each counts; all as much when not given.

    Returns:
        The middle of the best cuts, between two values that occur; None when all are the same.
    """
    counts = np.histogram(values, bins=_BINS, range=(0, 1), weights=weights)[0].astype(np.float64)
    below = np.cumsum(counts)[:-1]
    above = below[-1] + counts[-1] - below
    centres = (np.arange(_BINS) + 0.5) / _BINS
    sums = np.cumsum(counts * centres)
    both = (below > 0) & (above > 0)
    if not both.any():
        return None
    gap = np.zeros(_BINS - 1)
    gap[both] = (sums[-1] - sums[:-1])[both] / above[both] - sums[:-1][both] / below[both]
    between = below * above * gap**2
    best = np.flatnonzero(between >= between.max() * (1 - 1e-9))
    return float((best[0] + best[-1] + 2) / 2 / _BINS)


def near_cut(nearness: NDArray[np.float32]) -> float | None:
    """Find the nearness threshold between foreground and background.

    The histogram is that of distances, not of nearness: there a head that leans back stays
    with its body, however near the knees are.

    Args:
        nearness: any shape, 0 to 1.

    Returns:
        None when all is equally far.
    """
    cut = valley(remoteness(subsample(nearness)))
    if cut is None:
        return None
    nearest, farthest = 1 / (1 + _FARTHEST), 1 / _FARTHEST
    return 1 / (nearest + cut * (farthest - nearest)) - _FARTHEST


def is_parted(values: NDArray[np.float32], cut: float) -> bool:
    """Return whether a threshold separates two things, and not the relief of one.

    Otsu's measure of separability, the part of the variance that lies between the classes, is
    1 for two planes and 0.75 for an even slope.
    """
    near = values > cut
    total = float(values.var(dtype=np.float64))
    share = float(near.mean())
    if total == 0 or share in {0.0, 1.0}:
        return False
    means = float(values[near].mean(dtype=np.float64)), float(values[~near].mean(dtype=np.float64))
    return share * (1 - share) * (means[0] - means[1]) ** 2 / total > _PARTED


def remoteness(nearness: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return distances for haze, from what is only relative: 0 at the nearest, 1 at the farthest.

    Distance is taken as 1 / (nearness + a constant): the shift of a relative map is unknown.

    Args:
        nearness: any shape, float32, 0 to 1.

    Returns:
        The same shape, 0 to 1.
    """
    nearest, farthest = 1 / (1 + _FARTHEST), 1 / _FARTHEST
    far = (1 / (nearness + np.float32(_FARTHEST)) - nearest) / (farthest - nearest)
    return np.asarray(np.clip(far, 0, 1), np.float32)


def far_light(light: NDArray[np.float32], nearness: FloatMap) -> NDArray[np.float32]:
    """Return the mean light of the farthest tenth of the picture, (3,) float32."""
    some, lit = subsample(nearness), subsample(light)
    far = some <= np.quantile(some, 0.1)
    return np.asarray(lit[far].mean(axis=0, dtype=np.float64), np.float32)


def relative_size(nearness: float) -> float:
    """Return how large a thing looks at a nearness, against nearness 1."""
    return (nearness + _FARTHEST) / (1 + _FARTHEST)
