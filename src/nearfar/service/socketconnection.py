"""A WebSocket of the server: what a client may send before, between and instead of messages."""

from typing import TYPE_CHECKING, Any, Final

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from nearfar.service.connections import Connections
from nearfar.service.outbox import ABORT

if TYPE_CHECKING:
    from asyncio.transports import BaseTransport

LET_IN: Final = "nearfar.let_in"
"""Key of a scope: called once the client may send whole messages."""

FIRST_BYTES: Final = 64 * 2**10
"""That a client may send before it is let in."""

_MOST_UNREAD_PONGS: Final = 1000
_MOST_PARTS: Final = 4096
"""Messages, or parts of one message, that may wait to be taken."""


class WebSocketConnection(WebSocketsSansIOProtocol):
    """A WebSocket with limits.

    - Before the application has let the client in, it may send little.
    - A client that sends pings, and does not read what they are answered with, is dropped.
    - Of tiny messages, and of messages of tiny parts, only so many wait.
    - What waits to be read after closing is given up in time.

    Args:
        connections: all of the server.
        given: what uvicorn gives.
    """

    def __init__(self, *, connections: Connections, **given: Any) -> None:
        super().__init__(**given)
        self._all = connections
        self._is_let_in = False
        self._came_bytes = self._unread_pongs = 0
        self._closing_since_s: float | None = None
        self.waits_since_s: float | None = None

    @property
    def is_idle(self) -> bool:
        """Say no: whoever has a WebSocket wants it."""
        return False

    def connection_made(self, transport: "BaseTransport") -> None:
        """Begin."""
        super().connection_made(transport)
        self._all.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._all.leave(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes, unless they are too many of a useless kind."""
        if self.transport.is_closing():
            return
        self._came_bytes += len(data)
        super().data_received(data)
        is_early = not self._is_let_in and self._came_bytes > FIRST_BYTES
        are_many = self.queue.qsize() > _MOST_PARTS or len(self.frames) > _MOST_PARTS
        if is_early or are_many or self._unread_pongs > _MOST_UNREAD_PONGS:
            self.drop()

    def handle_ping(self) -> None:
        """Answer a ping, and count the answers for which there is no room on the way."""
        super().handle_ping()
        self._unread_pongs = 0 if self.writable.is_set() else self._unread_pongs + 1

    def handle_connect(self, event: Any) -> None:
        """Begin with a client; the application gets the means to let it in, or to drop it."""
        super().handle_connect(event)
        if self.response.status_code == 101:
            self._came_bytes = 0
            self.scope[LET_IN] = self.let_in  # type: ignore[typeddict-unknown-key]
            self.scope[ABORT] = self.drop  # type: ignore[typeddict-unknown-key]

    def let_in(self) -> None:
        """Take whole messages from now on."""
        self._is_let_in = True

    def drop(self) -> None:
        """End it, whatever is on its way."""
        self.transport.abort()

    def look_after(self, now_s: float) -> None:
        """End what takes too long to close."""
        if not self.transport.is_closing():
            self._closing_since_s = None
        elif self._closing_since_s is None:
            self._closing_since_s = now_s
        elif now_s - self._closing_since_s > self._all.limits.read_timeout_s:
            self.drop()
