"""Gradio's application, but for what it would do with what clients send."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

import gradio as gr
from gradio.block_function import BlockFunction
from gradio.exceptions import InvalidPathError
from gradio.state_holder import SessionState

from nearfar.web.queue_guard import FILES
from nearfar.web.uploads import Uploads

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


_UNKNOWN: Final = "files are uploaded here, and not named"


class Page(gr.Blocks):
    """Blocks that open nothing: a handler gets the path of a file that was uploaded.

    Gradio would fetch an address that a client names in place of an uploaded file, open any path
    where it is mounted in another application, and copy what lies there. And it would open a
    picture by itself: before our limits are asked, and losing depth, colors and EXIF.

    Attributes:
        uploads: what visitors brought; `nearfar.web.app.mount` says it. Without it there is
            nothing to open.
        prepare: begins the work that a page needs when it opens; called when its HTML is requested.
    """

    uploads: Uploads | None = None
    prepare: Callable[[], Coroutine[Any, Any, None]] | None = None

    async def preprocess_data(
        self,
        block_fn: BlockFunction,
        inputs: list[Any],
        state: SessionState | None,
        explicit_call: bool = False,
    ) -> list[Any]:
        """Turn what the browser sent into what a handler gets.

        Raises:
            InvalidPathError: a file that nobody has uploaded.
        """
        files = {
            index: self._path(inputs[index])
            for index, block in enumerate(block_fn.inputs)
            if isinstance(block, FILES) and index < len(inputs) and inputs[index] is not None
        }
        rest = [None if index in files else value for index, value in enumerate(inputs)]
        refuse_files(rest)
        values: list[Any] = await super().preprocess_data(block_fn, rest, state, explicit_call)
        for index, path in files.items():
            values[index] = path
        return values

    def _path(self, value: Any) -> str:
        path = value.get("path") if isinstance(value, dict) else None
        if not isinstance(path, str) or self.uploads is None or not self.uploads.holds(path):
            raise InvalidPathError(_UNKNOWN)
        return path


def refuse_files(value: Any) -> None:
    """Look for files where there is no component of any, however deep.

    Raises:
        InvalidPathError: there is one.
    """
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            if "path" in each:
                raise InvalidPathError(_UNKNOWN)
            waiting.extend(each.values())
        elif isinstance(each, list | tuple):
            waiting.extend(each)
