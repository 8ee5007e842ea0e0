"""Run the network of a clip in the workers that photos use."""

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import CancelledError as FutureCancelled
from concurrent.futures import Future
from queue import SimpleQueue
from typing import TYPE_CHECKING

import numpy as np

from nearfar.errors import CancelledError
from nearfar.runtimes.base import Batch, RawDepth, Session
from nearfar.service.worker import Job, Reservation

if TYPE_CHECKING:
    from nearfar.service.engine import InferenceEngine


class ClipSession:
    """A `Session` for the threads of one clip.

    Every frame is a job of its own in the one queue that photos wait in, under one client's name
    for all clips. Clients take turns there, so that a photo waits for the one frame that a worker
    has just begun, and not for a clip; and a clip has only as many frames there at once as it was
    given places, which is half of the workers at most.

    Args:
        engine: whose workers run it.
        session: the network itself.
        places: of the engine, one or more; who made this gives them back.
        loop: of the engine.
    """

    def __init__(
        self,
        engine: "InferenceEngine",
        session: Session,
        places: Sequence[Reservation],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.runtime = session.runtime
        self._engine, self._session, self._loop = engine, session, loop
        self._places: SimpleQueue[Reservation] = SimpleQueue()
        for place in places:
            self._places.put(place)
        self._lock = threading.Lock()
        self._waited: set[Future[RawDepth]] = set()
        self._is_cancelled = False

    def run(self, batch: Batch) -> RawDepth:
        """Run the network; see `Session.run`. Not from the engine's event loop.

        Raises:
            CancelledError: `cancel` was called.
            DrainingError: the service stopped.
            InferenceError: the network failed.
        """
        place = self._places.get()
        try:
            return np.stack([self._one(frame[None], place) for frame in batch])
        finally:
            self._places.put(place)

    def cancel(self) -> None:
        """End what waits, and let nothing begin."""
        with self._lock:
            self._is_cancelled = True
            for future in self._waited:
                future.cancel()

    def _one(self, frame: Batch, place: Reservation) -> RawDepth:
        with self._lock:
            if self._is_cancelled:
                raise CancelledError("the clip was given up")
            future = asyncio.run_coroutine_threadsafe(self._submit(frame, place), self._loop)
            self._waited.add(future)
        try:
            return future.result()
        except FutureCancelled:
            raise CancelledError("the clip was given up") from None
        finally:
            with self._lock:
                self._waited.discard(future)

    async def _submit(self, frame: Batch, place: Reservation) -> RawDepth:
        job = Job(self._session, prepare=lambda: frame, finish=lambda raw: raw)
        raw, _ = await self._engine.submit(job, place)
        return raw
