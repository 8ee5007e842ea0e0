"""The manager of video jobs: queue, rendering, and temporary storage of results."""

import asyncio
import shutil
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, Final

from nearfar.errors import BusyError, CancelledError, DrainingError, UnknownModelError
from nearfar.io.run_folder import run_folder
from nearfar.service.engine import InferenceEngine
from nearfar.service.errors import TOLD_IN_THE_LOG
from nearfar.service.observability import FAULTS
from nearfar.service.scheduler import FairQueue
from nearfar.service.videos.inspect import read_facts, try_out
from nearfar.service.videos.network import ClipSession
from nearfar.service.videos.process import render_apart
from nearfar.service.videos.store import Slot, VideoJob, VideoStore, new_id
from nearfar.service.worker import Reservation
from nearfar.video.pipeline import ClipOrder

CLIPS: Final = "clips"
"""Client name under which all clips together share the queue with photos."""

_LONGEST_TICK_S: Final = 1.0
_PLACE_S: Final = 0.5


class VideoManager:
    """Queues clips, and renders them with the workers of an `InferenceEngine`.

    For one event loop. Clients are served round robin. Cancelled and abandoned jobs end after the
    current frame, and leave no file.

    Args:
        engine: provides the models and runs them; its settings apply here, too.
    """

    def __init__(self, engine: InferenceEngine) -> None:
        self.options = engine.options
        self._engine = engine
        self._store = VideoStore(self.options)
        self._turns: FairQueue[VideoJob] = FairQueue()
        self._sessions: dict[VideoJob, ClipSession] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._at_work = 0
        self._threads = ThreadPoolExecutor(self.options.clips, "nearfar-clip")
        self._folder: Path | None = None
        self._watch: asyncio.Task[None] | None = None
        self._is_draining = False

    def reserve(self, client: str, most_bytes: int | None = None) -> Slot:
        """Reserve a slot for a clip, before its body is read.

        Args:
            client: its client.
            most_bytes: size of the body, as declared.

        Raises:
            BusyError: too many clips are waiting, or this client has too many.
            DrainingError: not started, or stopping.
            RefusedError: there may be not enough space on the disk.
        """
        if self._is_draining or not self._engine.ready:
            raise DrainingError("the service is starting or stopping: try again in a moment")
        if self._folder is None:
            self._folder = run_folder("clips")
        most_bytes = self.options.clip_bytes if most_bytes is None else most_bytes
        return self._store.slot(client, most_bytes, self._folder / new_id())

    async def check_model(self, name: str | None) -> None:
        """Refuse a model that is not installed, before a job is created.

        Raises:
            UnknownModelError: it is not installed.
        """
        installed = await asyncio.to_thread(self._engine.models)
        if name not in {None, "auto", *(each.name for each in installed)}:
            raise UnknownModelError(f"no model {name!r} is installed")

    async def accept(
        self,
        slot: Slot,
        order: ClipOrder,
        *,
        stem: str,
        request_id: str,
        root: Path | None = None,
        patience_s: float | None = None,
    ) -> VideoJob:
        """Create a job for a received clip.

        Args:
            slot: of `reserve`; the clip is at its path.
            order: description of the job.
            stem: of the clip's name.
            request_id: its id in the log.
            root: folder in which the result's folder is created; default: the engine's.
            patience_s: time without requests after which it is cancelled; default: from the
                settings.

        Raises:
            VideoError: not a clip, or too large.
            ProcessError: the decoder crashed, or exceeded its limits of time or memory.
            RefusedError: its options fail on any frame.
            MissingExtraError: PyAV is not installed.
        """
        await asyncio.to_thread(try_out, order)
        facts = await asyncio.to_thread(read_facts, slot.path, self.options)
        if self._is_draining:
            raise DrainingError("the service is stopping: try again after its restart")
        folder = (root or slot.path.parent) / new_id()
        folder.mkdir(mode=0o700)
        job = VideoJob(
            *(new_id(), slot.client, request_id, stem, order, slot.path, folder, facts),
            patience_s=patience_s or self.options.clip_patience_s,
            size_bytes=slot.path.stat().st_size,
        )
        slot.is_taken = True
        self._store.put(job)
        self._turns.put(job.client, job)
        self._begin()
        if self._watch is None:
            self._watch = asyncio.create_task(self._look_after())
        return job

    def find(self, id: str) -> VideoJob:
        """Return a job, and postpone its cancellation.

        Raises:
            RefusedError: no such job.
        """
        return self._store.find(id)

    def ahead(self, job: VideoJob) -> int:
        """Return the number of clips before a waiting one."""
        return self._store.open.index(job) if job.state == "waiting" else 0

    async def remove(self, job: VideoJob) -> None:
        """Cancel a job if it is open, and delete it and its files."""
        self._store.drop(job)
        self._cancel(job)
        if job.ended_s is not None:
            await asyncio.to_thread(job.delete)

    async def drain(self) -> bool:
        """Refuse new jobs, cancel the open ones, and delete all files.

        Returns:
            Whether every thread stopped within `options.drain_s`.
        """
        self._is_draining = True
        if self._watch is not None:
            self._watch.cancel()
        for job in self._store.open:
            self._cancel(job)
        if self._tasks:
            await asyncio.wait(tuple(self._tasks), timeout=self.options.drain_s)
        self._threads.shutdown(wait=False, cancel_futures=True)
        for job in self._store:
            await self.remove(job)
        if self._folder is not None:
            await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)
        return not self._tasks

    def _cancel(self, job: VideoJob) -> None:
        job.cancelled.set()
        if job in self._sessions:
            self._sessions[job].cancel()
        if self._turns.remove(job.client, job):
            job.fail(CancelledError("cancelled before its start"))
            self._store.end(job)
            self._start(asyncio.to_thread(job.delete))

    def _begin(self) -> None:
        while self._turns and self._at_work < self.options.clips:
            self._at_work += 1
            self._start(self._work(self._turns.take()))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work(self, job: VideoJob) -> None:
        job.state = "running"
        try:
            with ExitStack() as reservations:
                await self._render(job, await self._reservations(job, reservations))
            job.state = "done"
        except Exception as error:  # noqa: BLE001 - reported in the state of the clip
            if job.cancelled.is_set():  # whichever error that caused
                job.fail(CancelledError("given up"))
            elif job.fail(error).slug in TOLD_IN_THE_LOG:
                FAULTS.error("the clip of request %s failed", job.request_id, exc_info=error)
        old = self._store.end(job)
        self._sessions.pop(job, None)
        if job.state == "done" and self._store.holds(job):
            await asyncio.to_thread(job.let_clip_go)
        else:
            await asyncio.to_thread(job.delete)
        for each in old:
            await asyncio.to_thread(each.delete)
        self._at_work -= 1
        self._begin()

    async def _render(self, job: VideoJob, reservations: list[Reservation]) -> None:
        loop = asyncio.get_running_loop()
        loaded = await self._engine.model(job.order.model, "stream")
        job.model = loaded.spec.name
        session = ClipSession(self._engine, loaded.session, reservations, loop)
        self._sessions[job] = session
        if job.cancelled.is_set():
            session.cancel()
        work = partial(
            render_apart,
            job,
            loaded.spec,
            session,
            self.options,
            workers=len(reservations),
            has_room=lambda: self._store.has_room,
        )
        warnings = await loop.run_in_executor(self._threads, work)
        job.warnings = tuple(job.cleaned(each) for each in warnings)

    async def _reservations(self, job: VideoJob, stack: ExitStack) -> list[Reservation]:
        """Wait for reservations for half of the workers, at least one."""
        reservations: list[Reservation] = []
        while len(reservations) < max(1, self.options.worker_count // (2 * self.options.clips)):
            if job.cancelled.is_set():
                raise CancelledError("the clip was cancelled")
            try:
                reservations.append(stack.enter_context(self._engine.reserve(CLIPS)))
            except BusyError:
                if reservations:
                    break
                await asyncio.sleep(_PLACE_S)
        return reservations

    async def _look_after(self) -> None:
        """Cancel abandoned jobs, and delete expired results."""
        options = self.options
        tick_s = min(_LONGEST_TICK_S, options.clip_keep_s / 2, options.clip_patience_s / 2)
        while True:
            await asyncio.sleep(tick_s)
            for job in self._store.abandoned():
                self._cancel(job)
            for job in self._store.expired():
                await self.remove(job)
