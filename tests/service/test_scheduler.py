"""Every job that was taken ends, whatever happens; and nobody waits for another in vain."""

import asyncio
import gc
import threading
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from nearfar.errors import BusyError, InferenceError
from nearfar.runtimes.base import Batch, RawDepth
from nearfar.service.scheduler import Scheduler
from nearfar.service.worker import Timing
from tests.fakes import FakeSession
from tests.service.gated import PATIENCE_S, GatedSession, Seen, ask, job, settle


def scheduler_of(**changes: Any) -> Scheduler:
    options = {"workers": 1, "queue": 16, "per_client": 16, **changes}
    return Scheduler(**options)


def is_quiet(scheduler: Scheduler) -> bool:
    return (scheduler.waiting, scheduler.running) == (0, 0)


def test_result_and_where_the_time_went() -> None:
    seen = Seen()

    async def scene() -> tuple[Any, Timing]:
        scheduler = scheduler_of(observer=seen)
        with scheduler.reserve("a") as reservation:
            assert (scheduler.waiting, scheduler.running) == (1, 0)
            answer = await scheduler.submit(job(FakeSession(), "map"), reservation)
            assert is_quiet(scheduler)
        assert await scheduler.drain(PATIENCE_S)
        return answer

    value, timing = asyncio.run(scene())
    assert value == "map"
    parts = (timing.queue_ms, timing.prepare_ms, timing.infer_ms, timing.finish_ms)
    assert min(parts) >= 0
    assert timing.total_ms == sum(parts)
    assert seen.timings == [timing]


def test_network_gets_what_was_prepared_and_finish_what_it_answered() -> None:
    picture = np.random.default_rng(3).random((1, 3, 4, 6), np.float32)
    session = FakeSession()

    async def scene() -> RawDepth:
        scheduler = scheduler_of()
        what = job(session, prepare=lambda: picture, finish=lambda raw: raw)
        answer: RawDepth = await ask(scheduler, "a", what)
        await scheduler.drain(PATIENCE_S)
        return answer

    np.testing.assert_array_equal(asyncio.run(scene()), FakeSession().run(picture)[0])


def test_work_is_done_in_worker_threads() -> None:
    names = []

    def note(value: Any) -> Any:
        names.append(threading.current_thread().name)
        return value

    async def scene() -> None:
        scheduler = scheduler_of()
        picture = np.zeros((1, 3, 4, 6), np.float32)
        what = job(FakeSession(), prepare=lambda: note(picture), finish=note)
        await ask(scheduler, "a", what)
        await scheduler.drain(PATIENCE_S)

    asyncio.run(scene())
    assert names == ["nearfar-worker-1"] * 2


def test_model_error_reaches_the_caller_and_next_request_succeeds() -> None:
    session = FakeSession(error=InferenceError("too hot"))

    async def scene() -> None:
        scheduler = scheduler_of()
        with pytest.raises(InferenceError, match="too hot"):
            await ask(scheduler, "a", job(session))
        session.error = None
        assert await ask(scheduler, "a", job(session, 7)) == 7
        assert is_quiet(scheduler)
        assert await scheduler.drain(PATIENCE_S)

    asyncio.run(scene())


@pytest.mark.parametrize("stage", ["prepare", "run", "finish"])
@pytest.mark.parametrize(
    "kind",
    [
        ValueError,
        MemoryError,
        TimeoutError,
        StopAsyncIteration,
        StopIteration,
        KeyboardInterrupt,
        SystemExit,
        GeneratorExit,
        asyncio.CancelledError,
    ],
)
def test_whatever_a_job_raises_ends_that_job_alone(stage: str, kind: type[BaseException]) -> None:
    def fail(*_: object) -> Any:
        raise kind("on purpose")

    class Failing(FakeSession):
        def run(self, batch: Batch) -> RawDepth:
            return super().run(fail(batch))

    bad = {
        "prepare": job(FakeSession(), prepare=fail),
        "run": job(Failing()),
        "finish": job(FakeSession(), finish=fail),
    }[stage]

    async def scene() -> BaseException:
        scheduler = scheduler_of()
        with pytest.raises(Exception, match=r".") as caught:
            await ask(scheduler, "a", bad)
        assert await ask(scheduler, "a", job(FakeSession(), 5)) == 5
        assert is_quiet(scheduler)
        assert await scheduler.drain(PATIENCE_S)
        return caught.value

    error = asyncio.run(scene())
    if issubclass(kind, Exception) and kind is not StopIteration:
        assert type(error) is kind
    else:  # asyncio would end the loop, or take it for something else
        assert type(error) is InferenceError
        assert kind.__name__ in str(error)
        assert type(error.__cause__) is kind


def test_full_queue_refuses_at_once_and_takes_again_when_a_place_is_free() -> None:
    session, seen = GatedSession(is_open=False), Seen()

    async def scene() -> None:
        scheduler = scheduler_of(queue=2, observer=seen)
        first = asyncio.create_task(ask(scheduler, "a", job(session, 1)))
        await session.entered()
        second = asyncio.create_task(ask(scheduler, "b", job(session, 2)))
        await settle()
        with scheduler.reserve("c"):  # its body is still on the way
            assert (scheduler.waiting, scheduler.running) == (2, 1)
            with pytest.raises(BusyError, match="queue") as refused:
                scheduler.reserve("d")
            assert refused.value.retry_after_s >= 1
        with scheduler.reserve("d"):
            pass
        session.let_go()
        assert [await first, await second] == [1, 2]
        assert is_quiet(scheduler)
        assert await scheduler.drain(PATIENCE_S)

    asyncio.run(scene())
    assert seen.refusals == {"queue-full": 1}


def test_without_a_queue_there_is_a_place_for_each_worker() -> None:
    async def scene() -> None:
        scheduler = scheduler_of(workers=2, queue=0)
        for value in range(50):  # one after the other always finds a worker free
            assert await ask(scheduler, "a", job(FakeSession(), value)) == value
        with scheduler.reserve("a"), scheduler.reserve("b"), pytest.raises(BusyError):
            scheduler.reserve("c")
        assert await scheduler.drain(PATIENCE_S)

    asyncio.run(scene())


def test_one_client_holds_only_so_many_places() -> None:
    seen = Seen()

    async def scene() -> None:
        scheduler = scheduler_of(per_client=2, observer=seen)
        first, second = scheduler.reserve("a"), scheduler.reserve("a")
        with pytest.raises(BusyError, match="you have 2 requests"):
            scheduler.reserve("a")
        scheduler.reserve("b").release()
        first.release()
        first.release()  # once more changes nothing
        third = scheduler.reserve("a")
        with pytest.raises(BusyError):
            scheduler.reserve("a")
        second.release()
        third.release()
        assert is_quiet(scheduler)
        assert await scheduler.drain(PATIENCE_S)

    asyncio.run(scene())
    assert seen.refusals == {"client-full": 2}


def test_client_that_leaves_costs_nothing() -> None:
    session = GatedSession(is_open=False)
    prepared: list[str] = []

    class Upload:
        def __call__(self) -> Batch:
            prepared.append("upload")
            return np.zeros((1, 3, 4, 6), np.float32)

    async def scene() -> None:
        scheduler = scheduler_of()
        first = asyncio.create_task(ask(scheduler, "a", job(session, 1)))
        await session.entered()
        upload = Upload()
        gone = asyncio.create_task(ask(scheduler, "b", job(session, 2, prepare=upload)))
        await settle()
        assert scheduler.waiting == 1
        gone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gone
        assert scheduler.waiting == 0
        kept = weakref.ref(upload)
        del upload, gone
        await settle()  # asyncio holds the cancellation until this task waits again
        gc.collect()
        assert kept() is None  # not even its bytes wait for a worker
        session.let_go()
        assert await first == 1
        assert await scheduler.drain(PATIENCE_S)

    asyncio.run(scene())
    assert session.calls == 1
    assert prepared == []


def test_client_that_leaves_before_its_job_waits_costs_nothing() -> None:
    session = FakeSession()

    async def scene() -> None:
        scheduler = scheduler_of()
        gone = asyncio.create_task(ask(scheduler, "a", job(session)))
        gone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gone
        assert is_quiet(scheduler)
        assert await scheduler.drain(PATIENCE_S)

    asyncio.run(scene())
    assert session.calls == 0


def test_rest_of_a_job_is_left_out_when_its_client_leaves_while_it_runs() -> None:
    session, seen = GatedSession(is_open=False), Seen()
    finished: list[RawDepth] = []

    async def scene() -> None:
        scheduler = scheduler_of(observer=seen)
        gone = asyncio.create_task(ask(scheduler, "a", job(session, finish=finished.append)))
        await session.entered()
        gone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gone
        assert (scheduler.waiting, scheduler.running) == (0, 1)
        session.let_go()
        assert await ask(scheduler, "a", job(session, 2)) == 2
        assert is_quiet(scheduler)
        assert await scheduler.drain(PATIENCE_S)

    asyncio.run(scene())
    assert finished == []
    assert len(seen.timings) == 1


def test_job_whose_place_is_given_back_is_never_begun() -> None:
    session = GatedSession(is_open=False)

    async def scene() -> None:
        scheduler = scheduler_of()
        first = asyncio.create_task(ask(scheduler, "a", job(session, 1)))
        await session.entered()
        reservation = scheduler.reserve("b")
        waits = asyncio.create_task(scheduler.submit(job(session, 2), reservation))
        await settle()
        with pytest.raises(RuntimeError, match="QUEUED"):
            await scheduler.submit(job(session), reservation)
        await asyncio.to_thread(reservation.release)
        with pytest.raises(RuntimeError, match="released while"):
            await waits
        with pytest.raises(RuntimeError, match="RELEASED"):
            await scheduler.submit(job(session), reservation)
        session.let_go()
        assert await first == 1
        assert is_quiet(scheduler)
        assert await scheduler.drain(PATIENCE_S)

    asyncio.run(scene())
    assert session.calls == 1


def test_place_serves_one_job_after_the_other() -> None:
    async def scene() -> list[Any]:
        scheduler = scheduler_of(queue=0)
        with scheduler.reserve("a") as reservation:
            values = [
                (await scheduler.submit(job(FakeSession(), n), reservation))[0] for n in range(3)
            ]
        assert await scheduler.drain(PATIENCE_S)
        return values

    assert asyncio.run(scene()) == [0, 1, 2]


def test_clients_take_turns() -> None:
    session = GatedSession(is_open=False)
    order: list[str] = []

    def noted(name: str) -> Callable[[RawDepth], None]:
        return lambda _: order.append(name)

    async def scene() -> None:
        scheduler = scheduler_of()
        asked = [asyncio.create_task(ask(scheduler, "z", job(session)))]
        await session.entered()
        for client in ("a", "a", "a", "a", "b", "c", "c"):
            what = job(session, finish=noted(client))
            asked.append(asyncio.create_task(ask(scheduler, client, what)))
        await settle()
        session.let_go()
        await asyncio.gather(*asked)
        assert await scheduler.drain(PATIENCE_S)

    asyncio.run(scene())
    assert order == ["a", "b", "c", "a", "c", "a", "a"]


def test_slow_client_does_not_block_others() -> None:
    session = GatedSession(is_open=False)

    async def scene() -> None:
        scheduler = scheduler_of(workers=2)
        slow = asyncio.create_task(ask(scheduler, "slow", job(session, 1)))
        await session.entered()
        for number in range(10):
            assert await ask(scheduler, "quick", job(FakeSession(), number)) == number
        assert not slow.done()
        session.let_go()
        assert await slow == 1
        assert await scheduler.drain(PATIENCE_S)

    asyncio.run(scene())


def test_network_that_answers_too_little_is_an_error() -> None:
    class Silent(FakeSession):
        def run(self, batch: Batch) -> RawDepth:
            return super().run(batch)[1:]

    async def scene() -> None:
        scheduler = scheduler_of()
        with pytest.raises(InferenceError, match="0 maps for one picture"):
            await ask(scheduler, "a", job(Silent()))
        assert await scheduler.drain(PATIENCE_S)

    asyncio.run(scene())


def test_failure_that_is_no_jobs_own_ends_no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene() -> None:
        scheduler = scheduler_of()
        with monkeypatch.context() as broken:
            broken.setattr("nearfar.service.worker._attempt", None)
            with pytest.raises(InferenceError, match="try again"):
                await ask(scheduler, "a", job(FakeSession()))
        assert await ask(scheduler, "a", job(FakeSession(), 5)) == 5
        assert is_quiet(scheduler)
        assert await scheduler.drain(PATIENCE_S)

    asyncio.run(scene())


def test_observer_that_fails_ends_no_worker() -> None:
    class Broken(Seen):
        def done(self, timing: Timing) -> None:
            super().done(timing)
            raise ValueError("no disk")

    async def scene() -> None:
        scheduler = scheduler_of(observer=Broken())
        for number in range(3):
            assert await ask(scheduler, "a", job(FakeSession(), number)) == number
        assert is_quiet(scheduler)
        assert await scheduler.drain(PATIENCE_S)

    asyncio.run(scene())


@pytest.mark.parametrize("fails", [False, True])
def test_idle_worker_holds_nothing_of_its_last_job(fails: bool) -> None:
    class Payload:
        def __call__(self, _: RawDepth) -> Any:
            if fails:
                raise ValueError("no")
            return self

    async def scene() -> bool:
        scheduler = scheduler_of()
        payload = Payload()
        reference = weakref.ref(payload)
        what = job(FakeSession(), finish=payload)
        del payload
        await asyncio.gather(ask(scheduler, "a", what), return_exceptions=True)
        del what
        for _ in range(1000):
            gc.collect()
            if reference() is None:
                break
            await asyncio.sleep(0.01)
        assert await scheduler.drain(PATIENCE_S)
        return reference() is None

    assert asyncio.run(scene())
