"""Limits of the server's connections, and of responses to slow clients."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Protocol

import anyio
from starlette.requests import ClientDisconnect
from starlette.types import Message, Scope, Send

from nearfar.service.settings import ServiceOptions

ABORT: Final = "nearfar.abort"
"""Key in a scope: function that aborts the connection, if the server offers it."""

PIECE_BYTES: Final = 256 * 2**10
"""Size of the pieces of a response; the transport buffers little more than one."""


@dataclass(eq=False)
class _Held:
    client: str
    size_bytes: int
    drop: Callable[[], None]


class Outbox:
    """Large responses being sent. Not thread-safe; for one event loop.

    When another one exceeds the limit, the oldest are dropped: their clients are the slowest.

    Args:
        most_bytes: limit of all together.
        most_per_client_bytes: limit of one client.
    """

    def __init__(self, most_bytes: int, most_per_client_bytes: int) -> None:
        self._most_bytes, self._most_per_client_bytes = most_bytes, most_per_client_bytes
        self._held: dict[_Held, None] = {}

    @property
    def held_bytes(self) -> int:
        """Total size of the responses being sent."""
        return sum(each.size_bytes for each in self._held)

    @contextmanager
    def holding(self, client: str, size_bytes: int, drop: Callable[[], None]) -> Iterator[None]:
        """Account for a response while it is sent.

        Args:
            client: its client.
            size_bytes: of the response. A single one may exceed the limits.
            drop: called when it is dropped for another one.
        """
        mine = [each for each in self._held if each.client == client]
        self._make_room(mine, self._most_per_client_bytes - size_bytes)
        self._make_room(list(self._held), self._most_bytes - size_bytes)
        held = _Held(client, size_bytes, drop)
        self._held[held] = None
        try:
            yield
        finally:
            self._held.pop(held, None)

    def _make_room(self, held: list[_Held], most_bytes: int) -> None:
        left = sum(each.size_bytes for each in held)
        for each in held:
            if left <= most_bytes:
                return
            left -= each.size_bytes
            self._held.pop(each, None)
            each.drop()


class Sender:
    """Sends one response in pieces, and drops it if its client reads too slowly.

    Args:
        send: of the server.
        scope: of the request.
        read_timeout_s: time limit of a client, extended by as much for each MiB.
    """

    def __init__(self, send: Send, scope: Scope, read_timeout_s: float) -> None:
        self._send, self._read_timeout_s = send, read_timeout_s
        self._abort: Callable[[], None] | None = scope.get(ABORT)
        self._sent_bytes, self._waited_s = 0, 0.0
        self._is_dropped = False

    def drop(self) -> None:
        """Drop the response; later pieces are discarded."""
        self._is_dropped = True
        if self._abort is not None:
            self._abort()

    async def send(self, message: Message) -> None:
        """Send a piece of the response.

        Raises:
            ClientDisconnect: the response was dropped.
        """
        body = message.get("body", b"")
        if len(body) <= PIECE_BYTES:
            await self._pass(message, len(body))
            return
        view = memoryview(body)
        for start in range(0, len(body), PIECE_BYTES):
            piece = bytes(view[start : start + PIECE_BYTES])
            is_last = start + PIECE_BYTES >= len(body)
            more = message.get("more_body", False) or not is_last
            await self._pass({**message, "body": piece, "more_body": more}, len(piece))

    async def _pass(self, message: Message, size_bytes: int) -> None:
        if self._is_dropped:
            raise ClientDisconnect
        start_s = time.monotonic()
        allowed_s = self._read_timeout_s * (1 + self._sent_bytes / 2**20)
        with anyio.move_on_after(max(0.0, allowed_s - self._waited_s)) as limit:
            await self._send(message)
        self._waited_s += time.monotonic() - start_s
        self._sent_bytes += size_bytes
        if limit.cancelled_caught:
            self.drop()
            raise ClientDisconnect


class Paced:
    """ASGI middleware that drops responses to clients that read too slowly.

    Args:
        app: the wrapped application.
        read_timeout_s: see `Sender`.
    """

    def __init__(self, app: Callable[..., object], read_timeout_s: float) -> None:
        self.app, self._read_timeout_s = app, read_timeout_s

    async def __call__(self, scope: Scope, receive: object, send: Send) -> None:
        """Process one request."""
        if scope["type"] == "http":
            send = Sender(send, scope, self._read_timeout_s).send
        try:
            await self.app(scope, receive, send)  # type: ignore[misc]  # an ASGI application
        except ClientDisconnect:
            return


MOST: Final = 2048
"""Default maximum of connections; each costs a descriptor and some kilobytes."""

_KEPT_DESCRIPTORS: Final = 256
"""Descriptors reserved for files and other uses."""


class Connection(Protocol):
    """A connection with limits."""

    client: tuple[str, int] | None

    @property
    def is_idle(self) -> bool:
        """Whether every request was answered."""

    @property
    def waits_since_s(self) -> float | None:
        """Time since which it is idle."""

    def drop(self) -> None:
        """End it."""

    def look_after(self, now_s: float) -> None:
        """Close it if it exceeds a time limit."""


@dataclass(frozen=True)
class Limits:
    """Limits of one connection.

    Attributes:
        head_bytes: of a request's head, and of trailers and chunk headers.
        head_timeout_s: time limit of receiving a head.
        read_timeout_s: time limit of reading the end of a response.
    """

    head_bytes: int
    head_timeout_s: float
    read_timeout_s: float


class Connections:
    """Admits connections, and closes those that exceed time limits. For one event loop.

    At the maximum, the connection that has been idle the longest is closed; if none is idle, the
    new one is refused. One client may have at most half of the connections.

    Args:
        options: of the service.
    """

    def __init__(self, options: ServiceOptions) -> None:
        self.limits = Limits(options.head_bytes, options.head_timeout_s, options.read_timeout_s)
        self.most = options.connections or by_descriptors()
        self._open: dict[Connection, None] = {}

    def __len__(self) -> int:
        return len(self._open)

    def admit(self, connection: Connection) -> bool:
        """Admit a connection; return False at the maximum."""
        client = connection.client[0] if connection.client else None
        same = [each for each in self._open if each.client and each.client[0] == client]
        has_room = self._make_room(same, max(1, self.most // 2))
        has_room = has_room and self._make_room(list(self._open), self.most)
        self._open[connection] = None
        return has_room

    def add(self, connection: Connection) -> None:
        """Add a connection that was admitted before its protocol changed."""
        self._open[connection] = None

    def holds(self, connection: Connection) -> bool:
        """Whether a connection is still open."""
        return connection in self._open

    def leave(self, connection: Connection) -> None:
        """Forget a connection."""
        self._open.pop(connection, None)

    def look_after(self) -> None:
        """Close connections that exceed a time limit."""
        now_s = time.monotonic()
        for each in tuple(self._open):
            each.look_after(now_s)

    def _make_room(self, among: list[Connection], most: int) -> bool:
        if len(among) < most:
            return True
        silent = [each for each in among if each.is_idle]
        if not silent:
            return False
        oldest = min(silent, key=lambda each: each.waits_since_s or 0.0)
        oldest.drop()
        self._open.pop(oldest, None)
        return True


def by_descriptors() -> int:
    """Return how many connections this process has descriptors for, at most `MOST`.

    The limit on descriptors is raised first, as far as the system allows.
    """
    if sys.platform == "win32":
        return MOST
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST + _KEPT_DESCRIPTORS
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY:
        return MOST
    return max(8, min(MOST, soft - min(_KEPT_DESCRIPTORS, soft // 2)))
