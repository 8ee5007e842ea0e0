"""The bounded queue and the threads that work on it."""

import asyncio
import logging
import threading
import time
from collections.abc import Sequence
from functools import partial
from typing import Any

from nearfar.errors import DrainingError, InferenceError
from nearfar.service.job import Job, Observer, T, Timing, Unobserved
from nearfar.service.place import Place
from nearfar.service.queue import STOPPING, Queue
from nearfar.service.task import Outcome, Task, call_in
from nearfar.service.work import work

__all__ = ["Batcher", "Job", "Observer", "Place", "Timing"]

_log = logging.getLogger(__name__)


class Batcher:
    """A bounded queue and worker threads, which take one job each its whole way.

    Clients take turns. A worker that takes a job takes others of the same session and shape
    along, up to `max_batch`, where they are there. It waits for them only while every worker
    is busy (an idle one would do better to begin at once) and a request is on its way whose
    place is taken already: a lone request never waits.

    Threads begin with the first job, and end with `drain`.

    Args:
        workers: threads, and so runs of the network at a time.
        queue: places beyond those that workers are free for.
        per_client: places that one client may hold.
        max_batch: jobs that run together.
        max_wait_ms: how long after its submission a job may be held back for others.
        observer: told of runs, results and refusals.
    """

    def __init__(
        self,
        *,
        workers: int,
        queue: int,
        per_client: int,
        max_batch: int = 1,
        max_wait_ms: float = 2.0,
        observer: Observer | None = None,
    ) -> None:
        self._queue = Queue(
            workers=workers,
            queue=queue,
            per_client=per_client,
            max_batch=max_batch,
            max_wait_ms=max_wait_ms,
        )
        self._observer = observer or Unobserved()
        self._workers = workers
        self._threads: list[threading.Thread] = []
        self._beginning = threading.Lock()

    @property
    def waiting(self) -> int:
        """Places whose job has not begun, those without a job yet among them."""
        return self._queue.waiting

    @property
    def running(self) -> int:
        """Jobs in the hands of a worker, those nobody waits for any longer among them."""
        return self._queue.running

    def reserve(self, client: str) -> Place:
        """Take a place for a request, before its body is read.

        Raises:
            BusyError: no place left, or this client holds too many.
            DrainingError: `drain` was called.
        """
        entered = self._queue.enter(client)
        if isinstance(entered, Place):
            return entered
        reason, error = entered
        self._observer.refused(reason)
        raise error

    async def submit(self, job: Job[T], place: Place) -> tuple[T, Timing]:
        """Have a job done, and wait for it.

        When the wait is cancelled, a job that has not begun is never begun; of one that has,
        what is left is not done, and its result is dropped.

        Args:
            job: the work.
            place: of this batcher; it may serve one job after the other.

        Raises:
            DrainingError: the deadline of `drain` came first.
            InferenceError: the job ended with what would have ended the whole service.
            Exception: whatever else the job raised.
        """
        task = Task(job, place)
        self._queue.put(task)
        try:
            self._call_worker(task)
            return await task.future
        finally:
            self._queue.withdraw(task)
            del task  # its future holds the error, whose traceback holds this frame

    async def drain(self, deadline_s: float) -> bool:
        """Take no new places, wait until all are given back and all work ended, end the threads.

        Returns:
            Whether all was done before the deadline. What was not, ends with DrainingError.
        """
        quiet = asyncio.Event()
        self._queue.stop_entry(partial(call_in, asyncio.get_running_loop(), quiet.set))
        waiting = asyncio.ensure_future(quiet.wait())
        try:
            await asyncio.wait({waiting}, timeout=deadline_s)
        finally:
            waiting.cancel()
        for task in self._queue.close():
            task.tell(DrainingError(STOPPING))
        if quiet.is_set():  # all are idle and end at once; else one may hang, and is left behind
            for thread in self._threads:
                thread.join()
        return quiet.is_set()

    def _call_worker(self, _: Task[Any]) -> None:
        """See to it that someone works on a task that was put into the queue."""
        with self._beginning:
            while len(self._threads) < self._workers:
                name = f"nearfar-worker-{len(self._threads) + 1}"
                thread = threading.Thread(target=self._serve, name=name, daemon=True)
                thread.start()
                self._threads.append(thread)

    def _serve(self) -> None:
        while self._serve_once():
            pass

    def _serve_once(self) -> bool:
        """Work on what is next; nothing of it outlives this call. False: there is no next."""
        tasks = self._queue.take()
        self._work_on(tasks)
        return bool(tasks)

    def _work_on(self, tasks: Sequence[Task[Any]]) -> None:
        """Work on tasks that are alike, in a worker's thread, up to the end of each."""
        start_s = time.perf_counter()
        left = set(tasks)

        def end(task: Task[Any], outcome: Outcome | None) -> None:
            left.remove(task)
            took_s = (time.perf_counter() - start_s) / len(tasks)
            self._queue.end(task, last=not left, took_s=took_s)
            if outcome is not None:
                task.tell(outcome)

        try:
            for task, outcome in work(tasks, self._observer):
                end(task, outcome)
        except BaseException:  # noqa: BLE001 - no job raises here; whatever it is, none may hang
            _log.exception("a worker failed, and goes on")
            for task in tuple(left):
                end(task, InferenceError("the service failed on this picture: try again"))
