"""What a batcher is tested with: a network behind a gate, jobs, and an observer that remembers."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nearfar.runtimes.base import Batch, RawDepth
from nearfar.service.scheduler import Scheduler
from nearfar.service.worker import Job, Timing
from tests.fakes import FakeSession
from tests.service.network import PATIENCE_S, Network

__all__ = ["PATIENCE_S", "GatedSession", "PoisonError", "Seen", "ask", "job", "settle"]


class GatedSession(Network):
    """A network whose runs can be held up, awaited, and poisoned.

    Args:
        is_open: whether runs may end from the beginning.
        poison: a batch with this value in it fails.
    """

    def __init__(self, *, is_open: bool = True, poison: float | None = None) -> None:
        super().__init__()
        self.poison = poison
        if not is_open:
            self.hold()

    async def entered(self) -> None:
        """Wait until one more run has begun."""
        await asyncio.to_thread(self.wait_until_held)

    def run(self, batch: Batch) -> RawDepth:
        answer = super().run(batch)
        if self.poison is not None and (batch == self.poison).any():
            raise PoisonError("this picture is poison")
        return answer


class PoisonError(Exception):
    """What a poisoned picture raises."""


def job(
    session: FakeSession,
    value: Any = 0,
    *,
    shape: tuple[int, int] = (4, 6),
    prepare: Callable[[], Batch] | None = None,
    finish: Callable[[RawDepth], Any] | None = None,
) -> Job[Any]:
    """A job that gives `value`, which is also what its picture is filled with if a number."""
    fill = value if isinstance(value, int | float) else 0
    return Job(
        session,
        prepare or (lambda: np.full((1, 3, *shape), fill, np.float32)),
        finish or (lambda _: value),
    )


async def ask(batcher: Scheduler, client: str, what: Job[Any]) -> Any:
    """Go the whole way of a request."""
    with batcher.reserve(client) as place:
        value, _ = await batcher.submit(what, place)
        return value


async def settle() -> None:
    """Let every task of the loop go as far as it can without a thread."""
    for _ in range(20):
        await asyncio.sleep(0)


@dataclass
class Seen:
    """An observer that remembers."""

    timings: list[Timing] = field(default_factory=list)
    refusals: Counter[str] = field(default_factory=Counter)

    def done(self, timing: Timing) -> None:
        self.timings.append(timing)

    def refused(self, reason: str) -> None:
        self.refusals[reason] += 1
