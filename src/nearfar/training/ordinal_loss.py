"""Losses of order and of edges, beside those of `losses`.

`ranking_loss` learns from pairs of pixels of which one is known to be nearer (Xian et al.,
"Structure-Guided Ranking Loss for Single Image Depth Prediction", CVPR 2020, equation 1).
`step_loss` looks at the depth steps of a truth with exact borders, over a distance at which a
sharp map has all of a step: gradient matching between neighbours hardly sees them, since most
neighbours lie on one surface and the pixels right beside an occlusion are often not known.
"""

from typing import Final

import torch
from torch import Tensor

from nearfar.training.alignment import TINY, align, check_pictures, sample_valid, without_rest

SLOPE: Final = 3.0
"""What normalised differences are multiplied by before log(1 + exp(-x)): a pair that is apart by
one mean deviation is nearly content, so that narrow gaps are not torn open."""

STEP_REACH: Final = 6 / 640
"""Distance over which a step is looked at, in parts of the longer side: 6 pixels of 640."""

LEAST_STEP: Final = 0.3
"""Least step of the truth that counts, in mean absolute deviations of the picture."""

_SMALLEST_SPREAD: Final = 1e-4


def ranking_loss(prediction: Tensor, ranked: Tensor) -> Tensor:
    """Return the mean of log(1 + exp(-SLOPE * (p_near - p_far))) over pairs of pixels.

    The prediction is brought to median 0 and mean absolute deviation 1 in each picture, so that
    its scale can't make the loss small.

    Args:
        prediction: (N, h, w) inverse depth, larger is nearer, finite.
        ranked: (N, P, 2) int64, places in the flat picture, the nearer first. Pairs of one place
            with itself say nothing.

    Returns:
        A scalar: the mean over the pictures with pairs; 0 if there is none.

    Raises:
        UsageError: shapes that don't fit.
    """
    check_pictures(prediction, torch.ones_like(prediction, dtype=torch.bool))
    every = torch.ones_like(prediction, dtype=torch.bool)
    flat = without_rest(prediction, every)
    found, _, _ = align(flat, torch.ones_like(flat), sample_valid(every), _SMALLEST_SPREAD)
    nearer, farther = (found.gather(1, ranked[..., side]) for side in (0, 1))
    says = (ranked[..., 0] != ranked[..., 1]).to(found)
    losses = torch.nn.functional.softplus(-SLOPE * (nearer - farther)) * says
    count = says.sum(1)
    means = losses.sum(1) / count.clamp_min(1)
    telling = (count > 0).to(found)
    return (means * telling).sum() / telling.sum().clamp_min(1)


def step_loss(prediction: Tensor, truth: Tensor, valid: Tensor, exact: Tensor) -> Tensor:
    """Return how much of the truth's depth steps a prediction lacks, as a mean share.

    Prediction and truth are brought to median 0 and mean absolute deviation 1. Over `STEP_REACH`
    along rows and columns, every step of the truth of at least `LEAST_STEP` is compared with the
    prediction's: |step - true step| / |true step|.

    Args:
        prediction: (N, h, w) inverse depth, finite where valid.
        truth: (N, h, w) inverse depth in any unit.
        valid: (N, h, w) bool, where the truth is known.
        exact: (N,) bool, whose borders are exact: the others add nothing.

    Returns:
        A scalar: the mean over the pictures with steps; 0 if there is none.

    Raises:
        UsageError: shapes differ, or `valid` is not boolean.
    """
    check_pictures(prediction, truth, valid)
    flat, expected = without_rest(prediction, valid), without_rest(truth, valid)
    sample, known = sample_valid(valid), valid.flatten(1).to(flat)
    with torch.no_grad():
        goal, _, _ = align(expected, known, sample, TINY)
    found, _, _ = align(flat, known, sample, _SMALLEST_SPREAD)
    found, goal = found.view(prediction.shape), goal.view(prediction.shape)
    reach = max(1, round(STEP_REACH * max(prediction.shape[1:])))
    total, count = flat.new_zeros(len(flat)), flat.new_zeros(len(flat))
    for axis in (1, 2):
        rest = prediction.shape[axis] - reach
        if rest < 1:
            continue
        step, own = (x.narrow(axis, reach, rest) - x.narrow(axis, 0, rest) for x in (goal, found))
        both = valid.narrow(axis, reach, rest) & valid.narrow(axis, 0, rest)
        counts = (both & (step.abs() >= LEAST_STEP)).to(flat)
        missing = (own - step).abs() / step.abs().clamp_min(LEAST_STEP)
        total = total + (missing * counts).sum((1, 2))
        count = count + counts.sum((1, 2))
    means = total / count.clamp_min(1)
    telling = (exact & (count > 0)).to(flat)
    return (means * telling).sum() / telling.sum().clamp_min(1)
