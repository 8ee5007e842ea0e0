"""HTTP and WebSocket protocols of the server, with limits that uvicorn lacks."""

import time
from typing import TYPE_CHECKING, Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from nearfar.service.connections import ABORT, Connections
from nearfar.service.errors import RefusedError, answer

if TYPE_CHECKING:
    import asyncio
    from asyncio.transports import BaseTransport

LET_IN: Final = "nearfar.let_in"
"""Key in a scope: function that allows the client to send messages of full size."""

FIRST_BYTES: Final = 64 * 2**10
"""Bytes that a client may send before it is admitted."""

_MOST_UNREAD_PONGS: Final = 1000
_MOST_PARTS: Final = 4096
"""Maximum of messages, or fragments of one, in the receive queue."""


class WebSocketConnection(WebSocketsSansIOProtocol):
    """A WebSocket with limits.

    - Before the application admits the client, it may send little.
    - A client that sends pings, but does not read the pongs, is dropped.
    - The number of queued messages and fragments is limited.
    - Unread data is dropped some time after closing.

    Args:
        connections: of the server.
        given: uvicorn's arguments.
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
        """Return False: an open WebSocket is in use."""
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
        """Process received bytes, within the limits."""
        if self.transport.is_closing():
            return
        self._came_bytes += len(data)
        super().data_received(data)
        is_early = not self._is_let_in and self._came_bytes > FIRST_BYTES
        are_many = self.queue.qsize() > _MOST_PARTS or len(self.frames) > _MOST_PARTS
        if is_early or are_many or self._unread_pongs > _MOST_UNREAD_PONGS:
            self.drop()

    def handle_ping(self) -> None:
        """Answer a ping, and count pongs that the client does not read."""
        super().handle_ping()
        self._unread_pongs = 0 if self.writable.is_set() else self._unread_pongs + 1

    def handle_connect(self, event: Any) -> None:
        """Start a connection; the application gets functions to admit or drop the client."""
        super().handle_connect(event)
        if self.response.status_code == 101:
            self._came_bytes = 0
            self.scope[LET_IN] = self.let_in  # type: ignore[typeddict-unknown-key]
            self.scope[ABORT] = self.drop  # type: ignore[typeddict-unknown-key]

    def let_in(self) -> None:
        """Allow messages of full size."""
        self._is_let_in = True

    def drop(self) -> None:
        """End it, whatever is on its way."""
        self.transport.abort()

    def look_after(self, now_s: float) -> None:
        """Drop the connection if closing takes too long."""
        if not self.transport.is_closing():
            self._closing_since_s = None
        elif self._closing_since_s is None:
            self._closing_since_s = now_s
        elif now_s - self._closing_since_s > self._all.limits.read_timeout_s:
            self.drop()


LINGER_S: Final = 2.0
"""Time for which unneeded bytes are still received, so that the client reads a refusal."""

MOST_HEADERS: Final = 128
_MOST_PIPELINED: Final = 16
_PROBE_S: Final = 0.25
_PROBE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


class HttpConnection(HttpToolsProtocol):
    """An HTTP connection with limits.

    - The head of a request, and trailers and chunk headers, are limited in size and time.
    - A body that is not needed any more is received for at most `LINGER_S`.
    - A client that sent its complete request and closed its half gets a response. Interim responses
    (RFC 9110, 15.2) detect whether it is still connected. - Unread data is dropped some time after
    the last response, or after closing.

    Args:
        connections: of the server.
        given: uvicorn's arguments.
    """

    def __init__(self, *, connections: Connections, **given: Any) -> None:
        super().__init__(**given)
        self._all = connections
        self._limits = connections.limits
        self._aside_bytes = self._head_bytes = 0
        self._is_refused = self._is_half_closed = False
        self.waits_since_s: float | None = None
        """Time since which a request's head is awaited; None during a request."""
        self._begun_s: float | None = None
        self._lingers_since_s: float | None = None
        self._unread_since_s: float | None = None
        self._probed_s = 0.0

    # The transport's calls

    def connection_made(self, transport: "asyncio.Transport") -> None:  # type: ignore[override]
        """Admit or refuse a connection."""
        super().connection_made(transport)
        self.waits_since_s = time.monotonic()
        if not self._all.admit(self):
            self._refuse("too-many-connections", {"Retry-After": "5"})

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._all.leave(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Process received bytes, as long as they are needed."""
        if self._is_refused or self.transport.is_closing():
            return
        if self._begun_s is None:
            self._begun_s = time.monotonic()
            if self.waits_since_s is not None:
                self.waits_since_s = self._begun_s
        self._aside_bytes += len(data)
        super().data_received(data)
        if self._aside_bytes > self._limits.head_bytes and self._all.holds(self):
            self._refuse("head-too-large")

    def eof_received(self) -> bool | None:  # type: ignore[override]
        """Stay connected for the response to a complete request."""
        cycle = self.cycle
        if self._is_refused or cycle is None or cycle.response_complete or cycle.more_body:
            return None
        if self.scope["http_version"] == "1.0" or self.scope["scheme"] == "https":
            # HTTP 1.0 has no interim responses, and asyncio no half-closed TLS
            return None
        self._is_half_closed = True
        self._probed_s = time.monotonic()
        cycle.keep_alive = False
        return True

    # The parser's calls

    def on_message_begin(self) -> None:
        """Start a request."""
        super().on_message_begin()
        self._head_bytes = 0
        self.scope[ABORT] = self.transport.abort  # type: ignore[typeddict-unknown-key]

    def on_url(self, url: bytes) -> None:
        """Receive a piece of the target."""
        self._head_bytes += len(url)
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Receive a header, or a trailer after a body."""
        self._head_bytes += len(name) + len(value)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Start the response."""
        self._aside_bytes, self.waits_since_s = 0, None
        is_long = self._head_bytes > self._limits.head_bytes or len(self.headers) > MOST_HEADERS
        if is_long or len(self.pipeline) >= _MOST_PIPELINED:
            self._refuse("head-too-large")
        if not self._is_refused:
            super().on_headers_complete()

    def on_chunk_header(self) -> None:
        """Receive a chunk header."""
        self._aside_bytes = 0

    def on_body(self, body: bytes) -> None:
        """Receive a piece of the body."""
        self._aside_bytes = max(0, self._aside_bytes - len(body))
        if not self._is_refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Finish the request."""
        self._aside_bytes, self._begun_s = 0, None
        if self._is_refused:
            return
        super().on_message_complete()
        if self.cycle is not None and self.cycle.response_complete:
            self._rest()

    # uvicorn's own

    def on_response_complete(self) -> None:
        """Wait for the next request, after the rest of this one has arrived."""
        super().on_response_complete()
        if self.cycle is not None and self.cycle.response_complete:
            if self.cycle.more_body:
                self._lingers_since_s = time.monotonic()
            else:
                self._rest()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's
        """Respond to an invalid request with a problem, as for other failures."""
        self._refuse("bad-request")

    def handle_websocket_upgrade(self) -> None:
        """Switch to the WebSocket protocol."""
        self._all.leave(self)
        super().handle_websocket_upgrade()

    # Looked after by `Connections`

    @property
    def is_idle(self) -> bool:
        """Whether every request was answered."""
        return self.waits_since_s is not None

    def drop(self) -> None:
        """End it, whatever is on its way."""
        self.transport.abort()

    def look_after(self, now_s: float) -> None:
        """Close the connection if it exceeds a time limit; called about once per second."""
        limits = self._limits
        is_unread = self._is_answered and self.transport.get_write_buffer_size() > 0
        if not (is_unread or self.transport.is_closing()):
            self._unread_since_s = None
        elif self._unread_since_s is None:
            self._unread_since_s = now_s
        if any(
            _is_over(since_s, limit_s, now_s)
            for since_s, limit_s in (
                (self._unread_since_s, limits.read_timeout_s),
                (self._lingers_since_s, LINGER_S),
            )
        ):
            self.drop()
        elif _is_over(self.waits_since_s, limits.head_timeout_s, now_s):
            if self._begun_s is None:
                self.drop()
            else:
                self._refuse("upload-timeout")
        elif self._is_half_closed and now_s - self._probed_s > _PROBE_S:
            self._probed_s = now_s
            self._probe()

    @property
    def _is_answered(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _probe(self) -> None:
        """Write to a client that may have disconnected; if so, the connection fails."""
        cycle = self.cycle
        if cycle is not None and not cycle.response_started:
            self.transport.write(_PROBE)

    def _rest(self) -> None:
        """Wait for the next request."""
        self._lingers_since_s = self._begun_s = None
        if not self.pipeline:
            self.waits_since_s = time.monotonic()

    def _refuse(self, slug: str, headers: dict[str, str] | None = None) -> None:
        """Send a refusal, receive no more, and close soon."""
        if self._is_refused or self.transport.is_closing():
            return
        self._is_refused, self.waits_since_s = True, None
        self._lingers_since_s = time.monotonic()
        self._unset_keepalive_if_required()
        if self.cycle is not None and self.cycle.response_started and not self._is_answered:
            self.drop()  # another response is being sent
            return
        self.pipeline.clear()
        if self.cycle is not None:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.write(refusal(slug, headers))
        if self.transport.can_write_eof():
            self.transport.write_eof()


def refusal(slug: str, headers: dict[str, str] | None = None) -> bytes:
    """Return the bytes of a response of the server itself."""
    response = answer(RefusedError(slug, headers=headers), "")
    response.headers["Connection"] = "close"
    response.headers["X-Content-Type-Options"] = "nosniff"
    lines = [f"HTTP/1.1 {response.status_code} Refused".encode()]
    lines += [name + b": " + value for name, value in response.raw_headers]
    return b"\r\n".join([*lines, b"", bytes(response.body)])


def _is_over(since_s: float | None, limit_s: float, now_s: float) -> bool:
    return since_s is not None and now_s - since_s > limit_s
