"""The ways in which a model can run on this machine, and which of them is taken."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from nearfar.runtimes.session import Runtime

WORTH_IT: Final = 0.9
"""Another way than the first is taken where it needs at most this part of the first one's time."""


class Way(NamedTuple):
    """One network in one runtime.

    Attributes:
        model: name of the network.
        runtime: what runs it.
    """

    model: str
    runtime: Runtime

    def __str__(self) -> str:
        """Name both, for a person."""
        return f"{self.model} in {self.runtime}"


@dataclass(frozen=True)
class Choice:
    """What was measured of several ways.

    Attributes:
        times_ms: way -> median of a run; None where it can't run. The first one can.
    """

    times_ms: Mapping[Way, float | None]

    @property
    def taken(self) -> Way:
        """The fastest; the first where none is clearly faster than that (`WORTH_IT`)."""
        ran = {way: ms for way, ms in self.times_ms.items() if ms is not None}
        first = next(iter(ran))
        faster = [way for way, ms in ran.items() if ms <= WORTH_IT * ran[first]]
        return min(faster, key=ran.__getitem__, default=first)

    def __str__(self) -> str:
        """Tell what was measured, for a person."""
        return ", ".join(
            f"{way} can't run" if ms is None else f"{way} {ms:.1f} ms"
            for way, ms in self.times_ms.items()
        )
