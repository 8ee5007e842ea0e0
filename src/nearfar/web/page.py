"""Gradio's application, but for what it would do with what clients send."""

import re
from typing import Any, Final

import gradio as gr
from gradio.block_function import BlockFunction
from gradio.exceptions import InvalidPathError
from gradio.processing_utils import async_move_files_to_cache
from gradio.state_holder import SessionState

_ADDRESS: Final = re.compile(r"\s*[A-Za-z][\w+.-]+:")


class Page(gr.Blocks):
    """Blocks that fetch nothing, and hand on pictures as they were uploaded.

    Gradio would fetch an address that a client names in place of an uploaded file. And it
    would open a picture by itself: before our limits are asked, and losing depth, colours and
    EXIF. Here a handler gets the path of the file.
    """

    async def preprocess_data(
        self,
        block_fn: BlockFunction,
        inputs: list[Any],
        state: SessionState | None,
        explicit_call: bool = False,
    ) -> list[Any]:
        """Turn what the browser sent into what a handler gets.

        Raises:
            InvalidPathError: an address, or a path that is not of an uploaded file.
        """
        refuse_addresses(inputs)
        pictures = {
            index
            for index, block in enumerate(block_fn.inputs)
            if isinstance(block, gr.Image) and index < len(inputs)
        }
        rest = [None if index in pictures else value for index, value in enumerate(inputs)]
        values: list[Any] = await super().preprocess_data(block_fn, rest, state, explicit_call)
        for index in pictures:
            if inputs[index] is not None:
                moved = await async_move_files_to_cache(
                    inputs[index], block_fn.inputs[index], check_in_upload_folder=True
                )
                values[index] = moved["path"]
        return values


def refuse_addresses(value: Any) -> None:
    """Look for addresses in place of files, however deep.

    Raises:
        InvalidPathError: there is one.
    """
    if isinstance(value, dict):
        path = value.get("path")
        if isinstance(path, str) and _ADDRESS.match(path):
            raise InvalidPathError("files are uploaded here, not fetched")
        value = list(value.values())
    if isinstance(value, list | tuple):
        for each in value:
            refuse_addresses(each)
