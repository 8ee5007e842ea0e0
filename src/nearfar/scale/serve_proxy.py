"""What runs in each of Ray Serve's HTTP proxies, so that they answer as the service does."""

import asyncio
import os
import secrets
from typing import Any, Final

from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nearfar.service.errors import RefusedError, answer
from nearfar.service.settings import ServiceOptions

RESTARTING: Final = 1012
"""Close code of RFC 6455's registry; the single process says the same."""


class Sockets:
    """ASGI middleware that knows the connections that are open.

    Args:
        app: what is behind it.
        open_ones: gets the connections, while they are open.
    """

    def __init__(self, app: ASGIApp, open_ones: "set[Socket]") -> None:
        self._app, self._open = app, open_ones

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or connection."""
        if scope["type"] != "websocket":
            await self._app(scope, receive, send)
            return
        socket = Socket(send)
        self._open.add(socket)
        try:
            await self._app(scope, receive, socket.send)
        finally:
            self._open.discard(socket)


class Socket:
    """One connection, as the replica sees it.

    Args:
        send: of ASGI.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self._is_closed = False

    async def send(self, message: Message) -> None:
        """Pass a message on, unless the connection is closed."""
        if not self._is_closed:
            self._is_closed = message["type"] == "websocket.close"
            await self._send(message)

    async def close(self) -> None:
        """Tell the client that the service stops; the application hears of it from the client."""
        close: dict[str, Any] = {"type": "websocket.close", "code": RESTARTING, "reason": ""}
        await self.send(close)


MAX_BYTES: Final = "NEARFAR_FRONT_MAX_BYTES"
"""The variable with the most bytes of a body that a proxy takes in."""

_HEALTH: Final = "/-/healthz"
_SERVES_OWN: Final = "/-/"
_RETRY_AFTER_S: Final = "2"
_SLUG_OF: Final = {408: "timed-out", 429: "queue-full"}
"""Status of Serve's own answers -> ours; all others say that no replica is there."""


def environment(options: ServiceOptions) -> dict[str, str]:
    """Give the variables that the proxies' processes need."""
    return {
        "RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH": f"{__name__}.middlewares",
        "FORWARDED_ALLOW_IPS": "",  # a client is who is at the other end, not who it says
        MAX_BYTES: str(options.max_bytes),
    }


def middlewares() -> list[Middleware]:
    """Give Ray Serve what to put around a proxy; called in its process."""
    return [Middleware(Front, max_bytes=int(os.environ[MAX_BYTES]))]


class Front:
    """ASGI middleware: Serve's own answers become problems, and a body has its limit here too.

    An answer of the service carries `X-Content-Type-Options`, which Serve's own do not.

    Args:
        app: the proxy.
        max_bytes: of a body. What the replica then has got is enough for it to refuse.
    """

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app, self._max_bytes = app, max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or connection."""
        if scope["type"] not in {"http", "websocket"} or scope["path"] == _HEALTH:
            await self._app(scope, receive, send)
            return
        # by these a client could keep its own time, or have work done for nobody
        scope["headers"] = [row for row in scope["headers"] if not row[0].startswith(b"x-request-")]
        if scope["type"] == "websocket":
            await self._app(scope, receive, send)
            return
        passing = _Passing(receive, send, self._max_bytes)
        if scope["path"].startswith(_SERVES_OWN):
            error = RefusedError("not-found")
        else:
            await self._app(scope, passing.receive, passing.send)
            error = passing.refusal()
        if not passing.is_started:
            request_id = secrets.token_hex(8)
            response = answer(error, request_id)
            response.headers["X-Request-Id"] = request_id
            response.headers["X-Content-Type-Options"] = "nosniff"
            await response(scope, receive, send)


class _Passing:
    """One request and its answer, on their way through."""

    def __init__(self, receive: Receive, send: Send, max_bytes: int) -> None:
        self._receive, self._send = receive, send
        self._left = max_bytes
        self._retry_after_s = _RETRY_AFTER_S
        self._status = 0
        self.is_started = False

    async def receive(self) -> Message:
        """Pass a piece of the request on, unless there were too many."""
        if self._left < 0:
            await asyncio.Event().wait()  # until the replica has refused
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        return message

    async def send(self, message: Message) -> None:
        """Pass a piece of the service's own answer on; note what Serve would say."""
        if message["type"] == "http.response.start":
            headers = MutableHeaders(raw=message["headers"])
            if "x-content-type-options" not in headers:
                self._status = message["status"]
                self._retry_after_s = headers.get("retry-after", _RETRY_AFTER_S)
                return
            self.is_started = True
            ours = headers["x-request-id"]  # the first is the service's, then comes Serve's
            del headers["x-request-id"]
            headers["X-Request-Id"] = ours
            message["headers"] = headers.raw
        if self.is_started:
            await self._send(message)

    def refusal(self) -> RefusedError:
        """Say in our words what Serve said, or did not say because a replica was lost."""
        slug = _SLUG_OF.get(self._status, "not-ready")
        detail = "The replicas are full: try again in a moment." if slug == "queue-full" else ""
        return RefusedError(slug, detail, headers={"Retry-After": self._retry_after_s})
