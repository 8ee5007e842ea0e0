"""Answers on their way to clients that may read slowly: how much waits, and for how long."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import anyio
from starlette.requests import ClientDisconnect
from starlette.types import Message, Scope, Send

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
    """Passes one answer on in pieces, and gives it up when its client reads too slowly.

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
        """Give the answer up; what is sent of it from now on goes nowhere."""
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
