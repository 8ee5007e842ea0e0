import pytest
import torch
from torch import nn

from nearfar.training.averaging import SHARES, blend_best, interpolate


def test_mean_by_hand_and_counts_of_the_later() -> None:
    before = {"w": torch.tensor([0.0, 4.0]), "steps": torch.tensor(3)}
    after = {"w": torch.tensor([1.0, 0.0]), "steps": torch.tensor(8)}
    mean = interpolate(before, after, 0.25)
    torch.testing.assert_close(mean["w"], torch.tensor([0.25, 3.0]))
    assert mean["steps"] == 8
    mean["steps"] += 1
    assert after["steps"] == 8, "the tensors are new"


@pytest.mark.parametrize("wanted", [*SHARES, 0.0])
def test_the_share_that_scores_best_is_kept(wanted: float) -> None:
    network = nn.Linear(1, 1, bias=False)
    before = {"weight": torch.zeros(1, 1)}
    nn.init.ones_(network.weight)
    ranked = blend_best(network, before, lambda each: abs(_only(each) - wanted))
    best = wanted or min(SHARES)
    assert next(iter(ranked)) == best
    assert set(ranked) == set(SHARES)
    assert _only(network) == pytest.approx(best)


def test_of_equals_the_trained_one_is_kept() -> None:
    network = nn.Linear(1, 1, bias=False)
    ranked = blend_best(network, {"weight": torch.zeros(1, 1)}, lambda _: 0.0)
    assert next(iter(ranked)) == 1


def test_each_mean_is_recalibrated_before_it_is_scored_and_kept_so() -> None:
    network = nn.Linear(1, 1)
    nn.init.ones_(network.weight)

    def recalibrate(each: nn.Module) -> None:
        each.state_dict()["bias"].fill_(-_only(each))

    before = {"weight": torch.zeros(1, 1), "bias": torch.zeros(1)}
    ranked = blend_best(
        network, before, lambda each: float(each(torch.ones(1)).detach().abs()), recalibrate
    )
    assert set(ranked.values()) == {0.0}
    assert _only(network) == 1
    assert float(network.state_dict()["bias"]) == -1


def _only(network: nn.Module) -> float:
    return float(network.state_dict()["weight"])
