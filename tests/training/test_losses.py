import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from nearfar.errors import UsageError
from nearfar.training import alignment
from nearfar.training.alignment import align_by_median
from nearfar.training.losses import depth_loss, gradient_loss, trimmed_mae_loss

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]
BOTH = pytest.mark.parametrize("loss", [trimmed_mae_loss, gradient_loss])

# truth: median 2, deviation 6/5; prediction: median 2, deviation 11/5.
# Aligned difference: 25/33, 25/66, 0, -25/66, 50/33.
TRUTH = torch.tensor([[[0.0, 1, 2, 3, 4]]], dtype=torch.float64)
PREDICTION = torch.tensor([[[0.0, 1, 2, 3, 9]]], dtype=torch.float64)
ALL = torch.ones(1, 1, 5, dtype=torch.bool)


def _pictures(
    count: int = 4, height: int = 12, width: int = 10, known: float = 0.7
) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(count * height * width)
    prediction, truth, chance = torch.rand(
        3, count, height, width, generator=generator, dtype=torch.float64
    )
    return prediction, truth, chance < known


def _by_loops(
    prediction: NDArray[np.float64],
    truth: NDArray[np.float64],
    valid: NDArray[np.bool_],
    trim: float,
    scales: int,
) -> tuple[float, float]:
    """Both losses of one picture, as the paper writes them."""

    def aligned(values: NDArray[np.float64]) -> NDArray[np.float64]:
        known = np.sort(values[valid])
        median = known[(len(known) - 1) // 2]
        whole: NDArray[np.float64] = (values - median) / np.abs(known - median).mean()
        return whole

    difference = aligned(prediction) - aligned(truth)
    residuals = np.sort(np.abs(difference[valid]))
    error = residuals[: len(residuals) - math.floor(trim * len(residuals))].sum()
    gradient = 0.0
    for scale in range(scales):
        part, known = difference[:: 2**scale, :: 2**scale], valid[:: 2**scale, :: 2**scale]
        steps = 0.0
        for y in range(part.shape[0]):
            for x in range(part.shape[1]):
                for v, u in ((y + 1, x), (y, x + 1)):
                    if v < part.shape[0] and u < part.shape[1] and known[y, x] and known[v, u]:
                        steps += abs(part[v, u] - part[y, x])
        gradient += steps / max(1, known.sum())
    return error / (2 * len(residuals)), gradient


def test_alignment_worked_by_hand() -> None:
    values = torch.tensor([[[1.0, 2, 3, 4, 100]], [[5.0, 9, math.nan, math.inf, -math.inf]]])
    valid = torch.tensor([[[True, True, True, True, False]], [[True, True, False, False, False]]])
    aligned = align_by_median(values, valid)
    assert aligned.tolist() == [[[-1, 0, 1, 2, 0]], [[0, 2, 0, 0, 0]]]
    assert aligned.dtype == torch.float32


def test_alignment_of_pictures_that_say_nothing() -> None:
    values = torch.tensor([[[3.0, 3, 3]], [[1, 2, 3]], [[1, 2, 3]]])
    valid = torch.tensor([[[True, True, True]], [[False, False, False]], [[False, True, False]]])
    assert align_by_median(values, valid).tolist() == [[[0, 0, 0]]] * 3


def test_a_spread_can_be_held_from_below() -> None:
    values = torch.tensor([[[1.0, 2, 3]]])
    aligned = align_by_median(values, values > 0, smallest_spread=4)
    assert aligned.tolist() == [[[-0.25, 0, 0.25]]]


@pytest.mark.parametrize(("trim", "expected"), [(0.2, 5 / 33), (0.0, 10 / 33), (0.6, 5 / 132)])
def test_trimmed_error_worked_by_hand(trim: float, expected: float) -> None:
    loss = trimmed_mae_loss(PREDICTION, TRUTH, ALL, trim)
    assert loss.item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("scales", "expected"), [(1, 20 / 33), (2, 45 / 33)])
def test_gradient_loss_worked_by_hand(scales: int, expected: float) -> None:
    assert gradient_loss(PREDICTION, TRUTH, ALL, scales).item() == pytest.approx(expected)
    prediction, truth, valid = (x.transpose(1, 2) for x in (PREDICTION, TRUTH, ALL))
    assert gradient_loss(prediction, truth, valid, scales).item() == pytest.approx(expected)


@pytest.mark.parametrize("trim", [0.0, 0.2, 0.29])
@pytest.mark.parametrize("scales", [1, 4])
def test_batches_are_as_the_paper_writes_them(trim: float, scales: int) -> None:
    prediction, truth, valid = _pictures()
    valid[1, :, ::2] = False
    pictures = zip(prediction.numpy(), truth.numpy(), valid.numpy(), strict=True)
    expected = np.mean([_by_loops(*picture, trim, scales) for picture in pictures], axis=0)
    loss = depth_loss(prediction, truth, valid, trim=trim, scales=scales, gradient_weight=2)
    assert loss.error.item() == pytest.approx(expected[0])
    assert loss.gradient.item() == pytest.approx(expected[1])
    assert loss.total.item() == pytest.approx(expected[0] + 2 * expected[1])
    assert trimmed_mae_loss(prediction, truth, valid, trim).item() == loss.error.item()
    assert gradient_loss(prediction, truth, valid, scales).item() == loss.gradient.item()


def test_ties_count_once_each() -> None:
    # two swaps in each row: eight residuals of one size, of which five are kept
    truth = torch.arange(10, dtype=torch.float64).view(1, 2, 5)
    prediction = truth[:, :, [1, 0, 3, 2, 4]]
    expected, _ = _by_loops(
        prediction[0].numpy(), truth[0].numpy(), np.ones((2, 5), np.bool_), 0.3, 1
    )
    valid = torch.ones_like(truth, dtype=torch.bool)
    assert trimmed_mae_loss(prediction, truth, valid, 0.3).item() == pytest.approx(expected)


@BOTH
@pytest.mark.parametrize(("scale", "shift"), [(1, 0), (3, 5), (0.01, -7), (1000, 1000)])
def test_scale_and_shift_of_the_prediction_do_not_matter(
    loss: Loss, scale: float, shift: float
) -> None:
    prediction, truth, valid = _pictures()
    moved = loss(scale * prediction + shift, truth, valid).item()
    assert moved == pytest.approx(loss(prediction, truth, valid).item(), rel=1e-6)
    assert loss(scale * truth + shift, truth, valid).item() == pytest.approx(0, abs=1e-9)


@BOTH
def test_near_and_far_swapped_is_wrong(loss: Loss) -> None:
    _, truth, valid = _pictures()
    assert loss(-truth, truth, valid).item() > 0.5


@BOTH
@pytest.mark.parametrize("known", [1.0, 0.6, 0.1])
def test_gradients_are_those_of_the_values(loss: Loss, known: float) -> None:
    prediction, truth, valid = _pictures(3, 9, 7, known)
    valid[1] = False
    prediction.requires_grad_()
    assert torch.autograd.gradcheck(lambda p: loss(p, truth, valid), (prediction,))


@BOTH
def test_pictures_that_say_nothing_add_nothing(loss: Loss) -> None:
    prediction, truth, valid = _pictures(4)
    valid[1] = False  # nothing known
    truth[2] = 0.7  # constant
    valid[3] = False  # a single pixel
    valid[3, 4, 4] = True
    prediction.requires_grad_()
    value = loss(prediction, truth, valid)
    value.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
    assert prediction.grad is not None
    assert value.item() == pytest.approx(loss(prediction[:1], truth[:1], valid[:1]).item())
    assert prediction.grad[0].abs().sum() > 0
    assert prediction.grad[1:].abs().sum() == 0


@BOTH
def test_a_batch_that_says_nothing_is_zero(loss: Loss) -> None:
    prediction, truth, valid = _pictures()
    prediction.requires_grad_()
    value = loss(prediction, truth, torch.zeros_like(valid))
    value.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
    assert value.item() == 0
    assert prediction.grad is not None
    assert torch.equal(prediction.grad, torch.zeros_like(prediction))


@BOTH
def test_what_is_not_valid_is_never_seen(loss: Loss) -> None:
    prediction, truth, valid = _pictures()
    expected = loss(prediction, truth, valid).item()
    truth[~valid] = torch.tensor([math.nan, math.inf, -math.inf, 1e30], dtype=torch.float64)[
        torch.arange(int((~valid).sum())) % 4
    ]
    prediction[~valid] = 1e9
    assert loss(prediction, truth, valid).item() == pytest.approx(expected)


@BOTH
def test_a_prediction_that_is_no_number_is_told(loss: Loss) -> None:
    prediction, truth, valid = _pictures()
    prediction[0, 0, 0] = math.nan
    valid[0, 0, 0] = True
    assert math.isnan(loss(prediction, truth, valid).item())


@BOTH
def test_a_constant_prediction_can_learn(loss: Loss) -> None:
    _, truth, valid = _pictures()
    prediction = torch.full_like(truth, 0.3, requires_grad=True)
    loss(prediction, truth, valid).backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
    assert prediction.grad is not None
    assert torch.isfinite(prediction.grad).all()
    assert prediction.grad.abs().sum() > 0


@BOTH
def test_sparse_truth_of_lidar(loss: Loss) -> None:
    prediction, truth, valid = _pictures(2, 96, 128, 0.03)
    far_off = loss(prediction, truth, valid).item()
    nearly = loss(truth + 0.01 * prediction, truth, valid).item()
    assert 0 < nearly < 0.1 * far_off


def test_weights_are_shares_of_the_pictures() -> None:
    prediction, truth, valid = _pictures(3)
    valid[2] = False
    weights = torch.tensor([1.0, 3.0, 5.0])
    first, second = (
        trimmed_mae_loss(prediction[i : i + 1], truth[i : i + 1], valid[i : i + 1]).item()
        for i in range(2)
    )
    weighted = depth_loss(prediction, truth, valid, weights=weights, gradient_weight=0)
    assert weighted.total.item() == pytest.approx((first + 3 * second) / 4)
    assert weighted.gradient.item() == 0
    assert depth_loss(prediction, truth, valid, weights=0 * weights).total.item() == 0


def test_half_precision_is_compared_in_single() -> None:
    prediction, truth, valid = (x[:, :8] for x in _pictures())
    half = prediction.bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        loss = depth_loss(half, truth.float(), valid)
    assert loss.total.dtype == torch.float32
    assert loss.total.item() == pytest.approx(
        depth_loss(half.double(), truth, valid).total.item(), rel=1e-5
    )


def test_a_sample_stands_for_a_large_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    y, x = torch.meshgrid(torch.arange(96), torch.arange(128), indexing="ij")
    truth = (0.02 + y / 96 + 0.3 * torch.sin(x / 9)).expand(3, -1, -1).clone()
    prediction = truth**2 + 0.1 * torch.cos(y * x / 50)
    valid = torch.ones_like(truth, dtype=torch.bool)
    valid[1, :40] = False
    valid[2, ::3] = False
    assert alignment.SAMPLE_SIZE < valid[1].sum() < valid[0].sum()
    sampled = depth_loss(prediction, truth, valid)
    monkeypatch.setattr(alignment, "SAMPLE_SIZE", valid[0].numel())
    exact = depth_loss(prediction, truth, valid)
    assert sampled.error.item() == pytest.approx(exact.error.item(), rel=0.01)
    assert sampled.gradient.item() == pytest.approx(exact.gradient.item(), rel=0.01)


def test_descent_finds_the_truth() -> None:
    _, truth, valid = _pictures(2)
    prediction = torch.zeros_like(truth).normal_(generator=torch.Generator().manual_seed(1))
    prediction.requires_grad_()
    optimizer = torch.optim.Adam([prediction], lr=0.05)
    first = depth_loss(prediction, truth, valid, trim=0).total.item()
    for _ in range(120):
        optimizer.zero_grad()
        loss = depth_loss(prediction, truth, valid, trim=0).total
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        optimizer.step()
    assert loss.item() < 0.15 * first


@BOTH
def test_foreign_shapes_are_refused(loss: Loss) -> None:
    prediction, truth, valid = _pictures()
    with pytest.raises(UsageError, match=r"must all have shape \(N, h, w\)"):
        loss(prediction[:, None], truth, valid)
    with pytest.raises(UsageError, match=r"must all have shape \(N, h, w\)"):
        loss(prediction, truth[:1], valid)
    with pytest.raises(UsageError, match="dtype bool"):
        loss(prediction, truth, valid.double())
    with pytest.raises(UsageError, match="at least one image"):
        loss(prediction[:0], truth[:0], valid[:0])


def test_foreign_options_are_refused() -> None:
    pictures = _pictures()
    for trim in (-0.1, 1.0, math.nan):
        with pytest.raises(UsageError, match="trim"):
            trimmed_mae_loss(*pictures, trim)
    with pytest.raises(UsageError, match="scales"):
        gradient_loss(*pictures, 0)
