"""A scheduler that stops finishes what it took; and it survives the event loop that asked."""

import asyncio
import threading
from typing import Any

import pytest

from nearfar.errors import DrainingError
from nearfar.service.scheduler import Scheduler
from tests.fakes import FakeSession
from tests.service.gated import PATIENCE_S, GatedSession, Seen, ask, job, settle


def scheduler_of(**changes: Any) -> Scheduler:
    return Scheduler(**{"workers": 1, "queue": 16, "per_client": 16, **changes})


def has_workers(before: set[threading.Thread]) -> bool:
    new = set(threading.enumerate()) - before
    return any(thread.name.startswith("nearfar-worker") for thread in new)


def test_shutdown_drains() -> None:
    session, seen = GatedSession(is_open=False), Seen()
    before = set(threading.enumerate())

    async def scene() -> None:
        scheduler = scheduler_of(observer=seen)
        uploading = scheduler.reserve("c")
        asked = [asyncio.create_task(ask(scheduler, "a", job(session, n))) for n in range(3)]
        await session.entered()
        assert has_workers(before)
        draining = asyncio.create_task(scheduler.drain(PATIENCE_S))
        await settle()
        with pytest.raises(DrainingError, match="stopping"):
            scheduler.reserve("b")
        session.let_go()
        assert await asyncio.gather(*asked) == [0, 1, 2]
        await settle()
        assert not draining.done()  # one that was taken has not sent its body yet
        with uploading:
            assert (await scheduler.submit(job(session, 3), uploading))[0] == 3
        assert await draining
        assert (scheduler.waiting, scheduler.running) == (0, 0)

    asyncio.run(scene())
    assert seen.refusals == {"draining": 1}
    assert not has_workers(before)


def test_what_is_not_done_at_the_deadline_is_told() -> None:
    session = GatedSession(is_open=False)
    before = set(threading.enumerate())

    async def scene() -> None:
        scheduler = scheduler_of()
        asked = [asyncio.create_task(ask(scheduler, "a", job(session))) for _ in range(3)]
        late = scheduler.reserve("b")
        await session.entered()
        assert not await scheduler.drain(0)
        ends = await asyncio.gather(*asked, return_exceptions=True)
        assert [type(end) for end in ends] == [DrainingError] * 3
        with late, pytest.raises(DrainingError):
            await scheduler.submit(job(session), late)
        session.let_go()
        assert await scheduler.drain(PATIENCE_S)  # the one that hung has come back by now
        assert (scheduler.waiting, scheduler.running) == (0, 0)

    asyncio.run(scene())
    assert session.calls == 1
    assert not has_workers(before)


def test_idle_scheduler_drains_at_once_and_again() -> None:
    async def scene() -> None:
        never_used, used = scheduler_of(), scheduler_of(workers=3)
        await ask(used, "a", job(FakeSession()))
        for scheduler in (never_used, used):
            assert await scheduler.drain(PATIENCE_S)
            assert all(await asyncio.gather(scheduler.drain(0), scheduler.drain(PATIENCE_S)))
            with pytest.raises(DrainingError):
                scheduler.reserve("a")

    asyncio.run(scene())


def test_drain_waits_for_work_that_nobody_waits_for() -> None:
    session = GatedSession(is_open=False)

    async def scene() -> None:
        scheduler = scheduler_of()
        gone = asyncio.create_task(ask(scheduler, "a", job(session)))
        await session.entered()
        gone.cancel()
        draining = asyncio.create_task(scheduler.drain(PATIENCE_S))
        await settle()
        assert gone.cancelled()
        assert not draining.done()
        session.let_go()
        assert await draining

    asyncio.run(scene())


def test_drain_that_is_given_up_can_be_done_again() -> None:
    session = GatedSession(is_open=False)

    async def scene() -> None:
        scheduler = scheduler_of()
        asked = asyncio.create_task(ask(scheduler, "a", job(session, 4)))
        await session.entered()
        draining = asyncio.create_task(scheduler.drain(PATIENCE_S))
        await settle()
        draining.cancel()
        with pytest.raises(asyncio.CancelledError):
            await draining
        session.let_go()
        assert await asked == 4
        assert await scheduler.drain(PATIENCE_S)

    asyncio.run(scene())


def test_loop_that_ends_with_jobs_under_way_harms_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    session = GatedSession(is_open=False)
    scheduler = scheduler_of(workers=2)
    left: list[asyncio.Task[Any]] = []

    async def first() -> None:
        left.extend(asyncio.create_task(ask(scheduler, "a", job(session, n))) for n in range(5))
        await session.entered()
        await session.entered()

    async def second() -> None:
        session.let_go()
        assert await ask(scheduler, "b", job(session, 9)) == 9
        assert await scheduler.drain(PATIENCE_S)
        assert (scheduler.waiting, scheduler.running) == (0, 0)

    asyncio.run(first())
    assert all(task.cancelled() for task in left)
    asyncio.run(second())
    assert session.calls == 3
    assert not caplog.records


def test_closed_loop_with_a_forgotten_waiter_harms_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    session = GatedSession(is_open=False)
    scheduler = scheduler_of()
    loop = asyncio.new_event_loop()
    reservation = scheduler.reserve("a")
    forgotten = scheduler.submit(job(session), reservation)

    async def begin() -> None:
        forgotten.send(None)  # as far as its wait, by hand: no task knows of it
        await session.entered()

    loop.run_until_complete(begin())
    loop.close()
    session.let_go()

    async def after() -> None:
        assert await ask(scheduler, "b", job(session, 2)) == 2
        forgotten.close()
        reservation.release()
        assert await scheduler.drain(PATIENCE_S)

    asyncio.run(after())
    assert not caplog.records
