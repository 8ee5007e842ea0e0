"""A moving average of the weights: steadier than the weights of any one step."""

from copy import deepcopy

import torch
from torch import nn


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
