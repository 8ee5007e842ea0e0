"""Receive a clip and write it to a file in pieces, never as a whole in memory."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Final

from fastapi import Request

from nearfar.io.multipart import read_form, stem_of
from nearfar.service.errors import RefusedError

CLIP: Final = "clip"
"""Name of the form field of the clip."""

_WRITTEN_BYTES: Final = 2**20


@dataclass(frozen=True)
class ClipUpload:
    """The form's other fields.

    Attributes:
        stem: of its name, if given.
        pictures: the form's other files.
    """

    stem: str
    pictures: dict[str, bytes] = field(default_factory=dict)


async def read_clip_upload(request: Request, path: Path, pictures: frozenset[str]) -> ClipUpload:
    """Write the clip of a request to a file.

    Args:
        request: its body is the clip itself, of any content type, or a form.
        path: of the output file.
        pictures: additional files that the form may contain.

    Raises:
        FormError: the form is invalid, or has other fields.
        RefusedError: the clip is empty; the disk is full.
    """
    content_type = request.headers.get("content-type", "")
    with path.open("xb") as file:
        waiting = bytearray()
        pieces = _written(request.stream(), waiting, file)
        if content_type.lower().startswith("multipart/form-data"):
            allowed = dict.fromkeys(pictures, request.app.state.options.max_bytes)
            upload = await _read_form(content_type, pieces, waiting, allowed)
        else:
            async for piece in pieces:
                waiting += piece
            upload = ClipUpload(CLIP)
        await _write(waiting, file)
        if not file.tell():
            raise RefusedError("not-a-clip")
    return upload


async def _read_form(
    content_type: str, pieces: AsyncIterator[bytes], waiting: bytearray, pictures: dict[str, int]
) -> ClipUpload:
    allowed = {**pictures, CLIP: 0}
    parts = await read_form(content_type, pieces, allowed=allowed, into={CLIP: waiting})
    clip = parts.pop(CLIP, None)
    if clip is None:
        raise RefusedError(
            "bad-request", f"The form has no clip: send it as a file in the field {CLIP!r}."
        )
    files = {name: bytes(part.content) for name, part in parts.items()}
    return ClipUpload(stem_of(clip.file_name, CLIP), files)


async def _written(
    pieces: AsyncIterator[bytes], waiting: bytearray, file: BinaryIO
) -> AsyncIterator[bytes]:
    """Yield pieces; write the buffered data whenever it becomes large."""
    async for piece in pieces:
        yield piece
        if len(waiting) >= _WRITTEN_BYTES:
            await _write(waiting, file)


async def _write(waiting: bytearray, file: BinaryIO) -> None:
    content = bytes(waiting)
    waiting.clear()
    try:
        await asyncio.to_thread(file.write, content)
    except OSError as error:
        raise RefusedError("no-room") from error


def body_for_openapi(pictures: dict[str, str]) -> dict[str, Any]:
    """Describe the two ways to send a clip."""
    binary = {"type": "string", "format": "binary"}
    form = {
        "type": "object",
        "required": [CLIP],
        "properties": {
            CLIP: binary,
            **{
                name: {**binary, "description": description}
                for name, description in pictures.items()
            },
        },
        "additionalProperties": False,
    }
    kinds = ("video/mp4", "video/webm", "video/quicktime", "application/octet-stream")
    return {
        "required": True,
        "description": "The clip: MP4, MOV, WebM, Matroska, AVI, MPEG ...; recognized by content.",
        "content": {
            "multipart/form-data": {"schema": form},
            **{kind: {"schema": binary} for kind in kinds},
        },
    }
