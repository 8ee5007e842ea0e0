"""An event loop for Gradio to be built in."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def in_a_loop(make: Callable[[], T]) -> T:
    """Call something while an event loop runs.

    Where none is running Gradio makes one for each of its locks, and closes none of them.
    """

    async def run() -> T:
        return make()

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(run())
    return make()
