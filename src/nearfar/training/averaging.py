"""Averages of weights: the moving average of a run, and the interpolation of two networks."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Final

import torch
from torch import Tensor, nn


class MovingAverage:
    """A copy of a network whose weights follow it slowly.

    Polyak and Juditsky, "Acceleration of Stochastic Approximation by Averaging", 1992; the
    exponential form with the warm-up of TensorFlow's `ExponentialMovingAverage`.

    Args:
        network: what is followed; its tensors must stay the ones they are.
        decay: share of the old average that each step keeps, in the long run.

    Attributes:
        network: the average, in evaluation mode.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.network = deepcopy(network).eval().requires_grad_(requires_grad=False)
        self._decay = decay
        mine, theirs = self.network.state_dict(), network.state_dict()
        floats = [name for name, value in mine.items() if value.is_floating_point()]
        self._mine = [mine[name] for name in floats]
        self._theirs = [theirs[name] for name in floats]
        self._counts = [(mine[name], theirs[name]) for name in mine.keys() - floats]

    def update(self, step: int) -> None:
        """Follow the network by one step.

        Args:
            step: from 0; early on the average forgets faster, so that it leaves the start.
        """
        decay = min(self._decay, (1 + step) / (10 + step))
        with torch.no_grad():
            torch._foreach_lerp_(self._mine, self._theirs, 1 - decay)
            for own, their in self._counts:
                own.copy_(their)


SHARES: Final = (1.0, 0.8, 0.6, 0.45, 0.3)
"""Of the training in the mean; 1 is the trained network itself, and wins where all are alike."""

Weights = Mapping[str, Tensor]
"""Name -> tensor, as of `state_dict`."""


def blended(before: Weights, after: Weights, share: float) -> dict[str, Tensor]:
    """Give the mean of two networks' weights.

    Args:
        before: of the network that was begun with.
        after: of the same network, trained; same names and shapes.
        share: of the trained ones, 0 to 1.

    Returns:
        New tensors; what counts steps is taken from `after`.
    """
    return {
        name: torch.lerp(before[name], value, share) if value.is_floating_point() else value.clone()
        for name, value in after.items()
    }


def blend_best(
    network: nn.Module,
    before: Weights,
    score: Callable[[nn.Module], float],
    settle: Callable[[nn.Module], None] = lambda _: None,
) -> dict[float, float]:
    """Give a trained network the mean of `SHARES` that scores best.

    Args:
        network: the trained one; it is left with the best weights.
        before: the weights that it was begun with.
        score: judges a network; smaller is better.
        settle: called with each mean before it is judged; may change it.

    Returns:
        Share -> score, the best first.
    """
    after = {name: value.clone() for name, value in network.state_dict().items()}
    scores: dict[float, float] = {}
    best: dict[str, Tensor] = {}
    for share in SHARES:
        network.load_state_dict(blended(before, after, share))
        settle(network)
        found = score(network)
        if found < min(scores.values(), default=float("inf")) or not best:
            best = {name: value.clone() for name, value in network.state_dict().items()}
        scores[share] = found
    network.load_state_dict(best)
    return dict(sorted(scores.items(), key=lambda each: each[1]))
