import numpy as np
import pytest
import torch

from nearfar.errors import UsageError
from nearfar.training.losses import ratio_loss, trimmed_mae_loss

YES = torch.tensor([True])


def picture(*values: float) -> torch.Tensor:
    return torch.tensor([[values]], dtype=torch.float64)


def valid(values: torch.Tensor) -> torch.Tensor:
    return torch.isfinite(values) & (values > 0)


def by_loop(prediction: torch.Tensor, truth: torch.Tensor) -> float:
    """In float64, pixel by pixel, with numpy's least squares."""
    known = valid(truth)[0].numpy()
    p, t = prediction[0].numpy()[known], truth[0].numpy()[known]
    (scale, shift), *_ = np.linalg.lstsq(np.stack([p, np.ones_like(p)], 1), t, rcond=None)
    total = 0.0
    for one, true in zip(p, t, strict=True):
        error = abs(scale * one + shift - true) / max(true, 0.05 * t.mean())
        total += error / (error + 0.25)
    return total / len(t)


def test_an_affine_prediction_has_no_error() -> None:
    truth = picture(1, 2, 3, 4, 8)
    assert ratio_loss(3 * truth + 7, truth, valid(truth), YES).item() == pytest.approx(0, abs=1e-12)


def test_worked_by_hand() -> None:
    # the best line through (0, 1), (0, 3), (1, 2), (1, 4) is 2 + x: errors 1, 1, 1, 1
    truth, prediction = picture(1, 3, 2, 4), picture(0, 0, 1, 1)
    shares = [error / (error + 0.25) for error in (1 / 1, 1 / 3, 1 / 2, 1 / 4)]
    loss = ratio_loss(prediction, truth, valid(truth), YES)
    assert loss.item() == pytest.approx(sum(shares) / 4)


def test_agrees_with_a_loop_and_leaves_out_what_is_not_known() -> None:
    rng = torch.Generator().manual_seed(1)
    truth = torch.rand((1, 9, 7), generator=rng, dtype=torch.float64) + 0.01
    prediction = torch.rand((1, 9, 7), generator=rng, dtype=torch.float64)
    truth[0, 2, 3], truth[0, 5] = torch.nan, 0
    loss = ratio_loss(prediction, truth, valid(truth), YES)
    assert loss.item() == pytest.approx(by_loop(prediction, truth))


def test_what_is_far_counts_more_than_among_inverse_depths() -> None:
    truth = torch.linspace(0.1, 1, 100, dtype=torch.float64).view(1, 10, 10)
    far, near = truth.clone(), truth.clone()
    far[0, 0] *= 1.3
    near[0, -1] *= 1.3
    known = valid(truth)
    ratios = [ratio_loss(found, truth, known, YES).item() for found in (far, near)]
    errors = [trimmed_mae_loss(found, truth, known, 0).item() for found in (far, near)]
    assert ratios[0] / ratios[1] > 2 * errors[0] / errors[1]


def test_a_sky_is_judged_by_its_distance_from_zero() -> None:
    truth = picture(1e-6, 1e-6, 1, 2)
    assert ratio_loss(picture(0.0001, 0, 1, 2), truth, valid(truth), YES).item() < 0.01


def test_disparities_without_a_root_and_unknown_pictures_add_nothing() -> None:
    truth = torch.cat([picture(1, 3, 2, 4), picture(5, 1, 1, 1), picture(0, 0, 0, 0)])
    prediction = torch.cat([picture(0, 0, 1, 1)] * 3)
    both = ratio_loss(prediction, truth, truth > 0, torch.tensor([True, False, True]))
    alone = ratio_loss(prediction[:1], truth[:1], truth[:1] > 0, YES)
    assert both.item() == pytest.approx(alone.item())
    none = ratio_loss(prediction, truth, truth > 0, torch.tensor([False, False, True]))
    assert none.item() == 0


def test_gradients_are_those_of_the_values() -> None:
    rng = torch.Generator().manual_seed(3)
    truth = torch.rand((2, 5, 4), generator=rng, dtype=torch.float64) + 0.1
    prediction = torch.rand((2, 5, 4), generator=rng, dtype=torch.float64, requires_grad=True)
    has_ratios = torch.tensor([True, True])
    assert torch.autograd.gradcheck(
        lambda found: ratio_loss(found, truth, truth > 0.2, has_ratios), (prediction,)
    )


def test_a_constant_prediction_has_finite_gradients() -> None:
    prediction = torch.zeros((1, 4, 4), requires_grad=True)
    truth = torch.rand((1, 4, 4), generator=torch.Generator().manual_seed(0)) + 0.1
    ratio_loss(prediction, truth, truth > 0, YES).backward()  # type: ignore[no-untyped-call]
    assert prediction.grad is not None
    assert torch.isfinite(prediction.grad).all()


def test_shapes_must_agree() -> None:
    with pytest.raises(UsageError, match="must all have shape"):
        ratio_loss(torch.zeros(1, 2, 2), torch.zeros(1, 2, 3), torch.ones(1, 2, 2) > 0, YES)
