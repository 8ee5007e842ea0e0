"""ASGI middleware: access control, limits of bodies, root path, and the log of each request."""

import asyncio
import base64
import binascii
import hmac
import ipaddress
import secrets
import socket
import time
from typing import Any, Final
from urllib.parse import urlsplit

import anyio
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nearfar.service.connections import PIECE_BYTES, Outbox, Sender
from nearfar.service.errors import RefusedError, answer
from nearfar.service.memory_pressure import MemoryPressure
from nearfar.service.observability import FAULTS, REQUESTS, Metrics, is_asset
from nearfar.service.settings import ServiceOptions

_LOCAL: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class Hosts:
    """Host names of a service.

    These are the loopback names, the address that it listens on, the address that the request was
    sent to, and `allowed_hosts`. If it listens on all addresses, also the machine's host name, and
    any address: behind a router its external address is unknown.

    Args:
        options: of the service.
    """

    def __init__(self, options: ServiceOptions) -> None:
        self._names = {*_LOCAL, options.host.lower(), *options.hosts}
        self._is_everywhere = is_unspecified(options.host)
        if not options.is_local:
            self._names.add(socket.gethostname().lower())

    def knows(self, scope: Scope) -> bool:
        """Return whether the `Host` of a request is a name of this service."""
        given = Headers(scope=scope).getlist("host")
        if len(given) != 1:
            return False
        if "*" in self._names:
            return True
        name = name_of(given[0])
        server = scope.get("server")
        if name in self._names or (server and name == server[0]):
            return True
        return self._is_everywhere and _is_address(name)


def name_of(host: str) -> str:
    """Remove the port, and the brackets of an IPv6 address, from a `Host`."""
    host = host.strip().lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].removesuffix(".")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def is_unspecified(host: str) -> bool:
    """Return whether a host stands for all addresses of this machine, as 0.0.0.0 does."""
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return not host


def path_of(scope: Scope) -> str:
    """Return the path of a request without the `root_path` of the service."""
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    return path.removeprefix(root) if _is_below(path, root) else path


def public_path(scope: Scope, path: str) -> str:
    """Return the path at which clients find a path of the service."""
    return f"{scope.get('root_path', '')}{path}"


def _is_below(path: str, root: str) -> bool:
    return path == root or path.startswith(f"{root}/")


CLIPS: Final = "/v1/videos"
"""Path of uploads of clips."""

_PAGE: Final = "/gradio_api/upload"
"""Path of the page's uploads."""

_PAGE_ROUTES: Final = (
    "/gradio_api/file=",
    _PAGE,
    "/gradio_api/queue/join",
    "/gradio_api/queue/data",
)
"""Beginnings of paths that the page answers without a route of its own."""

_PHOTOS: Final = ("/v1/depth", "/v1/probe", "/v1/cloud", "/v1/mesh", "/v1/effects/")

_ELSE_BYTES: Final = 256 * 2**10
"""Maximum size of other bodies: sufficient for the page's events."""


def most_bytes(options: ServiceOptions, path: str) -> int:
    """Return the maximum size of a body in bytes."""
    if path == _PAGE:
        return max(options.max_bytes, options.clip_bytes)
    if path == CLIPS:
        return options.clip_bytes
    return options.max_bytes if path.startswith(_PHOTOS) else _ELSE_BYTES


def limit_s(options: ServiceOptions, path: str) -> float:
    """Return the time limit of receiving a body, in seconds."""
    return options.clip_upload_timeout_s if path in {CLIPS, _PAGE} else options.upload_timeout_s


def too_many_bytes(options: ServiceOptions, path: str) -> RefusedError:
    """Return the refusal of a body beyond the limit."""
    slug = "clip-too-large" if path == CLIPS else "too-large"
    limit = most_bytes(options, path) / 2**20
    return RefusedError(slug, f"More than {limit:.6g} MiB: send a smaller one.")


OPEN: Final = frozenset({"/healthz", "/readyz"})
"""Paths without authentication."""

GONE: Final = 499
"""Status in the log for requests whose client disconnected, as in nginx."""

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})


def client_of(scope: Scope) -> str:
    """Return the client's peer address. Forwarded headers are ignored."""
    return scope["client"][0] if scope.get("client") else "local"


def is_allowed(wanted: str | None, given: str | None) -> bool:
    """Compare tokens in constant time; without a configured token all requests are allowed."""
    bytes_given = (given or "").encode(errors="surrogatepass")
    return wanted is None or hmac.compare_digest(wanted.encode(), bytes_given)


def token_of(headers: Headers) -> str | None:
    """Read the token of a request.

    It is a `Bearer` token, or the password of `Basic`, for which browsers show a dialog.
    """
    kind, _, given = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return given.strip()
    if kind.lower() == "basic":
        try:
            return base64.b64decode(given, validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return None
    return None


def is_foreign(headers: Headers, allowed: frozenset[str]) -> bool:
    """Return whether the request is cross-origin; CORS blocks neither forms nor WebSockets.

    Args:
        headers: of the request.
        allowed: allowed origins; `*` is every one.
    """
    origin = headers.get("origin")
    if origin is None or origin in allowed or "*" in allowed:
        return False
    try:
        return urlsplit(origin).netloc != headers.get("host")
    except ValueError:  # no address
        return True


class RootPathMiddleware:
    """ASGI middleware that sets `root_path`, and makes the path of each request begin with it.

    Some proxies strip the prefix before they pass a request on, others keep it: both work. The
    prefix itself, without a slash at its end, is redirected to the one with it, since the links
    of the page are relative.

    Args:
        app: the application behind it.
        root_path: the prefix, such as `/depth`, or nothing.
    """

    def __init__(self, app: ASGIApp, *, root_path: str) -> None:
        self.app, self._root = app, root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request or connection on."""
        root = self._root
        if not root or scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        if scope["path"] == root and scope["type"] == "http":
            headers = [(b"location", f"{root}/".encode("ascii")), (b"content-length", b"0")]
            await send({"type": "http.response.start", "status": 307, "headers": headers})
            await send({"type": "http.response.body"})
            return
        scope["root_path"] = root
        if not _is_below(scope["path"], root):
            raw: bytes = scope.get("raw_path") or scope["path"].encode()
            scope["path"] = root + scope["path"]
            scope["raw_path"] = root.encode("ascii") + raw
        await self.app(scope, receive, send)


class AccessMiddleware:
    """ASGI middleware for access control, limits of bodies, and the log of requests.

    Args:
        app: the wrapped application.
        options: limits, token and origins.
        metrics: counts every request.
        shortage: receives errors, to detect a shortage of memory.
        streams: set of the tasks of endless responses, while they run.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        options: ServiceOptions,
        metrics: Metrics,
        streams: set[asyncio.Task[Any]],
        shortage: MemoryPressure,
    ) -> None:
        self.app = app
        self.shortage = shortage
        self.options = options
        self.metrics = metrics
        self.streams = streams
        self.origins = frozenset(options.origins)
        self.hosts = Hosts(options)
        self.outbox = Outbox(options.unread_bytes, options.unread_bytes_per_client)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Process one request or connection."""
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        state["client"], state["request_id"] = client_of(scope), secrets.token_hex(8)
        if scope["type"] == "http":
            await self._serve(_Exchange(scope, receive, send, self))
        elif not self.hosts.knows(scope) or is_foreign(Headers(scope=scope), self.origins):
            await send(
                {"type": "websocket.close", "code": 1008}
            )  # before it is accepted, the server responds with HTTP 403
        else:
            await self.app(scope, receive, send)

    async def _serve(self, exchange: "_Exchange") -> None:
        try:
            error = await self._attempt(exchange)
            if error is not None and not exchange.is_started:
                response = answer(error, exchange.request_id)
                await response(exchange.scope, exchange.receive, exchange.send_own)
        finally:
            self.streams.discard(exchange.task)
            self._log(exchange)

    async def _attempt(self, exchange: "_Exchange") -> Exception | None:
        """Call the application; return the error that needs a response, if any."""
        try:
            self._admit(exchange.scope)
            await self.app(exchange.scope, exchange.receive, exchange.send)
        except ClientDisconnect:
            exchange.status = GONE
        except asyncio.CancelledError:
            if not exchange.is_stream:
                exchange.status = exchange.status or GONE
                raise
            await exchange.end()
        except RefusedError as refused:
            exchange.refused = refused
        except Exception as fault:  # noqa: BLE001 - the last handler: it becomes an answer
            FAULTS.exception("request %s failed", exchange.request_id)
            self.shortage.note(fault)
            return fault
        if exchange.refused is not None:
            self.metrics.refused(exchange.refused.slug)
        return exchange.refused

    def _admit(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        path = path_of(scope)
        if path not in OPEN and not self.hosts.knows(scope):
            raise RefusedError("foreign-host")
        if path not in OPEN and not is_allowed(self.options.token, token_of(headers)):
            by_hand = "text/html" in headers.get("accept", "")
            kind = "Basic" if by_hand else "Bearer"
            raise RefusedError(
                "token-needed", headers={"WWW-Authenticate": f'{kind} realm="nearfar"'}
            )
        if scope["method"] not in _SAFE and is_foreign(headers, self.origins):
            raise RefusedError("foreign-origin")
        length = headers.get("content-length", "0")
        if length.isdecimal() and int(length) > most_bytes(self.options, path):
            raise too_many_bytes(self.options, path)

    def _log(self, exchange: "_Exchange") -> None:
        scope = exchange.scope
        route = getattr(scope.get("route"), "path", "") or _page_route(exchange.path)
        seconds = time.perf_counter() - exchange.start_s
        method = scope["method"] if scope["method"] in _METHODS else "other"
        self.metrics.request(route, method, exchange.status, seconds)
        if exchange.status < 400 and is_asset(exchange.path):
            return
        REQUESTS.info(
            {
                "request_id": exchange.request_id,
                "client": scope["state"]["client"],
                "method": method,
                "route": route,
                "status": exchange.status,
                "ms": round(seconds * 1000, 1),
                "bytes_in": exchange.bytes_in,
                "bytes_out": exchange.bytes_out,
            }
        )


def _page_route(path: str) -> str:
    """Name what has no route: the page, one of its paths without what follows, or `none`."""
    if path == "/":
        return path
    return next((each for each in _PAGE_ROUTES if path.startswith(each)), "none")


class _Exchange:
    """One request and its response."""

    def __init__(
        self, scope: Scope, receive: Receive, send: Send, access: AccessMiddleware
    ) -> None:
        self.scope, self.access = scope, access
        self.request_id: str = scope["state"]["request_id"]
        self.path = path_of(scope)
        self._receive = receive
        self._sender = Sender(send, scope, access.options.read_timeout_s)
        self.task = asyncio.current_task()
        self.start_s = time.perf_counter()
        self.status = 0
        self.bytes_in = self.bytes_out = 0
        self.is_started = self.is_whole = self.is_stream = self.is_ended = False
        self.refused: RefusedError | None = None

    async def receive(self) -> Message:
        """Receive a piece of the body; refuse a body that is too large or too slow."""
        if self.is_whole:
            return await self._receive()
        options, path = self.access.options, self.path
        within_s = limit_s(options, path)
        left_s = self.start_s + within_s - time.perf_counter()
        with anyio.move_on_after(left_s) as limit:
            message = await self._receive()
        if limit.cancelled_caught:
            raise self._refuse(
                RefusedError(
                    "upload-timeout",
                    f"It must arrive completely within {within_s:g} s.",
                    headers={"Connection": "close"},
                )
            )
        self.bytes_in += len(message.get("body", b""))
        self.is_whole = not message.get("more_body", False)
        if self.bytes_in > most_bytes(options, path):
            raise self._refuse(too_many_bytes(options, path))
        return message

    async def send(self, message: Message) -> None:
        """Send a piece of the response, unless the middleware refused the request meanwhile."""
        if self.refused is None or self.is_started:
            await self.send_own(message)

    async def send_own(self, message: Message) -> None:
        """Pass a piece of the answer on."""
        if message["type"] == "http.response.start":
            self.is_started, self.status = True, message["status"]
            headers = MutableHeaders(scope=message)
            headers["X-Request-Id"] = self.request_id
            headers.setdefault("X-Content-Type-Options", "nosniff")
            headers.setdefault("X-Frame-Options", "SAMEORIGIN")  # the page embeds the live page
            headers.setdefault("Content-Security-Policy", "frame-ancestors 'self'")
            self.is_stream = headers.get("content-type", "").startswith("text/event-stream")
            if self.is_stream and self.task is not None:
                self.access.streams.add(self.task)
        else:
            self.bytes_out += len(message.get("body", b""))
            self.is_ended = not message.get("more_body", False)
        size = len(message.get("body", b""))
        if size <= PIECE_BYTES:
            await self._sender.send(message)
            return
        client = self.scope["state"]["client"]
        with self.access.outbox.holding(client, size, self._sender.drop):
            await self._sender.send(message)

    async def end(self) -> None:
        """Close an endless response."""
        if not self.is_ended:
            await self._sender.send({"type": "http.response.body", "body": b""})

    def _refuse(self, error: RefusedError) -> RefusedError:
        self.refused = error
        return error
