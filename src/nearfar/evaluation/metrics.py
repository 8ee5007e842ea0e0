"""Error metrics of depth maps. Where no mask is passed, all pixels count: select them before."""

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
"""Smallest difference of a pair, relative to the truth's spread, if zero is not infinity."""

LAYER_PAIRS: Final = 4000
STEP_DISTANCE: Final = 6 / 640
"""Distance between compared pixels in `sharpness`, as a share of the longer side."""

MIN_STEP: Final = 0.1
"""Smallest step of the truth in `sharpness`, relative to the truth's spread."""

TINY: Final = float(np.finfo(np.float32).tiny)

_BOUNDARY_RATIOS: Final = np.linspace(1.05, 1.25, 10)
_PRESELECT: Final = np.float32(1.0499)  # slightly below the first of them, to preselect pixels
_MAX_FLOW_ERROR_PX: Final = 1.0


def abs_rel(depth: Values, truth: Values) -> float:
    """Return the mean of |depth - truth| / truth, for distances above 0 (Eigen et al., 2014)."""
    error = np.abs(depth - truth)
    error /= truth
    return float(error.mean(dtype=np.float64))


def rmse(depth: Values, truth: Values) -> float:
    """Return the root mean squared error, in the unit of the distances."""
    error = depth - truth
    return float(np.sqrt(np.mean(error * error, dtype=np.float64)))


def silog(depth: Values, truth: Values) -> float:
    """Return the scale-invariant logarithmic error times 100, as in KITTI's benchmark.

    It is the standard deviation of log(depth) - log(truth): lambda = 1 in Eigen et al.
    (NeurIPS 2014).
    """
    logs = depth / truth
    return 100 * _spread(np.log(logs, out=logs))


def worst_ratio(depth: Values, truth: Values) -> Values:
    """Return max(depth / truth, truth / depth) of each pixel; 1 is exact."""
    ratio = depth / truth
    return np.asarray(np.maximum(ratio, np.reciprocal(ratio)), np.float32)


def bad_pixel(ratio: Values) -> float:
    """Return the percentage of pixels whose `worst_ratio` is above 1.25 (Ranftl et al., 2022)."""
    return 100 * float(np.count_nonzero(ratio > BAD_RATIO)) / ratio.size


def delta(ratio: Values, power: int) -> float:
    """Return the share of pixels whose `worst_ratio` is below 1.25 to the power of 1, 2 or 3."""
    return float(np.count_nonzero(ratio < BAD_RATIO**power)) / ratio.size


def inverse_error(aligned: Values, truth: Values) -> float:
    """Return the root mean squared error of inverse depth in standard deviations of the truth.

    It does not depend on the truth's scale and offset, so it also applies to disparity: 0 is
    exact, 1 is no better than a constant. 0 if the truth is constant.

    Args:
        aligned: inverse depth, aligned to the truth by least squares.
        truth: inverse depth or disparity.
    """
    spread = _spread(truth)
    return rmse(aligned, truth) / spread if spread > 0 else 0.0


def _spread(values: Values) -> float:
    """Return the standard deviation, in a third of the time of NumPy's float64 version."""
    centered = values - np.float32(values.mean(dtype=np.float64))
    centered *= centered
    return float(np.sqrt(centered.mean(dtype=np.float64)))


def whdr(nearer: NDArray[Any], farther: NDArray[Any]) -> float:
    """Return the percentage of point pairs in the wrong or in no order.

    The WHDR (human whdr rate) of Chen et al. (NeurIPS 2016), with weight 1 for each pair.

    Args:
        nearer: (N,) predicted inverse depth of the nearer points.
        farther: (N,) of the farther points.
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
    """Return the `whdr` over random pairs of pixels.

    Pairs whose true inverse depths differ by less than a factor of 1.03 are ignored; this factor
    and the number of pairs are those of Xian et al. (CVPR 2020). For disparity with an unknown
    offset, pairs are ignored that differ by less than a tenth of the spread from the 2nd to the
    98th percentile.

    Args:
        prediction: (N,) inverse depth, any scale and shift.
        truth: (N,) inverse depth, above 0.
        has_zero: whether zero is infinity in the truth, so that ratios have a meaning.
        pairs: number of random pairs.
        seed: of the random generator.

    Returns:
        Percent; None if no pair is ordered.
    """
    first, second = (_random_pairs(pairs, seed) * truth.size).astype(np.int64)
    a, b = truth.take(first), truth.take(second)
    p, q = prediction.take(first), prediction.take(second)
    if has_zero:
        ordered = np.maximum(a, b) > np.minimum(a, b) * np.float32(ORDINAL_RATIO)
    else:
        ordered = np.abs(a - b) > ORDINAL_GAP * _robust_spread(truth)
    wrong = np.where(a > b, p <= q, q <= p) & ordered
    count = np.count_nonzero(ordered)
    return 100 * float(np.count_nonzero(wrong)) / count if count else None


def layers_whdr(prediction: Values, truth: Layers, *, seed: int = 0) -> float:
    """Return the `whdr` over pairs of pixels in ordered regions.

    Half of the pairs are across a border of two such regions, the others anywhere in them.

    Args:
        prediction: (H, W) inverse depth, any scale and shift.
        truth: of the same size.
        seed: of the random generator.
    """
    rng = np.random.default_rng(seed)
    pairs = draw_pairs(truth.regions, truth.order, LAYER_PAIRS, rng)
    values = prediction.ravel()[pairs]
    return whdr(values[:, 0], values[:, 1])


def sharpness(aligned: Values, truth: Values, valid: NDArray[np.bool_]) -> float | None:
    """Return the mean share of the truth's depth steps that a map reproduces.

    A step is a difference along a row or column, over 6 pixels of 640, of at least a tenth of the
    truth's spread (from the 2nd to the 98th percentile). Its share is the map's difference moved
    divided by the truth's, clipped to 0 to 1: 1 for a sharp edge in the right position, nearly 0
    for a ramp or a displaced edge.

    Args:
        aligned: (H, W) inverse depth, aligned to the truth by least squares.
        truth: (H, W) inverse depth or disparity.
        valid: (H, W) bool; both pixels of a step must be valid.

    Returns:
        0 to 1; None if the truth has no step.
    """
    reach = max(1, round(STEP_DISTANCE * max(truth.shape)))
    least = MIN_STEP * _robust_spread(truth[valid])
    shares = []
    for axis in (0, 1):
        near, far = _neighbors(axis, reach)
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
def _random_pairs(pairs: int, seed: int) -> NDArray[np.float64]:
    return np.random.default_rng(seed).random((2, pairs))


def boundary_f1(depth: Values, truth: Values, valid: NDArray[np.bool_]) -> float | None:
    """Return the F1 score of occluding edges (Depth Pro, arXiv 2410.02073, section 3.3).

    Neighbors whose distances differ by more than a factor t have an edge between them. Precision
    and recall are means over the four directions; F1 is the mean over ten values of t from 1.05
    to 1.25, weighted by t. It does not depend on the scale. A direction without edges counts as
    0, as in the published code.

    Args:
        depth: (H, W) above 0.
        truth: (H, W) above 0 where valid.
        valid: (H, W) bool; both pixels of an edge must be valid.

    Returns:
        0 to 1; None if the truth has no edge, which the paper counts as 0.
    """
    counts = []
    for axis in (0, 1):
        near, far = _neighbors(axis)
        both = valid[near] & valid[far]
        with np.errstate(divide="ignore", invalid="ignore"):
            own, true = depth[far] / depth[near], truth[far] / truth[near]
        rises = ((own > _PRESELECT) | (true > _PRESELECT)) & both
        falls = ((own < 1 / _PRESELECT) | (true < 1 / _PRESELECT)) & both
        counts += [_edges(own[rises], true[rises]), _edges(1 / own[falls], 1 / true[falls])]
    common, predicted, actual = np.moveaxis(np.array(counts, np.float64), 1, 0)
    if not actual.any():
        return None
    recall = (common / np.maximum(actual, 1)).mean(axis=0)
    precision = (common / np.maximum(predicted, 1)).mean(axis=0)
    both_sum = np.maximum(precision + recall, np.finfo(np.float64).tiny)
    return float(np.average(2 * precision * recall / both_sum, weights=_BOUNDARY_RATIOS))


def _neighbors(axis: int, apart: int = 1) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    every = slice(None)
    first, second = slice(None, -apart), slice(apart, None)
    return ((first, every), (second, every)) if axis == 0 else ((every, first), (every, second))


def _edges(own: NDArray[Any], true: NDArray[Any]) -> NDArray[np.int64]:
    """Count the edges in both maps, the prediction, and the truth, by threshold: (3, T)."""
    # number of thresholds that each ratio exceeds; an edge in both maps has the smaller number
    levels_own = np.searchsorted(_BOUNDARY_RATIOS, own)
    levels_true = np.searchsorted(_BOUNDARY_RATIOS, true)
    top = len(_BOUNDARY_RATIOS)
    return np.array(
        [
            _count_exceeding(levels, top)
            for levels in (np.minimum(levels_own, levels_true), levels_own, levels_true)
        ]
    )


def _count_exceeding(levels: NDArray[np.int64], top: int) -> NDArray[np.int64]:
    return np.bincount(levels, minlength=top + 1)[::-1].cumsum()[::-1][1:]


def temporal_change(
    before: Values, after: Values, photo_before: Image, photo_after: Image
) -> float | None:
    """Return how much inverse depth changes between two frames along the optical flow.

    Pixels are tracked by optical flow (DIS, Kroeger et al., ECCV 2016; OpenCV's fast preset). The
    absolute differences of inverse depth are averaged, relative to the span between the 2nd and
    98th percentile of both maps. Only pixels whose forward and backward flow agree within a pixel
    count. True motion towards the camera counts too, so compare models on the same clip.

    Args:
        before: (H, W) inverse depth of the first frame.
        after: (H, W) of the second, from the same model.
        photo_before: (h, w, 3) uint8.
        photo_after: of the same size.

    Returns:
        0 for no change; None if no pixel can be tracked or both maps are constant.
    """
    height, width = before.shape
    size = width, height
    one, two = (
        cv2.resize(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY), size, interpolation=cv2.INTER_AREA)
        for photo in (photo_before, photo_after)
    )
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    forward = np.asarray(flow.calc(one, two, None), np.float32)  # type: ignore[call-overload]
    backward = np.asarray(flow.calc(two, one, None), np.float32)  # type: ignore[call-overload]
    columns, rows = np.meshgrid(
        np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)
    )
    to_x, to_y = columns + forward[..., 0], rows + forward[..., 1]
    flow_error = forward + cv2.remap(backward, to_x, to_y, cv2.INTER_LINEAR)
    tracked = (to_x >= 0) & (to_x <= width - 1) & (to_y >= 0) & (to_y <= height - 1)
    tracked &= np.einsum("ijk,ijk->ij", flow_error, flow_error) < _MAX_FLOW_ERROR_PX**2
    low, high = np.percentile(np.concatenate((before[::2, ::2], after[::2, ::2])), (2, 98))
    if not tracked.any() or high <= low:
        return None
    moved = cv2.remap(after, to_x, to_y, cv2.INTER_LINEAR)
    return float(np.abs(moved - before)[tracked].mean(dtype=np.float64) / (high - low))
