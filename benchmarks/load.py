"""A load on a service, from a process of its own: what is asked of it, and what came of it."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from benchmarks.child import ask

LOST: Final = "connection lost"
"""Counted like a status: there was no whole answer."""


@dataclass(frozen=True)
class Plan:
    """What is asked of whom.

    Attributes:
        port: of the service, on 127.0.0.1.
        path: that every request is sent to, with its query.
        photos: files that clients send in turn.
        clients: at a time, each with one connection that it keeps.
        seconds: that are measured; 0 when `requests` says when to stop.
        requests: that are measured; 0 when `seconds` says when to stop.
        warmup_s: before them.
    """

    port: int
    path: str
    photos: tuple[str, ...]
    clients: int
    seconds: float = 0
    requests: int = 0
    warmup_s: float = 1


@dataclass(frozen=True)
class Seen:
    """What came of it, between the warm-up and the end.

    Attributes:
        seconds: that were measured.
        latencies_ms: of each answer 200, from a request's first byte to its answer's last.
        statuses: how often each came, over all the time; `LOST` is one of them.
        core_s: that the generator itself took.
    """

    seconds: float
    latencies_ms: tuple[float, ...]
    statuses: dict[str, int]
    core_s: float

    @property
    def rate(self) -> float:
        """Answers 200 a second."""
        return len(self.latencies_ms) / self.seconds

    @property
    def wrong(self) -> int:
        """Answers other than 200 and 429."""
        return sum(count for status, count in self.statuses.items() if status not in {"200", "429"})

    def latency_ms(self, percent: float) -> float:
        """The time within which so many of 100 answers came."""
        ranked = sorted(self.latencies_ms)
        return ranked[min(len(ranked) - 1, int(len(ranked) * percent / 100))]


def run(plan: Plan, folder: Path, program: str = "benchmarks.load_clients") -> Seen:
    """Load a service from another process.

    Args:
        plan: see there.
        folder: for the plan's file.
        program: module that carries it out; of the standard library alone.

    Raises:
        RuntimeError: not one answer was a 200.
    """
    file = folder / "plan.json"
    file.write_text(json.dumps(asdict(plan)), encoding="utf-8")
    told = json.loads(ask(program, file, flags=("-S",)))
    seen = Seen(**{**told, "latencies_ms": tuple(told["latencies_ms"])})
    if not seen.latencies_ms:
        raise RuntimeError(f"no answer 200 in {seen.seconds:g} s: {seen.statuses}")
    return seen


def together(runs: Sequence[Seen]) -> Seen:
    """Put several runs of one plan into one."""
    statuses: Counter[str] = Counter()
    for seen in runs:
        statuses.update(seen.statuses)
    return Seen(
        sum(seen.seconds for seen in runs),
        tuple(ms for seen in runs for ms in seen.latencies_ms),
        dict(statuses),
        sum(seen.core_s for seen in runs),
    )
