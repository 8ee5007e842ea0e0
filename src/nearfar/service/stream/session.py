"""The frames of one live stream: estimation, dropping of old frames, and ordered responses."""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from nearfar.errors import BusyError, DrainingError
from nearfar.runtimes.base import RawDepth
from nearfar.service.engine import InferenceEngine
from nearfar.service.errors import TOLD_IN_THE_LOG, refusal_of
from nearfar.service.observability import FAULTS
from nearfar.service.stream.protocol import Picture, StreamOptions, encode, problem
from nearfar.service.worker import Reservation
from nearfar.video.temporal import Limits, SteadyRange

UNSENT: Final = 2
"""Maximum of finished responses that wait for a slow client; at it no frame is started."""

_LONGEST_GAP_S: Final = 1.0
_UNKNOWN: Final = Limits(0, 0, is_new=True)


@dataclass
class StreamRange:
    """The smoothed range of one stream and model; thread-safe."""

    _steady: SteadyRange = field(default_factory=SteadyRange)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _frame: int = -1
    _at_s: float = 0.0
    _limits: Limits = _UNKNOWN

    def follow(self, frame: int, at_s: float, raw: RawDepth) -> Limits:
        """Return the limits for a frame; a late frame gets the current ones."""
        with self._lock:
            if frame < self._frame:
                return self._limits._replace(is_new=False)
            elapsed_s = min(at_s - self._at_s, _LONGEST_GAP_S)
            self._limits = self._steady.follow(raw, elapsed_s=elapsed_s)
            self._frame, self._at_s = frame, at_s
            return self._limits


@dataclass(frozen=True)
class Frame:
    """A received frame.

    Attributes:
        number: in the stream; the first is 0.
        photo: JPEG, PNG or WebP.
        options: those at its arrival.
        range: the stream's.
        at_s: time of its arrival, of `time.perf_counter`.
    """

    number: int
    photo: bytes
    options: StreamOptions
    range: StreamRange
    at_s: float = field(default_factory=time.perf_counter)

    def make(self, raw: RawDepth) -> Picture:
        """Encode the network's output; runs in a worker."""
        return encode(raw, self.range.follow(self.number, self.at_s, raw), self.options)


@dataclass(frozen=True)
class Outcome:
    """Response to a frame.

    Attributes:
        message: the map, or a message about the error.
        kind: `done` or `failed`; None for a frame that was counted as dropped.
    """

    message: bytes | str
    kind: str | None


class StreamSession:
    """Submits frames to the engine as soon as there is capacity, and holds one waiting frame.

    As many frames as there are workers are in progress, at least two: with more, the delay would
    grow. If all are busy, or the next frame is not due yet, one waits, and a newer one replaces it.

    Args:
        engine: gives one reservation per frame.
        client: client of the reservations.
        dropped: called for each dropped frame.
    """

    def __init__(self, engine: InferenceEngine, client: str, dropped: Callable[[], None]) -> None:
        self._engine, self._client, self._dropped = engine, client, dropped
        self._waiting: deque[Frame] = deque()
        self._free = max(2, engine.options.worker_count)
        self._arrived = asyncio.Event()
        self._workers = asyncio.Semaphore(self._free)
        self._unsent = asyncio.Semaphore(self._free + UNSENT)
        self._order: asyncio.Queue[asyncio.Task[Outcome] | Outcome | None] = asyncio.Queue()
        self._open: set[asyncio.Task[Outcome]] = set()
        self._due_s = 0.0
        self._is_stopped = False

    def offer(self, frame: Frame) -> None:
        """Accept a frame; the oldest waiting one is dropped if there is no room."""
        if self._is_stopped:
            self._dropped()
            return
        self._waiting.append(frame)
        is_due = time.perf_counter() >= self._due_s
        if len(self._waiting) > max(1, self._free * is_due):
            self._waiting.popleft()
            self._dropped()
        self._arrived.set()

    def stop(self) -> None:
        """Accept no more frames; `next` returns those in progress, and then None."""
        if not self._is_stopped:
            self._is_stopped = True
            while self._waiting:
                self._waiting.popleft()
                self._dropped()
            self._order.put_nowait(None)

    async def run(self) -> None:
        """Submit frames, until stopped."""
        while not self._is_stopped:
            frame = await self._take()
            if frame is None:
                continue
            self._free -= 1
            try:
                reservation = self._engine.reserve(self._client)
            except BusyError as error:
                self._dropped()
                message = problem(error, frame=frame.number)
                self._order.put_nowait(Outcome(message, None))
                self._done()
            except DrainingError:
                self._dropped()
                self.stop()
            else:
                self._start(frame, reservation)

    async def next(self) -> Outcome | None:
        """Wait for the oldest frame in progress; call `sent` when its outcome has been sent.

        Returns:
            None after `stop`, when no frame is in progress any more.
        """
        item = await self._order.get()
        return await item if isinstance(item, asyncio.Task) else item

    def sent(self) -> None:
        """Record that an outcome was sent."""
        self._unsent.release()

    async def end(self) -> None:
        """Cancel the frames in progress."""
        tasks = tuple(self._open)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _take(self) -> Frame | None:
        """Wait for capacity, a frame and its due time; return the newest frame or None."""
        await self._unsent.acquire()
        await self._workers.acquire()
        await self._arrived.wait()
        await asyncio.sleep(max(0.0, self._due_s - time.perf_counter()))
        pause_s = 1 / self._engine.options.stream_fps
        self._due_s = max(self._due_s, time.perf_counter() - pause_s) + pause_s
        frame = self._waiting.popleft() if self._waiting else None
        if not self._waiting:
            self._arrived.clear()
        return frame

    def _start(self, frame: Frame, reservation: Reservation) -> None:
        task = asyncio.create_task(self._answer(frame, reservation))
        self._open.add(task)
        task.add_done_callback(self._open.discard)
        task.add_done_callback(lambda _: self._ended(reservation))  # even if it never started
        self._order.put_nowait(task)

    def _ended(self, reservation: Reservation) -> None:
        reservation.release()
        self._done()

    def _done(self) -> None:
        self._free += 1
        self._workers.release()

    async def _answer(self, frame: Frame, reservation: Reservation) -> Outcome:
        options = frame.options
        try:
            answer = await self._engine.raw(
                frame.photo,
                reservation=reservation,
                make=frame.make,
                model=options.model,
                input_size_px=options.input_size_px,
            )
        except Exception as error:  # noqa: BLE001 - sent to the client; the stream continues
            if refusal_of(error).slug in TOLD_IN_THE_LOG:
                FAULTS.exception("a frame of a stream failed")
            return Outcome(problem(error, frame=frame.number), "failed")
        total_ms = (time.perf_counter() - frame.at_s) * 1000
        message = answer.value.message(
            frame.number, infer_ms=answer.timing.infer_ms, total_ms=total_ms
        )
        return Outcome(message, "done")
