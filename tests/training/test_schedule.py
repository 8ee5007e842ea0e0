"""How fast which weights learn."""

import pytest
import torch
from torch import nn

from nearfar.training.averaging import MovingAverage
from nearfar.training.schedule import make_optimizer, rate_factor, set_learning_rates


class Parts(nn.Module):
    """An encoder and a head, both with normalisation."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2))
        self.head = nn.Conv2d(2, 1, 1)


def test_rise_and_half_a_cosine() -> None:
    factors = [rate_factor(step, 1000) for step in range(1000)]
    assert factors[0] == pytest.approx(1 / 20)
    assert max(factors) == factors[20] == pytest.approx(1)
    assert factors[510] == pytest.approx(0.505, abs=0.01)
    assert factors[-1] == pytest.approx(0.01, abs=1e-3)
    assert factors[20:] == sorted(factors[20:], reverse=True)


def test_groups_have_their_rates_and_decay() -> None:
    optimizer = make_optimizer(Parts(), encoder_lr=1.0, decoder_lr=2.0, weight_decay=0.1)
    found = {
        (group["peak"], group["weight_decay"]): group["params"] for group in optimizer.param_groups
    }
    assert {key: len(value) for key, value in found.items()} == {
        (1.0, 0.1): 1,
        (1.0, 0.0): 3,
        (2.0, 0.1): 1,
        (2.0, 0.0): 1,
    }
    set_learning_rates(optimizer, 20, 1000)
    assert {group["lr"] for group in optimizer.param_groups} == {1.0, 2.0}


def test_average_follows_slowly() -> None:
    network = nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        network.weight.fill_(0.0)
        average = MovingAverage(network, decay=0.5)
        network.weight.fill_(8.0)
    average.update(step=0)  # decay 0.1 at the start
    assert average.network.state_dict()["weight"].item() == pytest.approx(7.2)
    average.update(step=1000)
    assert average.network.state_dict()["weight"].item() == pytest.approx(7.6)


def test_average_takes_over_what_is_counted() -> None:
    network = nn.BatchNorm2d(2)
    average = MovingAverage(network, decay=0.9)
    network(torch.ones(1, 2, 2, 2))
    average.update(step=0)
    assert average.network.state_dict()["num_batches_tracked"].item() == 1
    assert not average.network.training
