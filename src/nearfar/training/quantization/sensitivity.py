"""Which layers must stay in float: the fewest that bring an error under a bound."""

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

T = TypeVar("T")

MOST_TRIALS: Final = 60
"""Networks that are tried at most before layers are given up in groups."""


@dataclass(frozen=True)
class Split(Generic[T]):
    """The result of a search.

    Attributes:
        kept: what stays in float, in the order of the network.
        error: with the rest in int8.
        trials: networks that were tried.
    """

    kept: tuple[T, ...]
    error: float
    trials: int


def find_sensitive(
    layers: Sequence[T],
    error: Callable[[Sequence[T]], float],
    bound: float,
    *,
    most_trials: int = MOST_TRIALS,
) -> Split[T]:
    """Find the layers that int8 harms most, and leave as many of them out as it takes.

    To try every layer alone takes as many networks as there are layers. Instead the worst
    group of neighbours, at first all layers, is halved until one layer is left of it, each
    half measured with all other layers in float. That layer stays in float, and the search
    goes on from the groups that are known by then. One culprit among n costs 2 log2(n) trials.

    Args:
        layers: in the order of the network.
        error: with these layers in int8 and all others in float; about 0 for none.
        bound: search until the error is at most this.
        most_trials: from then on the worst group stays in float as a whole.
    """
    trials = 0

    def tried(group: Sequence[T]) -> float:
        nonlocal trials
        trials += 1
        return error(group)

    total, kept = tried(layers), set[int]()
    worst = [(-total, 0, len(layers))] if layers else []
    while total > bound and worst:
        _, first, end = heapq.heappop(worst)
        if end - first > 1 and trials < most_trials:
            middle = (first + end) // 2
            for part in ((first, middle), (middle, end)):
                heapq.heappush(worst, (-tried(layers[slice(*part)]), *part))
            continue
        kept.update(range(first, end))
        total = tried([layer for index, layer in enumerate(layers) if index not in kept])
    return Split(tuple(layers[index] for index in sorted(kept)), total, trials)
