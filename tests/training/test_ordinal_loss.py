"""Losses of order and of steps, on values worked out by hand."""

import math

import pytest
import torch

from nearfar.training.ordinal_loss import SLOPE, ranking_loss, step_loss


def test_a_pair_in_order_costs_log_1_plus_exp_of_its_distance() -> None:
    # median 1 (the lower middle), mean absolute deviation (1 + 0 + 1 + 2) / 4 = 1
    prediction = torch.tensor([[[0.0, 1.0], [2.0, 3.0]]])
    right = ranking_loss(prediction, torch.tensor([[[3, 0]]]))
    wrong = ranking_loss(prediction, torch.tensor([[[0, 3]]]))
    assert right.item() == pytest.approx(math.log1p(math.exp(-3 * SLOPE)), abs=1e-6)
    assert wrong.item() == pytest.approx(math.log1p(math.exp(3 * SLOPE)), rel=1e-6)


def test_scale_and_shift_change_nothing() -> None:
    prediction = torch.rand(2, 8, 8)
    ranked = torch.randint(0, 64, (2, 50, 2))
    loss = ranking_loss(prediction, ranked)
    assert ranking_loss(prediction * 7 - 3, ranked).item() == pytest.approx(loss.item(), rel=1e-4)


def test_pairs_of_a_place_with_itself_and_pictures_without_pairs_say_nothing() -> None:
    prediction = torch.rand(2, 4, 4)
    one = torch.tensor([[[3, 9], [0, 0]], [[0, 0], [0, 0]]])
    alone = torch.tensor([[[3, 9]]])
    assert ranking_loss(prediction, one).item() == pytest.approx(
        ranking_loss(prediction[:1], alone).item()
    )
    assert ranking_loss(prediction, torch.zeros(2, 5, 2, dtype=torch.int64)).item() == 0


def test_the_gradient_lifts_the_nearer_pixel() -> None:
    prediction = torch.rand(1, 4, 4, requires_grad=True)
    loss = ranking_loss(prediction, torch.tensor([[[5, 10]]]))
    (gradient,) = torch.autograd.grad(loss, prediction)
    slope = gradient[0].flatten()
    assert slope[5] < 0 < slope[10]


def steps(values: list[float]) -> torch.Tensor:
    """A row of pixels, repeated: (1, 4, n)."""
    return torch.tensor(values)[None, None].repeat(1, 4, 1)


def test_a_sharp_step_costs_nothing_and_none_at_all_costs_one() -> None:
    truth = steps([0.0] * 50 + [1.0] * 50)
    valid, exact = torch.ones_like(truth, dtype=torch.bool), torch.tensor([True])
    assert step_loss(truth * 5 + 2, truth, valid, exact).item() == pytest.approx(0, abs=1e-5)
    # a wave that is flat over the step: none of it is there
    flat = truth.clone()
    flat[..., 40:60] = 0.5
    assert step_loss(flat, truth, valid, exact).item() == pytest.approx(1, abs=0.2)


def test_a_soft_step_lacks_what_lies_beyond_its_reach() -> None:
    truth = steps([0.0] * 50 + [1.0] * 50)
    ramp = steps([0.0] * 45 + [0.05 + 0.1 * i for i in range(10)] + [1.0] * 45)
    valid, exact = torch.ones_like(truth, dtype=torch.bool), torch.tensor([True])
    # over one pixel, the reach at 100 pixels, the ramp has a tenth of the step
    assert step_loss(ramp, truth, valid, exact).item() == pytest.approx(0.89, abs=0.03)


def test_pictures_without_exact_borders_and_unknown_pixels_are_passed_over() -> None:
    truth = steps([0.0] * 50 + [1.0] * 50)
    valid = torch.ones_like(truth, dtype=torch.bool)
    soft = torch.zeros_like(truth)
    assert step_loss(soft, truth, valid, torch.tensor([False])).item() == 0
    valid[..., 48:52] = False
    assert step_loss(soft, truth, valid, torch.tensor([True])).item() == 0
