"""The photo of a request: a multipart form or the bare body, read into memory piece by piece."""

import asyncio
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, TypeVar
from urllib.parse import quote

from fastapi import Request
from starlette.requests import ClientDisconnect

from nearfar.io.multipart import TEXT_BYTES, read_form, stem_of
from nearfar.service.errors import RefusedError

_T = TypeVar("_T")

PHOTO: Final = "photo"
"""Name of the form field that holds the picture."""

_BINARY: Final = {"schema": {"type": "string", "format": "binary"}}


@dataclass(frozen=True)
class Upload:
    """What came.

    Attributes:
        photo: the picture file, at least one byte.
        stem: of its name, if it came with one.
        fields: the form's other fields that are text.
        files: the form's other fields that are files.
    """

    photo: bytes
    stem: str
    fields: dict[str, str] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)

    def disposition(self, suffix: str, what: str = "depth") -> str:
        """Make the Content-Disposition of an answer: `<stem>-<what><suffix>`."""
        return disposition(f"{self.stem}-{what}{suffix}", f"{PHOTO}-{what}{suffix}")


def disposition(name: str, plain: str) -> str:
    """Make a Content-Disposition (RFC 6266); `plain` is for clients that read ASCII only."""
    if quote(name) == name:
        return f'attachment; filename="{name}"'
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name)}"


async def read_upload(
    request: Request,
    *,
    fields: frozenset[str] = frozenset(),
    files: frozenset[str] = frozenset(),
) -> Upload:
    """Read the photo.

    Args:
        request: its body is either the picture itself, of whatever stated type, or a form.
        fields: texts that the form may hold beside the photo.
        files: files that it may hold beside the photo.

    Raises:
        FormError: a form that is none, or of other fields.
        RefusedError: nothing in the photo.
    """
    form = request.headers.get("content-type", "").lower().startswith("multipart/form-data")
    upload = await _read_form(request, fields, files) if form else await _read_body(request)
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


def body_for_openapi(
    *,
    files: Mapping[str, str] = MappingProxyType({}),
    needed: bool = True,
    **fields: dict[str, Any],
) -> dict[str, Any]:
    """Describe the two ways to send a photo.

    Args:
        files: the form's other files that there may be, name -> what it is.
        needed: whether the other fields must be there.
        fields: the form's other fields, by name.
    """
    pictures = {name: {**_BINARY["schema"], "description": files[name]} for name in files}
    form = {
        "type": "object",
        "required": [PHOTO, *(fields if needed else ())],
        "properties": {PHOTO: _BINARY["schema"], **pictures, **fields},
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
    return Upload(b"".join(pieces), PHOTO)


async def _read_form(request: Request, fields: frozenset[str], files: frozenset[str]) -> Upload:
    content_type = request.headers["content-type"]
    most_bytes: int = request.app.state.options.max_bytes
    allowed = {**dict.fromkeys(fields, TEXT_BYTES), **dict.fromkeys(files | {PHOTO}, most_bytes)}
    parts = await read_form(content_type, request.stream(), allowed=allowed)
    photo = parts.pop(PHOTO, None)
    if photo is None:
        raise RefusedError(
            "bad-request", f"The form has no picture: send it as a file in the field {PHOTO!r}."
        )
    return Upload(
        bytes(photo.content),
        stem_of(photo.file_name, PHOTO),
        {
            name: part.content.decode(errors="replace")
            for name, part in parts.items()
            if name in fields
        },
        {name: bytes(part.content) for name, part in parts.items() if name in files},
    )
