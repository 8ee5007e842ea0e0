"""Live depth over a WebSocket: receives frames, sends maps, and drops old frames.

The protocol is described in docs/stream.md.
"""

import asyncio
import time
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, Final

import anyio
from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from nearfar.errors import NearfarError, UnknownModelError
from nearfar.service.connections import ABORT
from nearfar.service.middleware import client_of, is_allowed, token_of
from nearfar.service.observability import FAULTS, REQUESTS
from nearfar.service.protocols import LET_IN
from nearfar.service.stream.protocol import StreamOptions, agreed, problem, read_message
from nearfar.service.stream.session import Frame, Outcome, StreamRange, StreamSession

if TYPE_CHECKING:
    from nearfar.service.engine import InferenceEngine
    from nearfar.service.observability import Metrics

ROUTE: Final = "/v1/stream"

# close codes of RFC 6455 and IANA's registry
IDLE: Final = 1000
REFUSED: Final = 1008
FAILED: Final = 1011
RESTARTING: Final = 1012
TRY_LATER: Final = 1013


def stream_router(streams: "set[Stream]") -> APIRouter:
    """Return the router; it needs `engine` and `metrics` in the application's state.

    Args:
        streams: set of the open streams.
    """
    router = APIRouter()

    @router.websocket(ROUTE)
    async def stream(websocket: WebSocket) -> None:
        await Stream(websocket, streams).serve()

    return router


class _ClosedError(Exception):
    """The service closes the stream."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


class Stream:
    """One connection.

    Args:
        websocket: not accepted yet.
        streams: the open ones.
    """

    def __init__(self, websocket: WebSocket, streams: "set[Stream]") -> None:
        self._socket, self._streams = websocket, streams
        self._engine: InferenceEngine = websocket.app.state.engine
        self._metrics: Metrics = websocket.app.state.metrics
        self._options, self._range = StreamOptions(), StreamRange()
        self._counts = dict.fromkeys(("received", "done", "dropped", "failed"), 0)
        self._pump = StreamSession(self._engine, client_of(websocket.scope), self._dropped)
        self._received_s = time.perf_counter()

    def stop(self) -> None:
        """Finish the frames in progress, then close with 1012."""
        self._pump.stop()

    async def serve(self) -> None:
        """Serve the connection."""
        start_s, code = time.perf_counter(), FAILED
        await self._socket.accept()
        try:
            await self._let_in()
            await self._serve()
        except _ClosedError as closed:
            code = closed.code
            await self._close(code, closed.reason)
        except WebSocketDisconnect as gone:
            code = gone.code
        except Exception:  # noqa: BLE001 - the last handler: it becomes a close code
            FAULTS.exception("a stream failed")
            await self._close(code, "the service failed")
        REQUESTS.info(
            {
                "request_id": self._socket.scope.get("state", {}).get("request_id"),
                "client": client_of(self._socket.scope),
                "route": ROUTE,
                "close_code": code,
                "ms": round((time.perf_counter() - start_s) * 1000, 1),
                **{f"frames_{name}": count for name, count in self._counts.items()},
            }
        )

    async def _serve(self) -> None:
        self._streams.add(self)
        self._metrics.stream_opened()
        try:
            await _until_one_fails(self._read(), self._pump.run(), self._send(), self._watch())
        finally:
            self._streams.discard(self)
            self._metrics.stream_closed()
            await self._pump.end()

    async def _let_in(self) -> None:
        wanted = self._engine.options.token
        given = self._socket.query_params.get("token") or token_of(self._socket.headers)
        if not is_allowed(wanted, given):
            await self._ask_token(wanted)
        if (let_in := self._socket.scope.get(LET_IN)) is not None:
            let_in()
        if not self._engine.ready:
            raise _ClosedError(RESTARTING, "starting or stopping: try again in a moment")
        if len(self._streams) >= self._engine.options.streams:
            self._metrics.refused("streams-full")
            raise _ClosedError(TRY_LATER, "too many live streams: try again later")

    async def _ask_token(self, wanted: str | None) -> None:
        """Check the token; it may be the first message, since browsers can't send headers."""
        limit_s = self._engine.options.upload_timeout_s
        try:
            first = await asyncio.wait_for(self._socket.receive(), limit_s)
            text = first.get("text") or ""
            given = read_message(text).get("token")
        except (asyncio.TimeoutError, NearfarError):
            given = None
        if not isinstance(given, str) or not is_allowed(wanted, given):
            raise _ClosedError(REFUSED, "token-needed")
        await self._change(text)

    async def _read(self) -> None:
        """Receive frames at any rate; frames beyond the capacity are dropped, never queued."""
        while True:
            message = await self._socket.receive()
            self._received_s = time.perf_counter()
            if message["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(message.get("code", 1005))
            photo = message.get("bytes")
            if photo is None:
                await self._change(message.get("text") or "")
                continue
            number = self._counts["received"]
            self._counts["received"] += 1
            self._pump.offer(Frame(number, photo, self._options, self._range))

    async def _change(self, text: str) -> None:
        """Apply a message with options to the following frames."""
        try:
            message = read_message(text)
            message.pop("token", None)
            options = self._options.changed(message)
            if options.model not in {"auto", self._options.model}:
                installed = await asyncio.to_thread(self._engine.models)
                if options.model not in {spec.name for spec in installed}:
                    raise UnknownModelError(f"no model {options.model!r} is installed")
        except NearfarError as error:
            await self._socket.send_text(problem(error))
            return
        if options.model != self._options.model:
            self._range = StreamRange()  # other networks have other ranges of values
        self._options = options
        await self._socket.send_text(agreed(options))

    async def _send(self) -> None:
        while True:
            outcome = await self._pump.next()
            if outcome is None:
                raise _ClosedError(RESTARTING, "the service is stopping")
            with anyio.move_on_after(self._read_limit_s(outcome)) as limit:
                if isinstance(outcome.message, bytes):
                    await self._socket.send_bytes(outcome.message)
                else:
                    await self._socket.send_text(outcome.message)
            if limit.cancelled_caught:
                self._abort()
                raise _ClosedError(REFUSED, "responses were not read")
            self._pump.sent()
            if outcome.kind is not None:
                self._count(outcome.kind)

    def _read_limit_s(self, outcome: Outcome) -> float:
        return self._engine.options.read_timeout_s * (1 + len(outcome.message) / 2**20)

    def _abort(self) -> None:
        """Abort: a closing handshake would wait behind unread data."""
        if (abort := self._socket.scope.get(ABORT)) is not None:
            abort()

    async def _watch(self) -> None:
        """Close a stream that receives nothing any more."""
        limit_s = self._engine.options.timeout_s
        while True:
            left_s = self._received_s + limit_s - time.perf_counter()
            if left_s <= 0:
                raise _ClosedError(IDLE, "nothing was received for a long time")
            await asyncio.sleep(left_s)

    async def _close(self, code: int, reason: str) -> None:
        try:
            await self._socket.close(code, reason)
        except (RuntimeError, WebSocketDisconnect):
            return  # the client closed it first

    def _dropped(self) -> None:
        self._count("dropped")

    def _count(self, outcome: str) -> None:
        self._counts[outcome] += 1
        self._metrics.frame(outcome)


async def _until_one_fails(*works: Coroutine[Any, Any, None]) -> None:
    """Run all concurrently; when one raises, cancel the others and raise its exception."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()
