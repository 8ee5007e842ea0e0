"""What takes too long is given up, cleaned up, and told apart from what failed by itself."""

import asyncio
import gc

import pytest

from nearfar.errors import TimedOutError
from nearfar.service.worker import run_with_timeout
from tests.service.gated import PATIENCE_S, settle


class Work:
    """Never ends by itself, and needs a moment to clean up."""

    def __init__(self) -> None:
        self.has_begun = False
        self.is_clean = False

    async def __call__(self) -> str:
        try:
            self.has_begun = True
            await asyncio.Event().wait()
        finally:
            await settle()
            self.is_clean = True
        return "never"


def test_work_in_time_gives_its_result() -> None:
    async def work() -> int:
        await settle()
        return 5

    assert asyncio.run(run_with_timeout(PATIENCE_S, work())) == 5


def test_work_that_takes_too_long_is_clean_before_it_is_told() -> None:
    work = Work()

    async def scene() -> None:
        with pytest.raises(TimedOutError, match=r"longer than 0\.01 s"):
            await run_with_timeout(0.01, work())
        assert work.has_begun
        assert work.is_clean

    asyncio.run(scene())


def test_caller_who_leaves_takes_the_work_along() -> None:
    work = Work()

    async def scene() -> None:
        caller = asyncio.create_task(run_with_timeout(PATIENCE_S, work()))
        await settle()
        assert work.has_begun
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
        await settle()
        await settle()
        assert work.is_clean

    asyncio.run(scene())


def test_error_of_the_work_is_its_own(caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> None:
        raise TimeoutError("the disk")

    async def scene() -> None:
        with pytest.raises(TimeoutError, match="the disk") as caught:
            await run_with_timeout(PATIENCE_S, work())
        assert not isinstance(caught.value, TimedOutError)

        async def spoil() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                raise ValueError("while it was cleaned up")

        with pytest.raises(TimedOutError):
            await run_with_timeout(0.01, spoil())
        caller = asyncio.create_task(run_with_timeout(PATIENCE_S, spoil()))
        await settle()
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
        await settle()
        del caller
        gc.collect()

    asyncio.run(scene())
    gc.collect()
    assert not caplog.records
