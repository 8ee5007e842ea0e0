"""What goes together, runs together; and nobody suffers from it."""

import asyncio
from typing import Any

import numpy as np
import pytest

from nearfar.errors import InferenceError
from nearfar.runtimes.base import Batch, RawDepth
from nearfar.service.scheduler import Scheduler
from tests.fakes import FakeSession
from tests.service.gated import PATIENCE_S, GatedSession, PoisonError, Seen, ask, job, settle

FOREVER_MS = 1e7
"""A test that waits for this hangs."""


def batcher_of(**changes: Any) -> Scheduler:
    return Scheduler(**{"workers": 1, "queue": 16, "per_client": 16, **changes})


def test_jobs_of_one_shape_and_network_run_together() -> None:
    session, other, seen = GatedSession(is_open=False), FakeSession(), Seen()
    wide, tall = (4, 8), (8, 4)

    async def scene() -> list[Any]:
        batcher = batcher_of(max_batch=3, observer=seen)
        blocker = asyncio.create_task(ask(batcher, "z", job(session, shape=(2, 2))))
        await session.entered()
        jobs = [
            job(session, 1, shape=wide),
            job(session, 2, shape=tall),
            job(session, 3, shape=wide),
            job(other, 4, shape=wide),
            job(session, 5, shape=wide),
            job(session, 6, shape=tall),
            job(session, 7, shape=wide),
        ]
        asked = [asyncio.create_task(ask(batcher, "a", each)) for each in jobs]
        await settle()
        session.let_go()
        await blocker
        values = await asyncio.gather(*asked)
        assert await batcher.drain(PATIENCE_S)
        return list(values)

    assert asyncio.run(scene()) == [1, 2, 3, 4, 5, 6, 7]
    assert session.shapes == [(1, 3, 2, 2), (3, 3, *wide), (2, 3, *tall), (1, 3, *wide)]
    assert other.shapes == [(1, 3, *wide)]
    assert sorted(seen.batches) == [1, 1, 1, 2, 3]
    assert sorted(timing.batch for timing in seen.timings) == [1, 1, 1, 2, 2, 3, 3, 3]


def test_each_of_a_batch_gets_its_own_answer() -> None:
    async def scene() -> list[RawDepth]:
        session = GatedSession(is_open=False)
        batcher = batcher_of(max_batch=8)
        blocker = asyncio.create_task(ask(batcher, "z", job(session, shape=(2, 2))))
        await session.entered()
        asked = [
            asyncio.create_task(ask(batcher, str(n), job(session, n, finish=lambda raw: raw)))
            for n in range(5)
        ]
        await settle()
        session.let_go()
        await blocker
        answers = await asyncio.gather(*asked)
        assert await batcher.drain(PATIENCE_S)
        assert session.calls == 2
        return list(answers)

    for number, raw in enumerate(asyncio.run(scene())):
        expected = FakeSession().run(np.full((1, 3, 4, 6), number, np.float32))[0]
        np.testing.assert_array_equal(raw, expected)


def test_bad_picture_harms_nobody_else_in_its_batch() -> None:
    session = GatedSession(is_open=False, poison=13)

    def fail() -> Batch:
        raise PoisonError("can't be decoded")

    def wrong() -> Batch:  # not of the shape that its header promised
        return np.full((1, 3, 5, 5), 3, np.float32)

    async def scene() -> list[Any]:
        batcher = batcher_of(max_batch=8)
        blocker = asyncio.create_task(ask(batcher, "z", job(session, shape=(2, 2))))
        await session.entered()
        jobs = [
            job(session, 1),
            job(session, 13),
            job(session, 2),
            job(session, prepare=fail),
            job(session, 3, prepare=wrong),
            job(session, 4),
        ]
        asked = [asyncio.create_task(ask(batcher, "a", each)) for each in jobs]
        await settle()
        session.let_go()
        await blocker
        ends = await asyncio.gather(*asked, return_exceptions=True)
        assert (batcher.waiting, batcher.running) == (0, 0)
        assert await batcher.drain(PATIENCE_S)
        return list(ends)

    ends = asyncio.run(scene())
    assert [end for end in ends if not isinstance(end, Exception)] == [1, 2, 3, 4]
    assert [type(ends[1]), type(ends[3])] == [PoisonError, PoisonError]


def test_network_that_answers_too_little_is_an_error() -> None:
    class Silent(FakeSession):
        def run(self, batch: Batch) -> RawDepth:
            return super().run(batch)[1:]

    async def scene() -> None:
        batcher = batcher_of()
        with pytest.raises(InferenceError, match="1 pictures with 0 maps"):
            await ask(batcher, "a", job(Silent()))
        assert await batcher.drain(PATIENCE_S)

    asyncio.run(scene())


def test_lone_request_waits_for_nobody() -> None:
    async def scene() -> None:
        batcher = batcher_of(max_batch=8, max_wait_ms=FOREVER_MS)
        for _ in range(3):
            await ask(batcher, "a", job(FakeSession()))
        two = batcher_of(workers=2, max_batch=8, max_wait_ms=FOREVER_MS)
        with two.reserve("b"):  # on its way, but another worker is there for it
            await ask(two, "a", job(FakeSession()))
        assert await batcher.drain(PATIENCE_S)
        assert await two.drain(PATIENCE_S)

    asyncio.run(scene())


def test_batch_waits_for_what_is_on_its_way() -> None:
    session = FakeSession()

    async def scene() -> None:
        batcher = batcher_of(max_batch=4, max_wait_ms=FOREVER_MS)
        with batcher.reserve("b") as coming, batcher.reserve("c") as leaving:
            first = asyncio.create_task(ask(batcher, "a", job(session, 1)))
            await settle()
            second = asyncio.create_task(batcher.submit(job(session, 2), coming))
            await settle()
            assert session.calls == 0
            leaving.release()  # nobody else is coming
            assert await first == 1
            assert (await second)[0] == 2
        assert await batcher.drain(PATIENCE_S)

    asyncio.run(scene())
    assert session.shapes == [(2, 3, 4, 6)]


def test_batch_waits_no_longer_than_it_may() -> None:
    async def scene() -> None:
        batcher = batcher_of(max_batch=4, max_wait_ms=1)
        with batcher.reserve("b"):  # and sends nothing
            assert await ask(batcher, "a", job(FakeSession(), 1)) == 1
        assert await batcher.drain(PATIENCE_S)

    asyncio.run(scene())
