"""The photo of a request: a multipart form or the bare body, read into memory piece by piece."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Final, TypeVar
from urllib.parse import quote

from fastapi import Request
from starlette.requests import ClientDisconnect

from nearfar.service.forms import read_form
from nearfar.service.problems import RefusedError

_T = TypeVar("_T")

PHOTO: Final = "photo"
"""Name of the form field that holds the picture."""

_BINARY: Final = {"schema": {"type": "string", "format": "binary"}}
_LONGEST_STEM: Final = 100


@dataclass(frozen=True)
class Upload:
    """What came.

    Attributes:
        photo: the picture file, at least one byte.
        stem: of its name, if it came with one.
        fields: the form's other fields.
    """

    photo: bytes
    stem: str
    fields: dict[str, str]

    def disposition(self, suffix: str) -> str:
        """Make the Content-Disposition of an answer: `<stem>-depth<suffix>` (RFC 6266)."""
        name = f"{self.stem}-depth{suffix}"
        if quote(name) == name:
            return f'attachment; filename="{name}"'
        return f"attachment; filename=\"photo-depth{suffix}\"; filename*=UTF-8''{quote(name)}"


async def read_upload(request: Request, *, fields: frozenset[str] = frozenset()) -> Upload:
    """Read the photo.

    Args:
        request: its body is either the picture itself, of whatever stated type, or a form.
        fields: what the form may hold beside the photo.

    Raises:
        RefusedError: a form that is none, or of other fields; nothing in the photo.
    """
    form = request.headers.get("content-type", "").lower().startswith("multipart/form-data")
    upload = await _read_form(request, fields) if form else await _read_body(request)
    if not upload.photo:
        raise RefusedError("not-a-picture", "It is empty: send the bytes of a picture.")
    return upload


async def while_here(request: Request, work: Coroutine[Any, Any, _T]) -> _T:
    """Wait for work as long as the client does; when it leaves, the work is cancelled.

    Raises:
        ClientDisconnect: it left.
    """
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientDisconnect
        return working.result()
    finally:
        leaving.cancel()
        if not working.done():
            working.cancel()
            await asyncio.wait((working,))


def body_for_openapi(**fields: dict[str, Any]) -> dict[str, Any]:
    """Describe the two ways to send a photo; `fields` are the form's others, by name."""
    form = {
        "type": "object",
        "required": [PHOTO, *fields],
        "properties": {PHOTO: _BINARY["schema"], **fields},
        "additionalProperties": False,
    }
    kinds = ("image/jpeg", "image/png", "image/webp", "application/octet-stream")
    return {
        "requestBody": {
            "required": True,
            "description": "The photo: JPEG, PNG, WebP, BMP, TIFF, GIF or AVIF; its content tells.",
            "content": {"multipart/form-data": {"schema": form}, **dict.fromkeys(kinds, _BINARY)},
        }
    }


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _read_body(request: Request) -> Upload:
    pieces = [piece async for piece in request.stream()]
    return Upload(b"".join(pieces), PHOTO, {})


async def _read_form(request: Request, fields: frozenset[str]) -> Upload:
    content_type = request.headers["content-type"]
    parts = await read_form(content_type, request.stream(), allowed=fields | {PHOTO})
    photo = parts.pop(PHOTO, None)
    if photo is None:
        raise RefusedError(
            "bad-request", f"The form has no picture: send it as a file in the field {PHOTO!r}."
        )
    others = {name: part.content.decode(errors="replace") for name, part in parts.items()}
    return Upload(bytes(photo.content), _stem(photo.file_name), others)


def _stem(name: str) -> str:
    stem = PurePosixPath(name.replace("\\", "/")).stem
    kept = "".join(letter for letter in stem if letter.isprintable())
    return kept[:_LONGEST_STEM] or PHOTO
