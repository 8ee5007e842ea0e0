"""Of what a job ends with, the first counts, and only where someone is left to hear it."""

import asyncio
import gc
import threading

import pytest

from nearfar.service.worker import Reservation, Task, Timing
from tests.fakes import FakeSession
from tests.service.gated import job, settle

TIMING = Timing(1, 2, 3, 4)


def task() -> Task[str]:
    return Task(job(FakeSession()), Reservation("a", lambda _: None))


def told_in_a_thread(task: Task[str], value: str) -> None:
    thread = threading.Thread(target=task.set_outcome, args=((value, TIMING),))
    thread.start()
    thread.join()


def test_outcome_comes_from_any_thread_and_the_first_counts(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scene() -> None:
        waited = task()
        told_in_a_thread(waited, "first")
        waited.set_outcome(("second", TIMING))
        waited.set_outcome(ValueError("third"))
        assert await waited.future == ("first", TIMING)
        await settle()

    asyncio.run(scene())
    assert not caplog.records


def test_nobody_is_told_who_has_gone(caplog: pytest.LogCaptureFixture) -> None:
    async def scene() -> None:
        left = task()
        left.future.cancel()
        left.set_outcome(("late", TIMING))
        unheard = task()
        unheard.set_outcome(ValueError("nobody asks"))
        await settle()
        del left, unheard
        gc.collect()

    asyncio.run(scene())
    assert not caplog.records


def test_closed_loop_is_not_told() -> None:
    async def scene() -> Task[str]:
        return task()

    orphan = asyncio.run(scene())
    orphan.set_outcome(("late", TIMING))
    assert not orphan.future.done()
