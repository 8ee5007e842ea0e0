"""What training makes small: the losses of the MiDaS paper, in inverse depth.

Ranftl et al., "Towards Robust Monocular Depth Estimation: Mixing Datasets for Zero-shot
Cross-dataset Transfer" (TPAMI 2022, arXiv 1907.01341), section 5. A picture's scale and shift
are unknown, so prediction and truth are each brought to median 0 and mean absolute deviation 1
before they are compared.

All functions take whole batches, in which each picture may have its own count of valid pixels.
A picture that says nothing, because fewer than two pixels are valid or the truth is constant,
adds nothing and gets no gradient. Half-precision predictions are compared in float32.
"""

from typing import Any, Final, NamedTuple

import torch
from torch import Tensor, nn

from nearfar.errors import UsageError
from nearfar.training.alignment import (
    TINY,
    Sample,
    align,
    check_pictures,
    ranked,
    sample_valid,
    without_rest,
)

_SMALLEST_PREDICTED_SPREAD: Final = 1e-4  # keeps gradients of a nearly constant answer finite
_CONSTANT: Final = 1e-5  # a truth whose spread is a smaller share of its median is constant


class DepthLoss(NamedTuple):
    """Scalars; `total` is what to call `backward` on.

    Attributes:
        total: error plus weighted gradient.
        error: `trimmed_mae_loss`.
        gradient: `gradient_loss`, without its weight.
    """

    total: Tensor
    error: Tensor
    gradient: Tensor


def depth_loss(
    prediction: Tensor,
    truth: Tensor,
    valid: Tensor,
    *,
    trim: float = 0.2,
    scales: int = 4,
    gradient_weight: float = 0.5,
    weights: Tensor | None = None,
) -> DepthLoss:
    """Both losses, aligned once; `gradient_weight` is the paper's alpha.

    Args:
        prediction: as for `trimmed_mae_loss`.
        truth: likewise.
        valid: likewise.
        trim: likewise.
        scales: as for `gradient_loss`.
        gradient_weight: of the gradient loss; zero leaves it out.
        weights: (N,), how much each picture counts; None for all the same.

    Raises:
        UsageError: as `trimmed_mae_loss` and `gradient_loss`.
    """
    _check_trim(trim)
    _check_scales(scales)
    batch = _compare(prediction, truth, valid)
    error = _mean(_trimmed_mae(batch, trim), batch, weights)
    if gradient_weight == 0:
        return DepthLoss(error, error, torch.zeros_like(error))
    gradient = _mean(_gradients(batch, scales), batch, weights)
    return DepthLoss(error + gradient_weight * gradient, error, gradient)


def trimmed_mae_loss(
    prediction: Tensor,
    truth: Tensor,
    valid: Tensor,
    trim: float = 0.2,
    *,
    weights: Tensor | None = None,
) -> Tensor:
    """Scale- and shift-invariant mean absolute error without the worst pixels (L_ssitrim).

    A picture's loss is the sum of its smallest absolute differences over twice the count of all
    its valid pixels; a batch's is the mean over the pictures that say something.

    Args:
        prediction: (N, h, w) inverse depth, finite where valid.
        truth: (N, h, w) inverse depth in any unit; where not valid it may be anything, NaN too.
        valid: (N, h, w) bool, where the truth is known.
        trim: share of each picture's valid pixels that is left out: those that are farthest off,
            where the truth itself is most often wrong.
        weights: (N,), how much each picture counts; None for all the same.

    Returns:
        A scalar, zero or more.

    Raises:
        UsageError: shapes differ, `valid` is not boolean, or `trim` is not in [0, 1).
    """
    _check_trim(trim)
    batch = _compare(prediction, truth, valid)
    return _mean(_trimmed_mae(batch, trim), batch, weights)


def gradient_loss(
    prediction: Tensor,
    truth: Tensor,
    valid: Tensor,
    scales: int = 4,
    *,
    weights: Tensor | None = None,
) -> Tensor:
    """Multi-scale gradient matching (L_reg; from Li and Snavely, "MegaDepth", CVPR 2018).

    The aligned difference of prediction and truth should be flat: edges stand where the truth
    has them, and nowhere else. A picture's loss is the sum over scales of the differences
    between valid neighbours, over the scale's count of valid pixels. Each scale takes every
    second pixel of the one before, so that invalid pixels never blend in.

    Args:
        prediction: as for `trimmed_mae_loss`.
        truth: likewise.
        valid: likewise.
        scales: how many, the first at full size.
        weights: (N,), how much each picture counts; None for all the same.

    Returns:
        A scalar, zero or more.

    Raises:
        UsageError: shapes differ, `valid` is not boolean, or `scales` is below one.
    """
    _check_scales(scales)
    batch = _compare(prediction, truth, valid)
    return _mean(_gradients(batch, scales), batch, weights)


class _Batch(NamedTuple):
    difference: Tensor  # (N, h, w), aligned; zero where not valid
    valid: Tensor  # (N, h, w), one or zero; all zero in a picture that says nothing
    sample: Sample
    telling: Tensor  # (N,), one or zero: which pictures say something


def _compare(prediction: Tensor, truth: Tensor, valid: Tensor) -> _Batch:
    check_pictures(prediction, truth, valid)
    flat = prediction.flatten(1).to(torch.promote_types(prediction.dtype, torch.float32))
    with torch.no_grad():
        sample = sample_valid(valid)
        known = valid.flatten(1).to(flat)
        expected, median, spread = align(without_rest(truth, valid).to(flat), known, sample, TINY)
        telling = (sample.count > 1) & (spread > (_CONSTANT * median.abs()).clamp_min(TINY))
        known *= telling
    found, _, _ = align(flat, known, sample, _SMALLEST_PREDICTED_SPREAD)
    difference = found - expected * telling
    shape = prediction.shape
    return _Batch(difference.view(shape), known.view(shape), sample, telling[:, 0].to(known))


def _trimmed_mae(batch: _Batch, trim: float) -> Tensor:
    """(N,).

    For any t from the k-th to the next residual r, the sum of the k smallest is the sum of
    all r, each cut at t, less (M - k) t. It is largest there, so a t from a sample, which
    is a little off, makes an error of second order only.
    """
    residual = batch.difference.flatten(1).abs()
    count, size = batch.sample.count, batch.sample.size
    with torch.no_grad():
        threshold = ranked(residual, batch.sample, (size - 1 - _share(size, trim)).clamp_min(0))
        threshold *= 1 + 4 * torch.finfo(threshold.dtype).eps  # the k-th keeps its gradient
        kept = (count - _share(count, trim)) * threshold
    below = nn.functional.relu(threshold - residual) * batch.valid.flatten(1)
    total = kept[:, 0] * batch.telling - below.sum(1)
    return total / (2 * count[:, 0].clamp_min(1))


class _Steps(torch.autograd.Function):
    """The gradient loss of each picture, (N,).

    The slope of a sum of absolute values is a sum of signs; it is gathered on the way, in a
    quarter of the time that recorded slices take.
    """

    @staticmethod
    def forward(ctx: Any, difference: Tensor, valid: Tensor, scales: int) -> Tensor:
        total = difference.new_zeros(len(difference))
        slope = torch.zeros_like(difference)
        for scale in range(scales):
            every = 2**scale
            values, known, slopes = (x[:, ::every, ::every] for x in (difference, valid, slope))
            share = 1 / known.sum((1, 2)).clamp_min(1)
            for axis in (1, 2):
                rest = values.shape[axis] - 1
                steps = values.narrow(axis, 1, rest) - values.narrow(axis, 0, rest)
                steps *= known.narrow(axis, 1, rest)
                steps *= known.narrow(axis, 0, rest)
                signs = steps.sign() * share[:, None, None]
                slopes.narrow(axis, 1, rest).add_(signs)
                slopes.narrow(axis, 0, rest).sub_(signs)
                total += steps.abs_().sum((1, 2)) * share
        ctx.save_for_backward(slope)
        return total

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        (slope,) = ctx.saved_tensors
        return slope * grads[0][:, None, None], None, None


def _gradients(batch: _Batch, scales: int) -> Tensor:
    losses: Tensor = _Steps.apply(  # type: ignore[no-untyped-call]  # torch leaves it untyped
        batch.difference, batch.valid, scales
    )
    return losses


def _mean(losses: Tensor, batch: _Batch, weights: Tensor | None) -> Tensor:
    """Weighted mean over the pictures that say something."""
    shares = batch.telling if weights is None else batch.telling * weights.to(losses)
    return (losses * shares).sum() / shares.sum().clamp_min(TINY)


def _share(count: Tensor, trim: float) -> Tensor:
    """How many of `count` pixels are trimmed; 0.29 of 100 is 29, though not in binary."""
    return (count * trim + 1e-6).floor().to(count.dtype)


def _check_trim(trim: float) -> None:
    if not 0 <= trim < 1:
        raise UsageError(f"trim is a share from 0 to below 1, not {trim}")


def _check_scales(scales: int) -> None:
    if scales < 1:
        raise UsageError(f"scales must be at least 1, not {scales}")


_HALF_AT: Final = 0.25  # the relative error that counts half
_FARTHEST: Final = (
    0.05  # smaller inverse depths, against the mean, are sky: an absolute error there
)
_SMALLEST_VARIANCE: Final = 1e-8  # of the prediction: keeps the gradients of a constant one finite


def ratio_loss(prediction: Tensor, truth: Tensor, valid: Tensor, rooted: Tensor) -> Tensor:
    """Mean over pixels of r / (r + 1/4), where r is the error over the truth.

    Args:
        prediction: (N, h, w) inverse depth up to scale and shift, finite where valid.
        truth: (N, h, w) inverse depth in any unit; where not valid it may be anything, NaN too.
        valid: (N, h, w) bool, where the truth is known.
        rooted: (N,) bool, in which pictures zero is infinitely far. A disparity with an offset
            of its own has no ratios, and adds nothing.

    Returns:
        A scalar, 0 to 1: the mean over the rooted pictures that know something.

    Raises:
        UsageError: shapes differ, or `valid` is not boolean.
    """
    check_pictures(prediction, truth, valid)
    found, expected = without_rest(prediction, valid), without_rest(truth, valid)
    known = valid.flatten(1).to(found)
    count = known.sum(1, keepdim=True)
    share = known / count.clamp_min(1)
    middle = (expected * share).sum(1, keepdim=True)
    expected = expected / middle.clamp_min(TINY)
    varying = (found - (found * share).sum(1, keepdim=True)) * known
    variance = (varying.square() * share).sum(1, keepdim=True).clamp_min(_SMALLEST_VARIANCE)
    scale = (varying * (expected - 1) * share).sum(1, keepdim=True) / variance
    error = (1 + scale * varying - expected).abs() / expected.clamp_min(_FARTHEST)
    losses = (error / (error + _HALF_AT) * share).sum(1)
    telling = (rooted & (count[:, 0] > 1)).to(losses)
    return torch.dot(losses, telling) / telling.sum().clamp_min(1)
