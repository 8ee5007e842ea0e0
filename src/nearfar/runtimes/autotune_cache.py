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
from nearfar.runtimes.base import Runtime
from nearfar.runtimes.error_text import reason

WORTH_IT: Final = 0.9
"""Another way than the first is taken where it needs at most this part of the first one's time."""


class Candidate(NamedTuple):
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
class Measurements:
    """What was measured of several ways.

    Attributes:
        times_ms: way -> median of a run; None where it can't run. The first one can.
    """

    times_ms: Mapping[Candidate, float | None]

    @property
    def taken(self) -> Candidate:
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


KEPT: Final = 64
"""Choices that are remembered; the oldest goes first."""

_RUNTIMES: Final[Mapping[str, Runtime]] = {"onnxruntime": "onnxruntime", "openvino": "openvino"}
"""Those that are measured."""

_DAMAGED: Final = (OSError, ValueError, TypeError, AttributeError, KeyError)
"""What reading a file of any content can raise."""

_log = logging.getLogger(__name__)


def file() -> Path | None:
    """Return the file, which need not exist; None where there is no cache folder."""
    folder = cache_folder()
    return folder / "choices.json" if folder else None


def recall(key: str) -> Measurements | None:
    """Give what was measured earlier under this key; a damaged file is told in the log."""
    try:
        return _read().get(key)
    except _DAMAGED as error:
        _log.warning("what was measured before can't be read (%s): %s", file(), reason(error))
        return None


def keep(key: str, choice: Measurements) -> None:
    """Remember what was measured; where the system refuses, that is told in the log."""
    path = file()
    if path is None:
        return
    choices: dict[str, Measurements] = {}
    with suppress(*_DAMAGED):  # that was told of when the file was read
        choices = _read()
    choices.pop(key, None)
    choices[key] = choice
    content = {
        kept: {f"{way.model} {way.runtime}": ms for way, ms in found.times_ms.items()}
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
    return {key: _choice(times_ms) for key, times_ms in content.items()}


def _choice(stored: dict[str, float | None]) -> Measurements:
    times_ms: dict[Candidate, float | None] = {}
    for way, ms in stored.items():
        model, _, runtime = way.rpartition(" ")
        times_ms[Candidate(model, _RUNTIMES[runtime])] = None if ms is None else float(ms)
    if next(iter(times_ms.values()), None) is None:
        raise ValueError("a choice without its first time")
    return Measurements(times_ms)
