"""A loss near to what is judged: how far each pixel is off as a share of its own inverse depth.

The losses of the MiDaS paper weigh all inverse depths alike, so that what is far, and therefore
small, hardly counts in them; the share of bad pixels, by which the same paper judges, weighs all
ratios alike. Here a prediction is brought to the truth as in judging, by least squares in inverse
depth, and a pixel's relative error r counts as r / (r + 1/4), after Geman and McClure (1987):
about the bad ones of max(d/t, t/d) > 1.25, but smooth, and deaf to those that are hopeless.
"""

from typing import Final

import torch
from torch import Tensor

from nearfar.training.alignment import TINY, check_pictures, without_rest

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
