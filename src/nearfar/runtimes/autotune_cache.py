"""Timings of models in runtimes, measured once and remembered in the cache folder."""

import json
import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from nearfar.errors import WriteError
from nearfar.io.atomic import replacing
from nearfar.io.paths import cache_folder
from nearfar.runtimes.base import label
from nearfar.runtimes.error_text import reason
from nearfar.runtimes.table import CPU, RUNTIMES, Runtime

FASTER_RUNTIME: Final = 0.97
"""Another runtime of the same network and device is taken where it needs at most this part of the
time: its results are the same, and medians of such runs vary by some 2 %."""

WORTH_IT: Final = 0.9
"""Another network (int8) or device is taken where it needs at most this part of the time: its
results are a little different."""


class Candidate(NamedTuple):
    """One network in one runtime on one device.

    Attributes:
        model: name of the network.
        runtime: a name of `table.RUNTIMES`.
        device: the name of one of the runtime's devices.
    """

    model: str
    runtime: Runtime
    device: str = CPU

    @property
    def place(self) -> str:
        """The runtime, with its device where that is not the CPU."""
        return label(self.runtime, self.device)

    def __str__(self) -> str:
        """Return all three as a text for a person."""
        return f"{self.model} in {self.place}"


class Cost(NamedTuple):
    """What one candidate takes.

    Attributes:
        run_ms: median of a run.
        first_ms: from the import of the runtime in a new process to the first result; None where
            loading does not count.
    """

    run_ms: float
    first_ms: float | None = None

    def total_ms(self, photos: int) -> float:
        """Return the time for so many photos, from a cold start where that was timed."""
        first_ms = self.run_ms if self.first_ms is None else self.first_ms
        return first_ms + (photos - 1) * self.run_ms

    def __str__(self) -> str:
        """Return the times as a text for a person."""
        run = f"{self.run_ms:.1f} ms"
        return run if self.first_ms is None else f"{run}, the first {self.first_ms:.0f} ms"


@dataclass(frozen=True)
class Measurements:
    """What was measured of several candidates.

    Attributes:
        costs: of each candidate; None where it can't run. The first one can.
    """

    costs: Mapping[Candidate, Cost | None]

    def taken(self, photos: int) -> Candidate:
        """Return the fastest for a number of photos; the first where none is clearly faster.

        Args:
            photos: that will be estimated one after another.
        """
        ms = {each: cost.total_ms(photos) for each, cost in self.costs.items() if cost is not None}
        first = next(iter(ms))
        alike = [each for each in ms if (each.model, each.device) == (first.model, first.device)]
        best = _fastest(alike, ms, first, FASTER_RUNTIME)
        return _fastest([each for each in ms if each not in alike], ms, best, WORTH_IT)

    def __str__(self) -> str:
        """Return what was measured as a text for a person."""
        return ", ".join(
            f"{each} can't run" if cost is None else f"{each} {cost}"
            for each, cost in self.costs.items()
        )


def _fastest(
    others: list[Candidate], ms: Mapping[Candidate, float], kept: Candidate, part: float
) -> Candidate:
    """Return the fastest that needs at most `part` of the time of `kept`, or else `kept`."""
    faster = [each for each in others if ms[each] <= part * ms[kept]]
    return min(faster, key=ms.__getitem__, default=kept)


KEPT: Final = 64
"""Choices that are remembered; the oldest is dropped first."""

_DAMAGED: Final = (OSError, ValueError, TypeError, AttributeError, KeyError)
"""What reading a file of any content can raise."""

_log = logging.getLogger(__name__)


def file() -> Path | None:
    """Return the file, which need not exist; None where there is no cache folder."""
    folder = cache_folder()
    return folder / "measurements.json" if folder else None


def recall(key: str) -> Measurements | None:
    """Return what was measured earlier under this key; a damaged file is logged."""
    try:
        return _read().get(key)
    except _DAMAGED as error:
        _log.warning("what was measured before can't be read (%s): %s", file(), reason(error))
        return None


def keep(key: str, choice: Measurements) -> None:
    """Remember what was measured; where the system refuses, that is logged."""
    path = file()
    if path is None:
        return
    choices: dict[str, Measurements] = {}
    with suppress(*_DAMAGED):  # `recall` logged that
        choices = _read()
    choices.pop(key, None)
    choices[key] = choice
    content = {
        kept: {" ".join(each): cost for each, cost in found.costs.items()}
        for kept, found in list(choices.items())[-KEPT:]
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            temporary.write_text(json.dumps(content, indent=1), encoding="utf-8")
    except (OSError, WriteError) as error:
        _log.warning("what was measured is not remembered: %s", error)


def _read() -> dict[str, Measurements]:
    """Read the choices; what is wrong with the file comes out as one of `_DAMAGED`."""
    path = file()
    try:
        content = json.loads(path.read_text(encoding="utf-8")) if path else {}
    except FileNotFoundError:
        return {}
    return {key: _choice(costs) for key, costs in content.items()}


def _choice(stored: dict[str, list[float | None] | None]) -> Measurements:
    costs: dict[Candidate, Cost | None] = {}
    for text, cost in stored.items():
        model, runtime, device = text.rsplit(" ", 2)
        candidate = Candidate(model, RUNTIMES[runtime].name, device)
        costs[candidate] = None if cost is None else _cost(*cost)
    if next(iter(costs.values()), None) is None:
        raise ValueError("a choice without its first time")
    return Measurements(costs)


def _cost(run_ms: float | None, first_ms: float | None) -> Cost:
    if run_ms is None:
        raise ValueError("a choice without the time of a run")
    return Cost(float(run_ms), None if first_ms is None else float(first_ms))
