"""Connections of the server: how many there may be, and how long answers wait to be read."""

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
"""Key of a scope: what breaks its connection off at once, where the server offers that."""

PIECE_BYTES: Final = 256 * 2**10
"""Of an answer that are given to the transport at a time; it holds little more than one."""


@dataclass(eq=False)
class _Held:
    client: str
    size_bytes: int
    drop: Callable[[], None]


class Outbox:
    """The large answers that are being sent. Used from one event loop.

    When one more does not fit, the oldest ones are given up: who still reads an answer that is
    older than all others reads slowly.

    Args:
        most_bytes: of all together.
        most_per_client_bytes: of one client's.
    """

    def __init__(self, most_bytes: int, most_per_client_bytes: int) -> None:
        self._most_bytes, self._most_per_client_bytes = most_bytes, most_per_client_bytes
        self._held: dict[_Held, None] = {}

    @property
    def held_bytes(self) -> int:
        """Of all answers that are being sent."""
        return sum(each.size_bytes for each in self._held)

    @contextmanager
    def holding(self, client: str, size_bytes: int, drop: Callable[[], None]) -> Iterator[None]:
        """Hold an answer as long as it is sent.

        Args:
            client: whose it is.
            size_bytes: of the answer. One by itself may be larger than the limits.
            drop: called when it is given up for another one.
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
    """Sends one answer in pieces, and drops it when its client reads too slowly.

    Args:
        send: of the server.
        scope: of the request.
        read_timeout_s: how long a client may keep the sender waiting; as much again for each MiB.
    """

    def __init__(self, send: Send, scope: Scope, read_timeout_s: float) -> None:
        self._send, self._read_timeout_s = send, read_timeout_s
        self._abort: Callable[[], None] | None = scope.get(ABORT)
        self._sent_bytes, self._waited_s = 0, 0.0
        self._is_dropped = False

    def drop(self) -> None:
        """Drop the answer; what is sent of it from now on is discarded."""
        self._is_dropped = True
        if self._abort is not None:
            self._abort()

    async def send(self, message: Message) -> None:
        """Pass a part of the answer on.

        Raises:
            ClientDisconnect: it was given up.
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
    """ASGI middleware: no client of what is behind it may read too slowly.

    Args:
        app: what is behind it.
        read_timeout_s: as of `Sender`.
    """

    def __init__(self, app: Callable[..., object], read_timeout_s: float) -> None:
        self.app, self._read_timeout_s = app, read_timeout_s

    async def __call__(self, scope: Scope, receive: object, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http":
            send = Sender(send, scope, self._read_timeout_s).send
        try:
            await self.app(scope, receive, send)  # type: ignore[misc]  # an ASGI application
        except ClientDisconnect:
            return


MOST: Final = 2048
"""Connections where nothing else is said; each costs a descriptor and some kilobytes."""

_KEPT_DESCRIPTORS: Final = 256
"""For files and for whatever else is opened."""


class Connection(Protocol):
    """A connection with limits."""

    client: tuple[str, int] | None

    @property
    def is_idle(self) -> bool:
        """Whether every request was answered."""

    @property
    def waits_since_s(self) -> float | None:
        """Since when it is idle."""

    def drop(self) -> None:
        """End it."""

    def look_after(self, now_s: float) -> None:
        """End it if it takes too long."""


@dataclass(frozen=True)
class Limits:
    """What one connection may do.

    Attributes:
        head_bytes: of a request's head, and of what is not body behind it.
        head_timeout_s: within which a head must be here.
        read_timeout_s: within which the end of an answer must be read.
    """

    head_bytes: int
    head_timeout_s: float
    read_timeout_s: float


class Connections:
    """Lets connections in, and ends those that take too long. Used from one event loop.

    When there are as many as there may be, the one that has been silent the longest makes room;
    only when none is, the new one is refused. One client has half of the room at most.

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
        """Admit a connection; return False where there is no room for it."""
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
        """Whether a connection is here still."""
        return connection in self._open

    def leave(self, connection: Connection) -> None:
        """Forget a connection."""
        self._open.pop(connection, None)

    def look_after(self) -> None:
        """Close connections that take too long."""
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
    """Return how many connections this process has descriptors for, `MOST` at most.

    As many as the system lets it have are asked for first.
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
