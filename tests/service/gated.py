"""What the scheduler is tested with: a network behind a gate, jobs, an observer that remembers."""

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

__all__ = ["PATIENCE_S", "GatedSession", "Seen", "ask", "job", "settle"]


class GatedSession(Network):
    """A network whose runs can be held up and awaited.

    Args:
        is_open: whether runs may end from the beginning.
    """

    def __init__(self, *, is_open: bool = True) -> None:
        super().__init__()
        if not is_open:
            self.hold()

    async def entered(self) -> None:
        """Wait until one more run has begun."""
        await asyncio.to_thread(self.wait_until_held)


def job(
    session: FakeSession,
    value: Any = 0,
    *,
    prepare: Callable[[], Batch] | None = None,
    finish: Callable[[RawDepth], Any] | None = None,
) -> Job[Any]:
    """Make a job that gives `value`."""
    return Job(
        session,
        prepare or (lambda: np.zeros((1, 3, 4, 6), np.float32)),
        finish or (lambda _: value),
    )


async def ask(scheduler: Scheduler, client: str, what: Job[Any]) -> Any:
    """Go the whole way of a request."""
    with scheduler.reserve(client) as reservation:
        value, _ = await scheduler.submit(what, reservation)
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
