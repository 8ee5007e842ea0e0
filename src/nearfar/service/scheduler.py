"""The scheduler: one bounded queue in which clients take turns, and the worker threads."""

import asyncio
import logging
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, Generic, Protocol, TypeVar

from nearfar.errors import BusyError, DrainingError, InferenceError
from nearfar.service.admission import AdmissionControl, Reservation, ReservationState
from nearfar.service.worker import (
    Job,
    NullObserver,
    Observer,
    Outcome,
    T,
    Task,
    Timing,
    call_in,
    work,
)


class JobRunner(Protocol):
    """What a desk hands its jobs to: a `Scheduler`, or what stands in its place."""

    @property
    def waiting(self) -> int:
        """Places whose job has not begun, those without a job yet among them."""

    @property
    def running(self) -> int:
        """Jobs in the hands of a worker."""

    def reserve(self, client: str) -> Reservation:
        """Take a place; see `Scheduler.reserve`."""

    async def submit(self, job: Job[T], place: Reservation) -> tuple[T, Timing]:
        """Have a job done, and wait for it; see `Scheduler.submit`."""

    async def drain(self, deadline_s: float) -> bool:
        """Finish what was taken, and take no more; see `Scheduler.drain`."""


Item = TypeVar("Item")


class FairQueue(Generic[Item]):
    """A line for each client, served round robin: who has much waiting holds nobody up.

    Not safe between threads by itself.
    """

    def __init__(self) -> None:
        self._lines: OrderedDict[str, deque[Item]] = OrderedDict()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def put(self, client: str, item: Item) -> None:
        """Put an item at the end of its client's line."""
        self._lines.setdefault(client, deque()).append(item)
        self._count += 1

    def take(self) -> Item:
        """Take the first of the client whose turn it is; who is next in turn, goes next.

        Raises:
            LookupError: nothing waits.
        """
        for client, line in self._lines.items():
            return self._taken(client, line[0])
        raise LookupError("nothing waits")

    def take_like(self, wanted: Callable[[Item], bool]) -> Item | None:
        """Take the first that is wanted, in the order of turns; None when none is."""
        for client, line in self._lines.items():
            for item in line:
                if wanted(item):
                    return self._taken(client, item)
        return None

    def remove(self, client: str, item: Item) -> bool:
        """Take an item out, wherever it stands; False when it is not here."""
        line = self._lines.get(client)
        if line is None or item not in line:
            return False
        self._out(client, item)
        return True

    def clear(self) -> list[Item]:
        """Take everything out."""
        items = [item for line in self._lines.values() for item in line]
        self._lines.clear()
        self._count = 0
        return items

    def _taken(self, client: str, item: Item) -> Item:
        self._out(client, item)
        if client in self._lines:
            self._lines.move_to_end(client)
        return item

    def _out(self, client: str, item: Item) -> None:
        line = self._lines[client]
        line.remove(item)
        self._count -= 1
        if not line:
            del self._lines[client]


STOPPING: Final = "the service is stopping: try again when it is back"


class Queue:
    """Places and tasks, safe between the event loop and the worker threads.

    Nothing here takes longer than a look at what waits, except `take`, which is for workers.
    Arguments are those of `Scheduler`.
    """

    def __init__(
        self, *, workers: int, queue: int, per_client: int, max_batch: int, max_wait_ms: float
    ) -> None:
        self._workers = workers
        self._max_batch = max_batch
        self._max_wait_s = max_wait_ms / 1000
        lock = threading.RLock()
        self._lock = threading.Condition(lock)
        """Guards all below; notified when a task waits, or when all is over."""
        self._change = threading.Condition(lock)
        """Notified when a batch that is being gathered may have to be looked at again."""
        self._turns: FairQueue[Task[Any]] = FairQueue()
        self._ledger = AdmissionControl(workers=workers, queue=queue, per_client=per_client)
        self._awaited: dict[Reservation, Task[Any]] = {}
        """The task that someone waits for, by its place."""
        self._at_work: set[Task[Any]] = set()
        self._busy = 0
        self._listeners: list[Callable[[], None]] = []
        self._draining = False
        self._closed = False

    @property
    def waiting(self) -> int:
        """Places whose task has not begun, those without a task yet among them."""
        with self._lock:
            return self._ledger[ReservationState.RESERVED] + self._ledger[ReservationState.QUEUED]

    @property
    def running(self) -> int:
        """Tasks in the hands of a worker."""
        with self._lock:
            return len(self._at_work)

    def enter(self, client: str) -> Reservation | tuple[str, BusyError | DrainingError]:
        """Take a place, or give the reason why not: in a word, see `Observer`, and to raise."""
        with self._lock:
            if self._draining:
                return "draining", DrainingError(STOPPING)
            idle = self._workers - self._busy
            if (refusal := self._ledger.refusal(client, idle=idle)) is not None:
                return refusal
            place = Reservation(client, self._release)
            self._ledger.enter(place)
            return place

    def put(self, task: Task[Any]) -> None:
        """Let a task wait for a worker.

        Raises:
            DrainingError: `close` was called.
            RuntimeError: its place has another task, or was given back.
        """
        with self._lock:
            if self._closed:
                raise DrainingError(STOPPING)
            place = task.place
            if place.stage not in {ReservationState.RESERVED, ReservationState.DONE}:
                raise RuntimeError(f"a place that is {place.stage.name} can't take a job")
            self._awaited[place] = task
            self._ledger.move(place, ReservationState.QUEUED)
            self._turns.put(place.client, task)
            self._lock.notify()
            self._change.notify_all()

    def take(self) -> list[Task[Any]]:
        """Wait for tasks that go together, and hand them to this worker; none when all is over.

        The worker owes an `end` for each.
        """
        with self._lock:
            while not self._turns:
                if self._closed:
                    return []
                self._lock.wait()
            self._busy += 1
            first = self._turns.take()
            tasks = [self._begun(first)]
            until_s = first.submitted_s + self._max_wait_s
            while len(tasks) < self._max_batch:
                if (more := self._turns.take_like(first.is_like)) is not None:
                    tasks.append(self._begun(more))
                    continue
                left_s = until_s - time.perf_counter()
                if left_s <= 0 or not self._is_worth_waiting():
                    break
                self._change.wait(left_s)
            return tasks

    def begin(self, tasks: Sequence[Task[Any]]) -> list[Task[Any]]:
        """Hand a worker tasks that someone else put together, in the place of `take`.

        Returns:
            Those that still wait; the worker owes an `end` for each.
        """
        with self._lock:
            begun = [
                self._begun(task) for task in tasks if self._turns.remove(task.place.client, task)
            ]
            self._busy += bool(begun)
            return begun

    def end(self, task: Task[Any], *, last: bool, took_s: float) -> None:
        """Note that a worker is done with a task, before whoever waits is told.

        Args:
            task: one that `take` gave.
            last: the worker has none left, and is free.
            took_s: how long it has been at the tasks it took.
        """
        with self._lock:
            self._at_work.remove(task)
            if task.place.stage is ReservationState.RUNNING:
                self._ledger.move(task.place, ReservationState.DONE)
            if last:
                self._busy -= 1
                self._ledger.took(took_s)
                self._change.notify_all()
                self._tell_if_quiet()

    def withdraw(self, task: Task[Any]) -> None:
        """Note that nobody waits for a task any longer."""
        with self._lock:
            task.dropped = True
            place = task.place
            if self._awaited.get(place) is task:
                del self._awaited[place]
                if place.stage is ReservationState.QUEUED:
                    self._turns.remove(place.client, task)
                    self._ledger.move(place, ReservationState.DONE)

    def stop_entry(self, when_quiet: Callable[[], None]) -> None:
        """Give no more places; call back once all are given back and no worker has a task.

        Args:
            when_quiet: called from any thread, perhaps at once, perhaps more than once.
        """
        with self._lock:
            self._draining = True
            self._listeners.append(when_quiet)
            self._tell_if_quiet()

    def close(self) -> list[Task[Any]]:
        """Have `take` give nothing more; give the tasks that have not ended."""
        with self._lock:
            self._closed = True
            left = [*self._turns.clear(), *self._at_work]
            self._lock.notify_all()
            self._change.notify_all()
            return left

    def _is_worth_waiting(self) -> bool:
        on_the_way = self._ledger[ReservationState.RESERVED] > 0
        return on_the_way and self._busy == self._workers and not self._closed

    def _begun(self, task: Task[Any]) -> Task[Any]:
        self._at_work.add(task)
        self._ledger.move(task.place, ReservationState.RUNNING)
        return task

    def _release(self, place: Reservation) -> None:
        with self._lock:
            if place.stage is ReservationState.RELEASED:
                return
            task = self._awaited.get(place)
            if task is not None:
                self.withdraw(task)
            self._ledger.move(place, ReservationState.RELEASED)
            self._change.notify_all()
            self._tell_if_quiet()
        if task is not None:
            task.tell(RuntimeError("the place was given back while its job was under way"))

    def _tell_if_quiet(self) -> None:
        if self._ledger.is_empty and not self._busy:
            for listener in self._listeners:
                listener()


_log = logging.getLogger(__name__)


class Scheduler:
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
        self._observer = observer or NullObserver()
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

    def reserve(self, client: str) -> Reservation:
        """Take a place for a request, before its body is read.

        Raises:
            BusyError: no place left, or this client holds too many.
            DrainingError: `drain` was called.
        """
        entered = self._queue.enter(client)
        if isinstance(entered, Reservation):
            return entered
        reason, error = entered
        self._observer.refused(reason)
        raise error

    async def submit(self, job: Job[T], place: Reservation) -> tuple[T, Timing]:
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
