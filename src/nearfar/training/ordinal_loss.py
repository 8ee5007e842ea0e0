"""Losses for ordinal ground truth and for depth edges.

`ranking_loss` trains on pairs of pixels of which one is known to be nearer (Xian et al.,
"Structure-Guided Ranking Loss for Single Image Depth Prediction", CVPR 2020, equation 1).
`step_loss` compares depth steps over a distance of several pixels, for ground truth with exact
borders. Gradient matching between neighboring pixels hardly responds to such steps: most
neighbors lie on one surface, and pixels next to an occlusion are often not known.
"""

from typing import Final

import torch
from torch import Tensor

from nearfar.training.alignment import EPSILON, align, check_batch, flatten_valid, sample_valid

SLOPE: Final = 3.0
"""Factor of normalized differences in log(1 + exp(-x)). With 3, a pair that differs by one mean
absolute deviation adds little loss, so that narrow gaps are not exaggerated."""

STEP_DISTANCE: Final = 6 / 640
"""Distance between compared pixels, as a share of the longer side: 6 pixels of 640."""

MIN_STEP: Final = 0.3
"""Smallest step of the ground truth that is used, in mean absolute deviations of the image."""

_SMALLEST_SPREAD: Final = 1e-4


def ranking_loss(prediction: Tensor, ranked: Tensor) -> Tensor:
    """Return the mean of log(1 + exp(-SLOPE * (p_near - p_far))) over pairs of pixels.

    The prediction is normalized to median 0 and mean absolute deviation 1 in each image, so that
    its scale does not affect the loss.

    Args:
        prediction: (N, h, w) inverse depth, larger is nearer, finite.
        ranked: (N, P, 2) int64, indices into the flattened image, the nearer pixel first. Pairs of
            a pixel with itself are padding.

    Returns:
        A scalar: the mean over the images with pairs; 0 if there are none.

    Raises:
        UsageError: the shapes do not match.
    """
    check_batch(prediction, torch.ones_like(prediction, dtype=torch.bool))
    every = torch.ones_like(prediction, dtype=torch.bool)
    flat = flatten_valid(prediction, every)
    found, _, _ = align(flat, torch.ones_like(flat), sample_valid(every), _SMALLEST_SPREAD)
    nearer, farther = (found.gather(1, ranked[..., side]) for side in (0, 1))
    not_padding = (ranked[..., 0] != ranked[..., 1]).to(found)
    losses = torch.nn.functional.softplus(-SLOPE * (nearer - farther)) * not_padding
    count = not_padding.sum(1)
    means = losses.sum(1) / count.clamp_min(1)
    used = (count > 0).to(found)
    return (means * used).sum() / used.sum().clamp_min(1)


def step_loss(prediction: Tensor, truth: Tensor, valid: Tensor, exact: Tensor) -> Tensor:
    """Return the mean relative error of a prediction's depth steps.

    Prediction and ground truth are normalized to median 0 and mean absolute deviation 1. Along
    rows and columns, pixels at distance `STEP_DISTANCE` are compared where the ground truth differs
    by at least `MIN_STEP`: |step - true step| / |true step|.

    Args:
        prediction: (N, h, w) inverse depth, finite where valid.
        truth: (N, h, w) inverse depth in any unit.
        valid: (N, h, w) bool, where the ground truth is known.
        exact: (N,) bool, True for images with exact borders; the others are ignored.

    Returns:
        A scalar: the mean over the images with steps; 0 if there are none.

    Raises:
        UsageError: the shapes differ, or `valid` is not boolean.
    """
    check_batch(prediction, truth, valid)
    flat, expected = flatten_valid(prediction, valid), flatten_valid(truth, valid)
    sample, known = sample_valid(valid), valid.flatten(1).to(flat)
    with torch.no_grad():
        goal, _, _ = align(expected, known, sample, EPSILON)
    found, _, _ = align(flat, known, sample, _SMALLEST_SPREAD)
    found, goal = found.view(prediction.shape), goal.view(prediction.shape)
    reach = max(1, round(STEP_DISTANCE * max(prediction.shape[1:])))
    total, count = flat.new_zeros(len(flat)), flat.new_zeros(len(flat))
    for axis in (1, 2):
        rest = prediction.shape[axis] - reach
        if rest < 1:
            continue
        step, own = (x.narrow(axis, reach, rest) - x.narrow(axis, 0, rest) for x in (goal, found))
        both = valid.narrow(axis, reach, rest) & valid.narrow(axis, 0, rest)
        counts = (both & (step.abs() >= MIN_STEP)).to(flat)
        missing = (own - step).abs() / step.abs().clamp_min(MIN_STEP)
        total = total + (missing * counts).sum((1, 2))
        count = count + counts.sum((1, 2))
    means = total / count.clamp_min(1)
    used = (exact & (count > 0)).to(flat)
    return (means * used).sum() / used.sum().clamp_min(1)
