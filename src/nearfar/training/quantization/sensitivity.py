"""Find the layers that must stay in float to bring an error under a bound."""

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

T = TypeVar("T")

MAX_TRIALS: Final = 60
"""Number of tried networks after which layers are kept in float in groups."""


@dataclass(frozen=True)
class Split(Generic[T]):
    """Result of a search.

    Attributes:
        kept: layers that stay in float, in the order of the network.
        error: with the other layers in int8.
        trials: number of tried networks.
    """

    kept: tuple[T, ...]
    error: float
    trials: int


def find_sensitive(
    layers: Sequence[T],
    error: Callable[[Sequence[T]], float],
    bound: float,
    *,
    max_trials: int = MAX_TRIALS,
) -> Split[T]:
    """Find the layers that int8 harms most, and keep as many of them in float as necessary.

    Trying every layer alone would take as many networks as there are layers. Instead the group of
    neighboring layers with the largest error, at first all layers, is halved until it is one
    layer; each half is measured with all other layers in float. That layer stays in float, and
    the search continues with the groups measured so far. One harmful layer among n costs
    2 log2(n) trials.

    Args:
        layers: in the order of the network.
        error: returns the error with these layers in int8 and all others in float; about 0 for
            none.
        bound: the search stops when the error is at most this.
        max_trials: number of trials after which the worst group stays in float as a whole.
    """
    trials = 0

    def measure(group: Sequence[T]) -> float:
        nonlocal trials
        trials += 1
        return error(group)

    total, kept = measure(layers), set[int]()
    worst = [(-total, 0, len(layers))] if layers else []
    while total > bound and worst:
        _, first, end = heapq.heappop(worst)
        if end - first > 1 and trials < max_trials:
            middle = (first + end) // 2
            for part in ((first, middle), (middle, end)):
                heapq.heappush(worst, (-measure(layers[slice(*part)]), *part))
            continue
        kept.update(range(first, end))
        total = measure([layer for index, layer in enumerate(layers) if index not in kept])
    return Split(tuple(layers[index] for index in sorted(kept)), total, trials)
