"""Timings of models in runtimes, measured once and stored in the cache folder."""

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
"""Another runtime of the same network and device is chosen if it needs at most this fraction of the
time: its results are the same, and medians of such runs vary by some 2 %."""

WORTH_IT: Final = 0.9
"""Another network (int8) or device is chosen if it needs at most this fraction of the time: its
results differ slightly."""


class Candidate(NamedTuple):
    """One network in one runtime on one device.

    Attributes:
        model: name of the network.
        runtime: a name in `table.RUNTIMES`.
        device: the name of one of the runtime's devices.
    """

    model: str
    runtime: Runtime
    device: str = CPU

    @property
    def place(self) -> str:
        """The runtime, with its device unless that is the CPU."""
        return label(self.runtime, self.device)

    def __str__(self) -> str:
        """Return a readable text of all three."""
        return f"{self.model} in {self.place}"


class Cost(NamedTuple):
    """Measured times of one candidate.

    Attributes:
        run_ms: median of a run.
        first_ms: from the import of the runtime in a new process to the first result; None if
            loading does not count.
    """

    run_ms: float
    first_ms: float | None = None

    def total_ms(self, photos: int) -> float:
        """Return the time for a number of photos, including the cold start if that was timed."""
        first_ms = self.run_ms if self.first_ms is None else self.first_ms
        return first_ms + (photos - 1) * self.run_ms

    def __str__(self) -> str:
        """Return a readable text of the times."""
        run = f"{self.run_ms:.1f} ms"
        return run if self.first_ms is None else f"{run}, the first {self.first_ms:.0f} ms"


@dataclass(frozen=True)
class Measurements:
    """Measurements of several candidates.

    Attributes:
        costs: of each candidate; None if it can't run. The first one can.
    """

    costs: Mapping[Candidate, Cost | None]

    def fastest(self, photos: int) -> Candidate:
        """Return the fastest for a number of photos; the first if none is clearly faster.

        Args:
            photos: number of photos that are estimated one after another.
        """
        ms = {each: cost.total_ms(photos) for each, cost in self.costs.items() if cost is not None}
        first = next(iter(ms))
        alike = [each for each in ms if (each.model, each.device) == (first.model, first.device)]
        best = _fastest(alike, ms, first, FASTER_RUNTIME)
        return _fastest([each for each in ms if each not in alike], ms, best, WORTH_IT)

    def __str__(self) -> str:
        """Return a readable text of the measurements."""
        return ", ".join(
            f"{each} can't run" if cost is None else f"{each} {cost}"
            for each, cost in self.costs.items()
        )


def _fastest(
    others: list[Candidate], ms: Mapping[Candidate, float], kept: Candidate, part: float
) -> Candidate:
    """Return the fastest within the fraction `part` of the time of `kept`, else `kept`."""
    faster = [each for each in others if ms[each] <= part * ms[kept]]
    return min(faster, key=ms.__getitem__, default=kept)


KEPT: Final = 64
"""Maximum number of stored choices; the oldest is dropped first."""

_DAMAGED: Final = (OSError, ValueError, TypeError, AttributeError, KeyError)
"""Exceptions of reading a file of any content."""

_log = logging.getLogger(__name__)


def file() -> Path | None:
    """Return the file's path, which may not exist yet; None without a cache folder."""
    folder = cache_folder()
    return folder / "measurements.json" if folder else None


def load(key: str) -> Measurements | None:
    """Return the measurements stored under a key; a damaged file is logged."""
    try:
        return _read().get(key)
    except _DAMAGED as error:
        _log.warning("stored measurements can't be read (%s): %s", file(), reason(error))
        return None


def store(key: str, choice: Measurements) -> None:
    """Store measurements; failure is logged."""
    path = file()
    if path is None:
        return
    choices: dict[str, Measurements] = {}
    with suppress(*_DAMAGED):  # logged by `load` already
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
        _log.warning("measurements can't be stored: %s", error)


def _read() -> dict[str, Measurements]:
    """Read the choices; a damaged file raises one of `_DAMAGED`."""
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
