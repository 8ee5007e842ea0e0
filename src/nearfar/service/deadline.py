"""Work that is given up when its time is over."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from nearfar.errors import TimedOutError

T = TypeVar("T")


async def within(limit_s: float, work: Coroutine[Any, Any, T]) -> T:
    """Wait for work; when it takes too long, or nobody waits any more, it is cancelled.

    `asyncio.wait_for` of Python 3.10 and 3.11 loses a cancellation that comes with the result,
    and what it raises could be the work's own TimeoutError.

    Raises:
        TimedOutError: it took longer than `limit_s` seconds.
        Exception: whatever the work raised.
    """
    task = asyncio.ensure_future(work)
    task.add_done_callback(_heard)
    try:
        await asyncio.wait({task}, timeout=limit_s)
        if task.done():
            return task.result()
        task.cancel()
        await asyncio.wait({task})
    finally:
        task.cancel()
        del task  # it holds the error, whose traceback holds this frame
    raise TimedOutError(
        f"this took longer than {limit_s:g} s:"
        " send a smaller picture, or try again when less is going on"
    )


def _heard(task: "asyncio.Task[Any]") -> None:
    """Keep asyncio from complaining of an error that came after the caller had gone."""
    if not task.cancelled():
        task.exception()
