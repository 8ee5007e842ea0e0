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

    Every frame is a job in the queue of photos, with one client name for all clips. The queue
    serves clients round robin, so a photo waits for at most one frame, not for a clip. The
    number of a clip's frames in the queue is that of its reservations, at most half of the workers.

    Args:
        engine: whose workers run it.
        session: the network itself.
        reservations: of the engine, one or more; the caller releases them.
        loop: of the engine.
    """

    def __init__(
        self,
        engine: "InferenceEngine",
        session: Session,
        reservations: Sequence[Reservation],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.runtime = session.runtime
        self._engine, self._session, self._loop = engine, session, loop
        self._reservations: SimpleQueue[Reservation] = SimpleQueue()
        for reservation in reservations:
            self._reservations.put(reservation)
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
        reservation = self._reservations.get()
        try:
            return np.stack([self._one(frame[None], reservation) for frame in batch])
        finally:
            self._reservations.put(reservation)

    def cancel(self) -> None:
        """Cancel waiting frames, and refuse further ones."""
        with self._lock:
            self._is_cancelled = True
            for future in self._waited:
                future.cancel()

    def _one(self, frame: Batch, reservation: Reservation) -> RawDepth:
        with self._lock:
            if self._is_cancelled:
                raise CancelledError("the clip was cancelled")
            future = asyncio.run_coroutine_threadsafe(self._submit(frame, reservation), self._loop)
            self._waited.add(future)
        try:
            return future.result()
        except FutureCancelled:
            raise CancelledError("the clip was cancelled") from None
        finally:
            with self._lock:
                self._waited.discard(future)

    async def _submit(self, frame: Batch, reservation: Reservation) -> RawDepth:
        job = Job(self._session, prepare=lambda: frame, finish=lambda raw: raw)
        raw, _ = await self._engine.submit(job, reservation)
        return raw
