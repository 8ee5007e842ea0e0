"""Averages of weights: exponential moving average (EMA), and interpolation of two networks."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Final

import torch
from torch import Tensor, nn


class MovingAverage:
    """An exponential moving average (EMA) of a network's weights.

    Polyak and Juditsky, "Acceleration of Stochastic Approximation by Averaging", 1992, in the
    exponential form with the warm-up of TensorFlow's `ExponentialMovingAverage`.

    Args:
        network: the trained network; its tensors must be updated in place.
        decay: weight of the old average in each step, after the warm-up.

    Attributes:
        network: a copy with the averaged weights, in evaluation mode.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.network = deepcopy(network).eval().requires_grad_(requires_grad=False)
        self._decay = decay
        averages, weights = self.network.state_dict(), network.state_dict()
        floats = [name for name, value in averages.items() if value.is_floating_point()]
        self._averages = [averages[name] for name in floats]
        self._weights = [weights[name] for name in floats]
        self._counts = [(averages[name], weights[name]) for name in averages.keys() - floats]

    def update(self, step: int) -> None:
        """Update the average after a training step.

        Args:
            step: from 0. The decay is lower in the first steps, so that the average moves away
                from the initial weights.
        """
        decay = min(self._decay, (1 + step) / (10 + step))
        with torch.no_grad():
            torch._foreach_lerp_(self._averages, self._weights, 1 - decay)
            for average, value in self._counts:
                average.copy_(value)


SHARES: Final = (1.0, 0.8, 0.6, 0.45, 0.3)
"""Weights of the trained network that `blend_best` tries; on a tie the first, 1, is used."""

Weights = Mapping[str, Tensor]
"""Name -> tensor, as in `state_dict()`."""


def interpolate(before: Weights, after: Weights, share: float) -> dict[str, Tensor]:
    """Interpolate linearly between two networks' weights.

    Args:
        before: weights at the start of the training.
        after: weights of the same network after the training; same names and shapes.
        share: weight of `after`, 0 to 1.

    Returns:
        New tensors; integer tensors are copied from `after`.
    """
    return {
        name: torch.lerp(before[name], value, share) if value.is_floating_point() else value.clone()
        for name, value in after.items()
    }


def blend_best(
    network: nn.Module,
    before: Weights,
    score: Callable[[nn.Module], float],
    recalibrate: Callable[[nn.Module], None] = lambda _: None,
) -> dict[float, float]:
    """Load into a network the interpolation of `SHARES` that has the best score.

    Args:
        network: the trained network; receives the best weights.
        before: its weights at the start of the training.
        score: returns the score of a network; smaller is better.
        recalibrate: called with each interpolated network before it is scored; may modify it.

    Returns:
        Share -> score, best first.
    """
    after = {name: value.clone() for name, value in network.state_dict().items()}
    scores: dict[float, float] = {}
    best: dict[str, Tensor] = {}
    for share in SHARES:
        network.load_state_dict(interpolate(before, after, share))
        recalibrate(network)
        candidate_score = score(network)
        if candidate_score < min(scores.values(), default=float("inf")) or not best:
            best = {name: value.clone() for name, value in network.state_dict().items()}
        scores[share] = candidate_score
    network.load_state_dict(best)
    return dict(sorted(scores.items(), key=lambda each: each[1]))
