"""Middleware of Ray Serve's HTTP proxies, for the same errors as the service."""

import asyncio
import os
import secrets
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nearfar.service.errors import RefusedError, answer
from nearfar.service.settings import ServiceOptions

MAX_BYTES: Final = "NEARFAR_FRONT_MAX_BYTES"
"""Environment variable with the maximum size of a body."""

_HEALTH: Final = "/-/healthz"
_SERVES_OWN: Final = "/-/"
_RETRY_AFTER_S: Final = "2"
_SLUG_OF: Final = {408: "timed-out", 429: "queue-full"}
"""Status of a response of Serve itself -> problem; others mean that there is no replica."""


def environment(options: ServiceOptions) -> dict[str, str]:
    """Return the environment variables of the processes of the proxies."""
    return {
        "RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH": f"{__name__}.middlewares",
        "FORWARDED_ALLOW_IPS": "",  # the client is the peer of the connection, whatever it claims
        MAX_BYTES: str(options.max_bytes),
    }


def middlewares() -> list[Middleware]:
    """Return the middleware of a proxy; Ray Serve calls this in its process."""
    return [Middleware(Front, max_bytes=int(os.environ[MAX_BYTES]))]


class Front:
    """ASGI middleware that converts Serve's own responses to problems, and limits request bodies.

    Responses of the service have the header `X-Content-Type-Options`, Serve's own do not.

    Args:
        app: the proxy.
        max_bytes: size of a body, after which the replica has received enough to refuse it.
    """

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app, self._max_bytes = app, max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Process one request or connection."""
        if scope["type"] not in {"http", "websocket"} or scope["path"] == _HEALTH:
            await self._app(scope, receive, send)
            return
        # with these a client could set its own time limit, or cause useless work
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
    """One request and its response."""

    def __init__(self, receive: Receive, send: Send, max_bytes: int) -> None:
        self._receive, self._send = receive, send
        self._left = max_bytes
        self._retry_after_s = _RETRY_AFTER_S
        self._status = 0
        self.is_started = False

    async def receive(self) -> Message:
        """Receive a piece of the request, unless the body is too large."""
        if self._left < 0:
            await asyncio.Event().wait()  # until the replica has refused
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        return message

    async def send(self, message: Message) -> None:
        """Send a piece of a response of the service; store the status of one of Serve."""
        if message["type"] == "http.response.start":
            headers = MutableHeaders(raw=message["headers"])
            if "x-content-type-options" not in headers:
                self._status = message["status"]
                self._retry_after_s = headers.get("retry-after", _RETRY_AFTER_S)
                return
            self.is_started = True
            ours = headers["x-request-id"]  # the first is the service's, the second Serve's
            del headers["x-request-id"]
            headers["X-Request-Id"] = ours
            message["headers"] = headers.raw
        if self.is_started:
            await self._send(message)

    def refusal(self) -> RefusedError:
        """Return the problem for Serve's response, or for a crashed replica."""
        slug = _SLUG_OF.get(self._status, "not-ready")
        detail = "All replicas are busy: try again in a moment." if slug == "queue-full" else ""
        return RefusedError(slug, detail, headers={"Retry-After": self._retry_after_s})
