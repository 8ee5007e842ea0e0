"""How far a depth map is from the truth. All pixels given count: leave the others out before."""

from functools import cache
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from nearfar.datasets import Layers, draw_pairs
from nearfar.io.images import Image

Values = NDArray[np.float32]

BAD_RATIO: Final = 1.25
ORDINAL_RATIO: Final = 1.03
ORDINAL_PAIRS: Final = 50_000
ORDINAL_GAP: Final = 0.1
"""Least difference of a pair, in parts of the truth's spread, where its zero is not known."""

LAYER_PAIRS: Final = 4000
STEP_REACH: Final = 6 / 640
"""Distance over which `sharpness` looks at a step, in parts of the longer side."""

LEAST_STEP: Final = 0.1
"""Least step of the truth that counts for `sharpness`, in parts of the truth's spread."""

TINY: Final = float(np.finfo(np.float32).tiny)

_BOUNDARY_RATIOS: Final = np.linspace(1.05, 1.25, 10)
_LEAST: Final = np.float32(1.0499)  # a little less than the first of them, for a first choice
_FLOW_SLIP_PX: Final = 1.0


def abs_rel(depth: Values, truth: Values) -> float:
    """Mean of |depth - truth| / truth, of distances over 0 (Eigen et al., NeurIPS 2014)."""
    error = np.abs(depth - truth)
    error /= truth
    return float(error.mean(dtype=np.float64))


def rmse(depth: Values, truth: Values) -> float:
    """Root of the mean squared difference, in the unit of the distances."""
    error = depth - truth
    return float(np.sqrt(np.mean(error * error, dtype=np.float64)))


def silog(depth: Values, truth: Values) -> float:
    """Scale-invariant logarithmic error, times 100 as KITTI's benchmark gives it.

    The standard deviation of log(depth) - log(truth): with the whole of the mean taken off,
    lambda = 1 in Eigen et al. (NeurIPS 2014).
    """
    logs = depth / truth
    return 100 * _spread(np.log(logs, out=logs))


def worst_ratio(depth: Values, truth: Values) -> Values:
    """Give max(depth / truth, truth / depth) of each pixel: 1 is right."""
    ratio = depth / truth
    return np.asarray(np.maximum(ratio, np.reciprocal(ratio)), np.float32)


def bad_pixel(ratio: Values) -> float:
    """Percent of pixels whose `worst_ratio` is over 1.25 (Ranftl et al., TPAMI 2022)."""
    return 100 * float(np.count_nonzero(ratio > BAD_RATIO)) / ratio.size


def delta(ratio: Values, power: int) -> float:
    """Share of pixels whose `worst_ratio` is under 1.25 to the power of 1, 2 or 3."""
    return float(np.count_nonzero(ratio < BAD_RATIO**power)) / ratio.size


def inverse_error(aligned: Values, truth: Values) -> float:
    """How much of the truth's inverse depth is left unexplained, root mean squared.

    In standard deviations of the truth, so that its scale and offset don't matter and it
    fits disparity too: 0 is right, 1 is no better than one value for the whole picture. 0
    where the truth is flat.

    Args:
        aligned: inverse depth, aligned to the truth by least squares.
        truth: inverse depth or disparity.
    """
    spread = _spread(truth)
    return rmse(aligned, truth) / spread if spread > 0 else 0.0


def _spread(values: Values) -> float:
    """Standard deviation: a third of the time of NumPy's own in float64."""
    centred = values - np.float32(values.mean(dtype=np.float64))
    centred *= centred
    return float(np.sqrt(centred.mean(dtype=np.float64)))


def disagreement(nearer: NDArray[Any], farther: NDArray[Any]) -> float:
    """Percent of pairs of points in the wrong order, equal ones included.

    The human disagreement rate (WHDR) of Chen et al. (NeurIPS 2016), every pair of weight 1.

    Args:
        nearer: (N,) predicted inverse depth of the points that are nearer.
        farther: (N,) of those that are farther.
    """
    return 100 * float(np.count_nonzero(nearer <= farther)) / nearer.size


def ordinal_error(
    prediction: Values,
    truth: Values,
    *,
    has_zero: bool = True,
    pairs: int = ORDINAL_PAIRS,
    seed: int = 0,
) -> float | None:
    """Give the `disagreement` over random pairs of pixels.

    Pairs whose true inverse depths are within a ratio of 1.03 have no order and don't count;
    their number and that ratio are those of Xian et al. (CVPR 2020). Disparity of unknown offset
    has no ratios: there pairs count that differ by over a tenth of the spread, from the 2nd to
    the 98th percentile.

    Args:
        prediction: (N,) inverse depth, any scale and shift.
        truth: (N,) inverse depth, over 0.
        has_zero: whether zero is infinitely far in the truth, so that it has ratios.
        pairs: how many are drawn.
        seed: of the draw.

    Returns:
        Percent; None where no pair has an order.
    """
    first, second = (_draws(pairs, seed) * truth.size).astype(np.int64)
    a, b = truth.take(first), truth.take(second)
    p, q = prediction.take(first), prediction.take(second)
    if has_zero:
        ordered = np.maximum(a, b) > np.minimum(a, b) * np.float32(ORDINAL_RATIO)
    else:
        ordered = np.abs(a - b) > ORDINAL_GAP * _robust_spread(truth)
    wrong = np.where(a > b, p <= q, q <= p) & ordered
    count = np.count_nonzero(ordered)
    return 100 * float(np.count_nonzero(wrong)) / count if count else None


def layers_disagreement(prediction: Values, truth: Layers, *, seed: int = 0) -> float:
    """Give the `disagreement` over pairs of pixels of regions that have an order.

    Half of the pairs lie across a border of two such regions, the others anywhere in them.

    Args:
        prediction: (H, W) inverse depth, any scale and shift.
        truth: of the same size.
        seed: of the draw.
    """
    rng = np.random.default_rng(seed)
    pairs = draw_pairs(truth.regions, truth.order, LAYER_PAIRS, rng)
    values = prediction.ravel()[pairs]
    return disagreement(values[:, 0], values[:, 1])


def sharpness(aligned: Values, truth: Values, valid: NDArray[np.bool_]) -> float | None:
    """Give the mean share of the truth's depth steps that a map has too.

    A step is a difference, along a row or column and over 6 pixels of 640, of at least a tenth
    of the truth's spread (from the 2nd to the 98th percentile). Its share is the map's own
    difference there over the truth's, clipped to 0 to 1: a sharp map in the right place has 1, a
    ramp nearly 0, and so has one whose edge lies elsewhere.

    Args:
        aligned: (H, W) inverse depth, aligned to the truth by least squares.
        truth: (H, W) inverse depth or disparity.
        valid: (H, W) bool; steps are looked at between two valid pixels.

    Returns:
        0 to 1; None where the truth has no step.
    """
    reach = max(1, round(STEP_REACH * max(truth.shape)))
    least = LEAST_STEP * _robust_spread(truth[valid])
    shares = []
    for axis in (0, 1):
        near, far = _neighbours(axis, reach)
        step = truth[far] - truth[near]
        is_step = valid[far] & valid[near] & (np.abs(step) >= max(least, TINY))
        own = (aligned[far] - aligned[near])[is_step]
        shares.append(np.clip(own / step[is_step], 0, 1))
    every = np.concatenate(shares)
    return float(every.mean(dtype=np.float64)) if every.size else None


def _robust_spread(values: Values) -> float:
    low, high = np.percentile(values, (2, 98))
    return float(high - low)


@cache
def _draws(pairs: int, seed: int) -> NDArray[np.float64]:
    return np.random.default_rng(seed).random((2, pairs))


def boundary_f1(depth: Values, truth: Values, valid: NDArray[np.bool_]) -> float | None:
    """F1 of occluding edges (Depth Pro, Bochkovskii et al., arXiv 2410.02073, section 3.3).

    Neighbours whose distances differ by more than a factor t have an edge between them, of
    the side that is nearer. Precision and recall are means over the four directions; F1 is
    the mean over ten t from 1.05 to 1.25, of weight t. It does not change with the scale. A
    direction without any edge counts as 0, as in the published code.

    Args:
        depth: (H, W) over 0.
        truth: (H, W) over 0 where valid.
        valid: (H, W) bool; edges are looked at between two valid pixels.

    Returns:
        0 to 1; None where the truth has no edge at all, which the paper counts as 0.
    """
    counts = []
    for axis in (0, 1):
        near, far = _neighbours(axis)
        both = valid[near] & valid[far]
        with np.errstate(divide="ignore", invalid="ignore"):
            own, true = depth[far] / depth[near], truth[far] / truth[near]
        rises = ((own > _LEAST) | (true > _LEAST)) & both
        falls = ((own < 1 / _LEAST) | (true < 1 / _LEAST)) & both
        counts += [_edges(own[rises], true[rises]), _edges(1 / own[falls], 1 / true[falls])]
    common, predicted, actual = np.moveaxis(np.array(counts, np.float64), 1, 0)
    if not actual.any():
        return None
    recall = (common / np.maximum(actual, 1)).mean(axis=0)
    precision = (common / np.maximum(predicted, 1)).mean(axis=0)
    both_sum = np.maximum(precision + recall, np.finfo(np.float64).tiny)
    return float(np.average(2 * precision * recall / both_sum, weights=_BOUNDARY_RATIOS))


def _neighbours(axis: int, apart: int = 1) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    every = slice(None)
    first, second = slice(None, -apart), slice(apart, None)
    return ((first, every), (second, every)) if axis == 0 else ((every, first), (every, second))


def _edges(own: NDArray[Any], true: NDArray[Any]) -> NDArray[np.int64]:
    """Count edges in both, in the prediction, and in the truth, by threshold: (3, T)."""
    # how many thresholds each exceeds; an edge of both maps exceeds as many as its lesser ratio
    levels_own = np.searchsorted(_BOUNDARY_RATIOS, own)
    levels_true = np.searchsorted(_BOUNDARY_RATIOS, true)
    top = len(_BOUNDARY_RATIOS)
    return np.array(
        [
            _exceeding(levels, top)
            for levels in (np.minimum(levels_own, levels_true), levels_own, levels_true)
        ]
    )


def _exceeding(levels: NDArray[np.int64], top: int) -> NDArray[np.int64]:
    return np.bincount(levels, minlength=top + 1)[::-1].cumsum()[::-1][1:]


def temporal_change(
    before: Values, after: Values, photo_before: Image, photo_after: Image
) -> float | None:
    """Say how much nearness changes from one frame to the next where the picture goes on.

    Each pixel is followed along the optical flow (DIS, Kroeger et al., ECCV 2016; OpenCV's
    fast preset) and the absolute differences of inverse depth are averaged, in parts of the
    span between the 2nd and 98th percentile of both maps. Pixels count whose flow leads back
    to them within a pixel. True motion towards the camera counts too, so compare models on
    the same clip.

    Args:
        before: (H, W) inverse depth of the first frame.
        after: (H, W) of the second, of the same model.
        photo_before: (h, w, 3) uint8.
        photo_after: of the same size.

    Returns:
        0 is steady; None where no pixel can be followed or both maps are flat.
    """
    height, width = before.shape
    size = width, height
    one, two = (
        cv2.resize(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY), size, interpolation=cv2.INTER_AREA)
        for photo in (photo_before, photo_after)
    )
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    forth = np.asarray(flow.calc(one, two, None), np.float32)  # type: ignore[call-overload]
    back = np.asarray(flow.calc(two, one, None), np.float32)  # type: ignore[call-overload]
    columns, rows = np.meshgrid(
        np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)
    )
    to_x, to_y = columns + forth[..., 0], rows + forth[..., 1]
    returned = forth + cv2.remap(back, to_x, to_y, cv2.INTER_LINEAR)
    followed = (to_x >= 0) & (to_x <= width - 1) & (to_y >= 0) & (to_y <= height - 1)
    followed &= np.einsum("ijk,ijk->ij", returned, returned) < _FLOW_SLIP_PX**2
    low, high = np.percentile(np.concatenate((before[::2, ::2], after[::2, ::2])), (2, 98))
    if not followed.any() or high <= low:
        return None
    there = cv2.remap(after, to_x, to_y, cv2.INTER_LINEAR)
    return float(np.abs(there - before)[followed].mean(dtype=np.float64) / (high - low))
