"""A submitted job and the one who waits for it in an event loop."""

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Generic, TypeAlias

from nearfar.service.job import Job, T, Timing
from nearfar.service.place import Place

Outcome: TypeAlias = tuple[Any, Timing] | Exception
"""What a job ends with: its result, or what it raised."""


class Task(Generic[T]):
    """A job under way. Made in the event loop of the one who waits; told from any thread.

    Attributes:
        job: the work.
        place: what it was submitted with.
        future: where the outcome appears, in the event loop.
        submitted_s: when, on the clock of `time.perf_counter`.
        dropped: nobody waits any longer.
    """

    def __init__(self, job: Job[T], place: Place) -> None:
        self.job = job
        self.place = place
        self._loop = asyncio.get_running_loop()
        self.future: asyncio.Future[tuple[T, Timing]] = self._loop.create_future()
        self.submitted_s = time.perf_counter()
        self.dropped = False

    def is_like(self, other: "Task[Any]") -> bool:
        """Whether both can run together."""
        return self.job.session is other.job.session and self.job.shape == other.job.shape

    def tell(self, outcome: Outcome) -> None:
        """Hand over the outcome; only the first counts, and none where nobody is left to hear."""
        call_in(self._loop, partial(self._settle, outcome))

    def _settle(self, outcome: Outcome) -> None:
        if self.future.done():
            return
        if isinstance(outcome, Exception):
            self.future.set_exception(outcome)
            self.future.exception()  # asyncio shall not complain where nobody waits
        else:
            self.future.set_result(outcome)


def call_in(loop: asyncio.AbstractEventLoop, call: Callable[[], object]) -> None:
    """Have something called in an event loop, from any thread; not if the loop was closed."""
    try:
        loop.call_soon_threadsafe(call)
    except RuntimeError:
        if not loop.is_closed():
            raise
