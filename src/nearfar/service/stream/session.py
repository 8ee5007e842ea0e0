"""Frames of one live stream on their way through the engine: the newest wins, answers in order."""

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
"""Answers of one stream that are there and wait for a slow client; no more is begun for it then."""

_LONGEST_GAP_S: Final = 1.0
_UNKNOWN: Final = Limits(0, 0, is_new=True)


@dataclass
class StreamRange:
    """The steady range of one stream and model; thread-safe."""

    _steady: SteadyRange = field(default_factory=SteadyRange)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _frame: int = -1
    _at_s: float = 0.0
    _limits: Limits = _UNKNOWN

    def follow(self, frame: int, at_s: float, raw: RawDepth) -> Limits:
        """Return the limits for a frame; a late frame gets the present ones."""
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
        number: of the stream's frames; the first is 0.
        photo: JPEG, PNG or WebP.
        options: those in force when it came.
        range: the stream's.
        at_s: when it came, of `time.perf_counter`.
    """

    number: int
    photo: bytes
    options: StreamOptions
    range: StreamRange
    at_s: float = field(default_factory=time.perf_counter)

    def make(self, raw: RawDepth) -> Picture:
        """Encode the network's answer; runs in a worker."""
        return encode(raw, self.range.follow(self.number, self.at_s, raw), self.options)


@dataclass(frozen=True)
class Outcome:
    """What is sent for a frame.

    Attributes:
        message: the answer, or in words why there is none.
        kind: `done` or `failed`; None for a frame that was counted as dropped.
    """

    message: bytes | str
    kind: str | None


class StreamSession:
    """Hands frames to the engine as soon as there is room, and holds no more than find room.

    As many are at work as there are workers, and no less than two: more would grow old in the
    queue. Where all is busy, or no frame is due yet, one waits and gives way to a newer one.

    Args:
        engine: gives one place a frame.
        client: whose places they are.
        dropped: called for each frame that gave way, to a newer one or because all was busy.
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
        """Accept no more frames; `next` returns those under way, and then None."""
        if not self._is_stopped:
            self._is_stopped = True
            while self._waiting:
                self._waiting.popleft()
                self._dropped()
            self._order.put_nowait(None)

    async def run(self) -> None:
        """Hand over frames, until stopped."""
        while not self._is_stopped:
            frame = await self._take()
            if frame is None:
                continue
            self._free -= 1
            try:
                place = self._engine.reserve(self._client)
            except BusyError as error:
                self._dropped()
                told = problem(error, frame=frame.number)
                self._order.put_nowait(Outcome(told, None))
                self._done()
            except DrainingError:
                self._dropped()
                self.stop()
            else:
                self._start(frame, place)

    async def next(self) -> Outcome | None:
        """Wait for the oldest frame under way; call `sent` when its outcome has been sent.

        Returns:
            None when the pump was stopped and nothing is under way any more.
        """
        item = await self._order.get()
        return await item if isinstance(item, asyncio.Task) else item

    def sent(self) -> None:
        """Tell that the client has an outcome."""
        self._unsent.release()

    async def end(self) -> None:
        """Cancel what is under way."""
        tasks = tuple(self._open)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _take(self) -> Frame | None:
        """Wait for room, for a frame, and for its time; only then choose one. None: stopped."""
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

    def _start(self, frame: Frame, place: Reservation) -> None:
        task = asyncio.create_task(self._answer(frame, place))
        self._open.add(task)
        task.add_done_callback(self._open.discard)
        task.add_done_callback(lambda _: self._ended(place))  # also when it never began
        self._order.put_nowait(task)

    def _ended(self, place: Reservation) -> None:
        place.release()
        self._done()

    def _done(self) -> None:
        self._free += 1
        self._workers.release()

    async def _answer(self, frame: Frame, place: Reservation) -> Outcome:
        options = frame.options
        try:
            answer = await self._engine.raw(
                frame.photo,
                place=place,
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
