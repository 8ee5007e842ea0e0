"""Training losses of the MiDaS paper, on inverse depth.

Ranftl et al., "Towards Robust Monocular Depth Estimation: Mixing Datasets for Zero-shot
Cross-dataset Transfer" (TPAMI 2022, arXiv 1907.01341), section 5. An image's scale and shift
are unknown, so prediction and ground truth are each normalized to median 0 and mean absolute
deviation 1 before they are compared.

All functions take batches in which each image has its own number of valid pixels. An image with
fewer than two valid pixels or with constant ground truth is ignored: it adds no loss and gets no
gradient. Half-precision predictions are converted to float32.
"""

from typing import Any, Final, NamedTuple

import torch
from torch import Tensor, nn

from nearfar.errors import UsageError
from nearfar.training.alignment import (
    EPSILON,
    Sample,
    align,
    check_batch,
    flatten_valid,
    sample_valid,
    value_at_rank,
)

_SMALLEST_PREDICTED_SPREAD: Final = 1e-4  # keeps the gradients of a nearly constant output finite
_CONSTANT: Final = 1e-5  # ground truth is constant if spread / median is below this


class DepthLoss(NamedTuple):
    """Scalar losses; call `backward` on `total`.

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
    """Return the trimmed absolute error and the gradient loss, with one alignment for both.

    Args:
        prediction: as for `trimmed_mae_loss`.
        truth: likewise.
        valid: likewise.
        trim: likewise.
        scales: as for `gradient_loss`.
        gradient_weight: weight of the gradient loss, the paper's alpha; with 0 it is not computed.
        weights: (N,), weight of each image; None for equal weights.

    Raises:
        UsageError: see `trimmed_mae_loss` and `gradient_loss`.
    """
    _check_trim(trim)
    _check_scales(scales)
    batch = _align_pair(prediction, truth, valid)
    error = _mean(_trimmed_mae(batch, trim), batch, weights)
    if gradient_weight == 0:
        return DepthLoss(error, error, torch.zeros_like(error))
    gradient = _mean(_gradient_losses(batch, scales), batch, weights)
    return DepthLoss(error + gradient_weight * gradient, error, gradient)


def trimmed_mae_loss(
    prediction: Tensor,
    truth: Tensor,
    valid: Tensor,
    trim: float = 0.2,
    *,
    weights: Tensor | None = None,
) -> Tensor:
    """Return the scale- and shift-invariant mean absolute error of the best pixels (L_ssitrim).

    An image's loss is the sum of its smallest absolute differences, divided by twice the number of
    all its valid pixels. The loss of the batch is the mean over its images.

    Args:
        prediction: (N, h, w) inverse depth, finite where valid.
        truth: (N, h, w) inverse depth in any unit; ignored where not valid, may be NaN there.
        valid: (N, h, w) bool, where the ground truth is known.
        trim: share of each image's valid pixels that is left out: those with the largest errors,
            where the ground truth itself is most often wrong.
        weights: (N,), weight of each image; None for equal weights.

    Returns:
        A scalar, zero or more.

    Raises:
        UsageError: the shapes differ, `valid` is not boolean, or `trim` is not in [0, 1).
    """
    _check_trim(trim)
    batch = _align_pair(prediction, truth, valid)
    return _mean(_trimmed_mae(batch, trim), batch, weights)


def gradient_loss(
    prediction: Tensor,
    truth: Tensor,
    valid: Tensor,
    scales: int = 4,
    *,
    weights: Tensor | None = None,
) -> Tensor:
    """Return the multi-scale gradient matching loss (L_reg; Li and Snavely, "MegaDepth", 2018).

    It penalizes gradients of the aligned difference of prediction and ground truth, so that edges
    appear where the ground truth has them and nowhere else. An image's loss is the sum over scales
    of the absolute differences between valid neighbors, divided by the scale's number of valid
    pixels. Each scale takes every second pixel of the previous one, without averaging, so that
    invalid pixels do not affect it.

    Args:
        prediction: as for `trimmed_mae_loss`.
        truth: likewise.
        valid: likewise.
        scales: number of scales; the first is full size.
        weights: (N,), weight of each image; None for equal weights.

    Returns:
        A scalar, zero or more.

    Raises:
        UsageError: the shapes differ, `valid` is not boolean, or `scales` is below one.
    """
    _check_scales(scales)
    batch = _align_pair(prediction, truth, valid)
    return _mean(_gradient_losses(batch, scales), batch, weights)


class _Batch(NamedTuple):
    difference: Tensor  # (N, h, w), aligned; zero where not valid
    valid: Tensor  # (N, h, w), 1 or 0; all 0 in an image that is ignored
    sample: Sample
    used: Tensor  # (N,), 1 or 0: which images are used


def _align_pair(prediction: Tensor, truth: Tensor, valid: Tensor) -> _Batch:
    check_batch(prediction, truth, valid)
    flat = prediction.flatten(1).to(torch.promote_types(prediction.dtype, torch.float32))
    with torch.no_grad():
        sample = sample_valid(valid)
        known = valid.flatten(1).to(flat)
        expected, median, spread = align(
            flatten_valid(truth, valid).to(flat), known, sample, EPSILON
        )
        used = (sample.count > 1) & (spread > (_CONSTANT * median.abs()).clamp_min(EPSILON))
        known *= used
    found, _, _ = align(flat, known, sample, _SMALLEST_PREDICTED_SPREAD)
    difference = found - expected * used
    shape = prediction.shape
    return _Batch(difference.view(shape), known.view(shape), sample, used[:, 0].to(known))


def _trimmed_mae(batch: _Batch, trim: float) -> Tensor:
    """Return the trimmed absolute error of each image, (N,).

    For any t between the k-th smallest residual and the next, the sum of the k smallest residuals
    is sum(min(r, t)) - (M - k) t. As a function of t it has its maximum there, so a t estimated
    from a sample causes an error of second order only.
    """
    residual = batch.difference.flatten(1).abs()
    count, size = batch.sample.count, batch.sample.size
    with torch.no_grad():
        threshold = value_at_rank(
            residual, batch.sample, (size - 1 - _share(size, trim)).clamp_min(0)
        )
        threshold *= 1 + 4 * torch.finfo(threshold.dtype).eps  # the k-th keeps its gradient
        rest = (count - _share(count, trim)) * threshold
    below = nn.functional.relu(threshold - residual) * batch.valid.flatten(1)
    total = rest[:, 0] * batch.used - below.sum(1)
    return total / (2 * count[:, 0].clamp_min(1))


class _GradientSum(torch.autograd.Function):
    """Compute the gradient loss of each image, (N,).

    The derivative of a sum of absolute values is a sum of signs. Accumulating it in the forward
    pass takes a quarter of the time of autograd through the slices.
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


def _gradient_losses(batch: _Batch, scales: int) -> Tensor:
    losses: Tensor = _GradientSum.apply(  # type: ignore[no-untyped-call]  # torch leaves it untyped
        batch.difference, batch.valid, scales
    )
    return losses


def _mean(losses: Tensor, batch: _Batch, weights: Tensor | None) -> Tensor:
    """Return the weighted mean over the images that are used."""
    shares = batch.used if weights is None else batch.used * weights.to(losses)
    return (losses * shares).sum() / shares.sum().clamp_min(EPSILON)


def _share(count: Tensor, trim: float) -> Tensor:
    """Return how many of `count` pixels are trimmed; rounds 0.29 * 100 to 29, not to 28."""
    return (count * trim + 1e-6).floor().to(count.dtype)


def _check_trim(trim: float) -> None:
    if not 0 <= trim < 1:
        raise UsageError(f"trim must be at least 0 and below 1, not {trim}")


def _check_scales(scales: int) -> None:
    if scales < 1:
        raise UsageError(f"scales must be at least 1, not {scales}")


_HALF_LOSS_ERROR: Final = 0.25  # relative error whose loss is one half
_SKY: Final = 0.05  # inverse depths below this share of the mean count as sky: absolute error
_SMALLEST_VARIANCE: Final = 1e-8  # keeps the gradients of a constant prediction finite


def ratio_loss(prediction: Tensor, truth: Tensor, valid: Tensor, has_ratios: Tensor) -> Tensor:
    """Return the mean over pixels of r / (r + 1/4), where r is the error relative to the truth.

    Args:
        prediction: (N, h, w) inverse depth up to scale and shift, finite where valid.
        truth: (N, h, w) inverse depth in any unit; ignored where not valid, may be NaN there.
        valid: (N, h, w) bool, where the ground truth is known.
        has_ratios: (N,) bool, whether inverse depth 0 is infinity. Other images, such as
            disparities with an unknown offset, have no meaningful ratios and are ignored.

    Returns:
        A scalar, 0 to 1: the mean over the images that are used.

    Raises:
        UsageError: the shapes differ, or `valid` is not boolean.
    """
    check_batch(prediction, truth, valid)
    found, expected = flatten_valid(prediction, valid), flatten_valid(truth, valid)
    known = valid.flatten(1).to(found)
    count = known.sum(1, keepdim=True)
    share = known / count.clamp_min(1)
    mean = (expected * share).sum(1, keepdim=True)
    expected = expected / mean.clamp_min(EPSILON)
    centered = (found - (found * share).sum(1, keepdim=True)) * known
    variance = (centered.square() * share).sum(1, keepdim=True).clamp_min(_SMALLEST_VARIANCE)
    scale = (centered * (expected - 1) * share).sum(1, keepdim=True) / variance
    error = (1 + scale * centered - expected).abs() / expected.clamp_min(_SKY)
    losses = (error / (error + _HALF_LOSS_ERROR) * share).sum(1)
    used = (has_ratios & (count[:, 0] > 1)).to(losses)
    return torch.dot(losses, used) / used.sum().clamp_min(1)
