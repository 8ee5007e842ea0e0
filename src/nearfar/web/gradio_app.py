"""Gradio's application, with strict checks of input from clients."""

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
    """Call a function while an event loop is running.

    Without one, Gradio would create a loop for each of its locks, and close none of them.
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
    """Blocks that open no files: handlers get the paths of uploaded files.

    Gradio would download a URL that a client sends instead of an upload, and, mounted in another
    application, open and copy any path. It would also decode pictures before the limits are
    checked, and lose bit depth, color profile and EXIF.

    Attributes:
        uploads: files of visitors; set by `nearfar.web.app.mount`. Without it no file is accepted.
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
        """Convert the values from the browser to the arguments of a handler.

        Raises:
            InvalidPathError: a file that was not uploaded.
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
    """Search nested values of components without files for files.

    Raises:
        InvalidPathError: they contain a file.
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
