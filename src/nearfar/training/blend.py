"""The mean of the weights before and after a training: often better than either.

Wortsman et al., "Robust fine-tuning of zero-shot models", CVPR 2022: along the way between the
two, what was learnt anew is kept and little of what was known before is lost.
"""

from collections.abc import Callable, Mapping
from typing import Final

import torch
from torch import Tensor, nn

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
