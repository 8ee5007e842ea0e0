"""The WebSockets of a replica, which must be told that it stops: Ray Serve lets them stand."""

from typing import Any, Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

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
