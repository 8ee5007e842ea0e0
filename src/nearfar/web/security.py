"""Restriction of Gradio's HTTP routes to those that the page needs."""

import asyncio
import json
import mimetypes
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs

from anyio.to_thread import run_sync
from starlette.requests import ClientDisconnect, Request
from starlette.responses import (
    FileResponse,
    JSONResponse,
    PlainTextResponse,
    Response,
    StreamingResponse,
)
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nearfar.errors import FormError, FormTooLargeError, UsageError
from nearfar.web.files import is_inside
from nearfar.web.gradio_app import Page
from nearfar.web.queue_guard import SESSION, read_join
from nearfar.web.session import Sessions
from nearfar.web.uploads import (
    NoRoomError,
    NotUploadedError,
    Progress,
    TooManyError,
    Uploads,
    wait_for,
)

MOST_BYTES: Final = 256 * 2**10
"""Maximum size of a body, except uploads."""

_OPEN: Final = re.compile(
    r"/|/config|/theme\.css|/robots\.txt|/favicon\.ico|/manifest\.json"
    r"|/(assets|static|svelte)/[^:]*"
    r"|/gradio_api/(reset|cancel|heartbeat/\w{1,64}|startup-events|app_id)"
)
"""Paths that are passed to Gradio unchanged."""

_API: Final = "/gradio_api/"
_FILE: Final = f"{_API}file="
_SAFE: Final = ("image/", "video/", "audio/", "model/")
_LOOK_S: Final = 0.1
_BEGIN_S: Final = 3.0


class GradioGuard:
    """ASGI middleware in front of Gradio that blocks all routes that are not needed.

    It handles all uploads and downloads, so that only files uploaded by or created for a visitor
    are opened.

    Args:
        app: Gradio's.
        page: Gradio's page.
        uploads: the files of visitors.
        sessions: of the visitors.
        head: HTML at the start of the page's head. Gradio's own `head` runs only after the language
            is set.
    """

    def __init__(
        self, app: ASGIApp, *, page: Page, uploads: Uploads, sessions: Sessions, head: str = ""
    ) -> None:
        self.app = app
        self._head = head.encode()
        self._preparing: asyncio.Task[None] | None = None
        self._page, self._uploads, self._sessions = page, uploads, sessions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path = scope["path"].removeprefix(scope.get("root_path", "")) or "/"
        try:
            await self._serve(path, scope, receive, send)
        except _AnsweredError as answered:
            await answered.response(scope, receive, send)

    async def _serve(self, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        asked = (scope["method"], path.removeprefix(_API) if path.startswith(_API) else "")
        response: Response
        if path == "/":
            await _body(receive)
            self._prepare()
            await self.app(_uncompressed(scope), _given(b"", receive), _into_head(send, self._head))
        elif _OPEN.fullmatch(path):
            body = await _body(receive)
            await self.app(scope, _given(body, receive), send)
        elif asked == ("POST", "queue/join"):
            await self._join(scope, receive, send)
        elif asked == ("GET", "queue/data"):
            await self._listen(scope, receive, send)
        elif asked == ("POST", "upload"):
            response = await self._upload(Request(scope, receive))
            await response(scope, receive, send)
        elif asked == ("GET", "upload_progress"):
            response = await self._progress(_query(scope, "upload_id"))
            await response(scope, receive, send)
        elif path.startswith(_FILE) and scope["method"] in {"GET", "HEAD"}:
            response = await _file(path.removeprefix(_FILE))
            await response(scope, receive, send)
        else:
            raise _AnsweredError(404, "Not found")

    def _prepare(self) -> None:
        """Begin with what the page will ask for, while the browser loads its scripts."""
        if self._page.prepare is not None and self._preparing is None:
            self._preparing = asyncio.create_task(self._page.prepare())

    async def _join(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await _body(receive)
        try:
            join = read_join(body, self._page, self._uploads)
        except NotUploadedError:
            raise _AnsweredError(403, "Only uploaded files can be opened.") from None
        except UsageError as error:
            raise _AnsweredError(400, f"Not understood: {error}.") from None
        self._sessions.begin(join.session)
        headers = [
            (name, value)
            for name, value in scope["headers"]
            if name not in {b"content-length", b"transfer-encoding", b"content-type"}
        ]
        headers.append((b"content-length", str(len(join.content)).encode()))
        headers.append((b"content-type", b"application/json"))
        await self.app({**scope, "headers": headers}, _given(join.content, receive), send)

    async def _listen(self, scope: Scope, receive: Receive, send: Send) -> None:
        session = _query(scope, "session_hash")
        if not SESSION.fullmatch(session):
            raise _AnsweredError(400, "Not understood: session_hash.")
        self._sessions.arrive(session)
        try:
            await self.app(scope, receive, send)
        finally:
            self._sessions.leave(session)

    async def _upload(self, request: Request) -> Response:
        self._sessions.watch()
        try:
            return JSONResponse([await self._uploads.take(request)])
        except FormTooLargeError as error:
            raise _AnsweredError(413, str(error)) from None
        except FormError as error:
            raise _AnsweredError(400, str(error)) from None
        except TooManyError as error:
            raise _AnsweredError(429, str(error)) from None
        except NoRoomError:
            raise _AnsweredError(507, "No room") from None

    async def _progress(self, id: str) -> Response:
        found = await wait_for(lambda: self._uploads.progress(id), _BEGIN_S)
        if found is None:
            raise _AnsweredError(404, "Upload not found")
        return StreamingResponse(_told(found), media_type="text/event-stream")


def _uncompressed(scope: Scope) -> Scope:
    headers = [each for each in scope["headers"] if each[0] != b"accept-encoding"]
    return {**scope, "headers": headers}


def _into_head(send: Send, head: bytes) -> Send:
    """Insert HTML after the `<head>` tag of a response."""
    start: Message = {}
    body = bytearray()

    async def sending(message: Message) -> None:
        nonlocal start
        if message["type"] == "http.response.start":
            start = message
            return
        body.extend(message.get("body", b""))
        if message.get("more_body", False):
            return
        content = bytes(body).replace(b"<head>", b"<head>" + head, 1)
        headers = [each for each in start["headers"] if each[0] != b"content-length"]
        headers.append((b"content-length", str(len(content)).encode()))
        await send({**start, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    return sending


class _AnsweredError(Exception):
    """Ends a request with a given response."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        kind = PlainTextResponse if status == 404 else JSONResponse
        self.response = kind(detail if status == 404 else {"detail": detail}, status)


async def _told(progress: Progress) -> AsyncIterator[str]:
    while not progress.is_done:
        if progress.came_bytes:
            update = {"msg": "update", "orig_name": progress.name}
            yield f"data: {json.dumps({**update, 'chunk_size': progress.came_bytes})}\n\n"
            progress.came_bytes = 0
        await asyncio.sleep(_LOOK_S)
    yield 'data: {"msg": "done"}\n\n'


async def _file(name: str) -> Response:
    path = Path(name)
    if not path.is_absolute():
        raise _AnsweredError(404, "Not found")
    if not await run_sync(is_inside, path):
        raise _AnsweredError(403, "No such file.")
    kind = mimetypes.guess_type(path)[0] or ""
    is_safe = kind.startswith(_SAFE) and kind != "image/svg+xml"
    return FileResponse(
        path,
        filename=path.name,
        media_type=kind if is_safe else "application/octet-stream",
        content_disposition_type="inline" if is_safe else "attachment",
    )


async def _body(receive: Receive) -> bytes:
    """Read a small body."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        if len(body) > MOST_BYTES:
            raise _AnsweredError(413, "The body is too large.")
        if not message.get("more_body", False):
            return bytes(body)


def _given(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that yields a body that was read already, then later messages."""
    is_given = False

    async def given() -> Message:
        nonlocal is_given
        if is_given:
            return await receive()
        is_given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return given


def _query(scope: Scope, name: str) -> str:
    query: bytes = scope.get("query_string", b"")
    return parse_qs(query.decode("latin-1")).get(name, [""])[0]
