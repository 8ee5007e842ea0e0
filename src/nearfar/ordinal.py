"""Draw pairs of pixels of which one is nearer, from regions whose order is known.

Structure-guided ranking (Xian et al., "Structure-Guided Ranking Loss for Single Image Depth
Prediction", CVPR 2020) looks at pairs across the borders of things, where the order is plain and a
depth map is most often wrong.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

BORDER_PX: Final = (2, 6)
"""How far apart the two pixels of a pair across a border lie, in pixels of the picture."""

_DIRECTIONS: Final = ((1, 0), (0, 1), (1, 1), (-1, 1))


def draw_pairs(
    regions: NDArray[np.uint16],
    order: NDArray[np.int64],
    count: int,
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Draw pairs of pixels whose order is known.

    Half of them lie across a border of two regions that have an order, `BORDER_PX` apart; the
    others lie anywhere in two such regions, each pair of regions as likely as another. Where
    there is no such border, all do.

    Args:
        regions: (H, W).
        order: (R, 2) which region is nearer than which.
        count: pairs wanted.
        rng: where chance comes from.

    Returns:
        (count, 2) places in the flat picture, the nearer first; (0, 2) where nothing has an order.
    """
    flat = regions.ravel()
    by_region = np.argsort(flat, kind="stable")
    starts = np.searchsorted(flat, np.arange(int(order.max(initial=0)) + 2), sorter=by_region)
    sizes = np.diff(starts)
    present = order[(sizes[order] > 0).all(axis=1)] if len(order) else order
    if not len(present):
        return np.zeros((0, 2), np.int64)
    across = _across_borders(regions, present, count // 2, rng)
    chosen = present[rng.integers(len(present), size=count - len(across))]
    within = (rng.random(chosen.shape) * sizes[chosen]).astype(np.int64)
    anywhere = by_region[starts[chosen] + within]
    return np.concatenate((across, anywhere)).astype(np.int64)


def _across_borders(
    regions: NDArray[np.uint16], order: NDArray[np.int64], count: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Up to `count` pairs of places, the nearer first."""
    height_px, width_px = regions.shape
    top = int(max(order.max(), regions.max())) + 1
    is_nearer = np.zeros((top, top), np.bool_)
    is_nearer[order[:, 0], order[:, 1]] = True
    places = np.arange(regions.size).reshape(regions.shape)
    found = []
    for right, down in _DIRECTIONS:
        lag = int(rng.integers(BORDER_PX[0], BORDER_PX[1] + 1))
        if lag >= min(height_px, width_px):
            continue
        x, y = right * lag, down * lag
        one = np.s_[: height_px - y, max(0, -x) : width_px - max(0, x)]
        other = np.s_[y:, max(0, x) : width_px + min(0, x)]
        a, b = regions[one], regions[other]
        differs = a != b
        a, b = a[differs], b[differs]
        pa, pb = places[one][differs], places[other][differs]
        forward, backward = is_nearer[a, b], is_nearer[b, a]
        found.append(np.stack((pa[forward], pb[forward]), axis=1))
        found.append(np.stack((pb[backward], pa[backward]), axis=1))
    pairs = np.concatenate(found) if found else np.zeros((0, 2), np.int64)
    if not len(pairs):
        return pairs
    return pairs[rng.integers(len(pairs), size=count)]
