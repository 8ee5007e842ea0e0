"""The scheduler: admission control, a bounded queue fair to all clients, and worker threads."""

import asyncio
import logging
import math
import threading
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from functools import partial
from typing import Any, Final, Generic, TypeVar

from nearfar.errors import BusyError, DrainingError, InferenceError
from nearfar.service.worker import (
    Job,
    NullObserver,
    Observer,
    Outcome,
    Reservation,
    ReservationState,
    T,
    Task,
    Timing,
    call_in,
    work,
)

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
        """Take the first item of the next client in turn.

        Raises:
            LookupError: nothing waits.
        """
        for client, line in self._lines.items():
            item = line[0]
            self._out(client, item)
            if client in self._lines:
                self._lines.move_to_end(client)
            return item
        raise LookupError("nothing waits")

    def remove(self, client: str, item: Item) -> bool:
        """Remove an item from any position; return False if it is not here."""
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

    def _out(self, client: str, item: Item) -> None:
        line = self._lines[client]
        line.remove(item)
        self._count -= 1
        if not line:
            del self._lines[client]


_LONGEST_RETRY_S: Final = 60
_PACE_WEIGHT: Final = 0.1
"""Of the newest job in the mean time of a job, from which Retry-After is reckoned."""


class AdmissionControl:
    """Counts reservations by stage and by client. Not thread-safe by itself.

    Args:
        workers: jobs that are worked on at a time.
        queue: places beyond those that workers are free for.
        per_client: places that one client may hold.
    """

    def __init__(self, *, workers: int, queue: int, per_client: int) -> None:
        self._workers = workers
        self._queue = queue
        self._per_client = per_client
        self._stages: Counter[ReservationState] = Counter()
        self._held: Counter[str] = Counter()
        self._pace_s = 0.0

    def __getitem__(self, stage: ReservationState) -> int:
        return self._stages[stage]

    @property
    def is_empty(self) -> bool:
        """Whether every reservation was released."""
        return not self._held

    def refusal(self, client: str, *, idle: int) -> tuple[str, BusyError] | None:
        """Return why a client can't have a reservation, or None.

        Args:
            client: who asks.
            idle: workers that have nothing to do.

        Returns:
            The reason in a word, see `Observer`, and in a sentence.
        """
        inside = self._held.total()
        full = inside - self._stages[ReservationState.RUNNING] >= self._queue + idle
        if self._held[client] < self._per_client and not full:
            return None
        retry_after_s = math.ceil(inside * self._pace_s / self._workers)
        retry_after_s = min(max(1, retry_after_s), _LONGEST_RETRY_S)
        if full:
            reason = "queue-full"
            message = f"all {self._queue} places of the queue are taken"
        else:
            reason = "client-full"
            message = f"{self._per_client} requests of yours are here already"
        message += f": try again in {retry_after_s} s"
        return reason, BusyError(message, retry_after_s=retry_after_s)

    def enter(self, place: Reservation) -> None:
        """Count a new reservation."""
        self._stages[place.stage] += 1
        self._held[place.client] += 1

    def move(self, place: Reservation, stage: ReservationState) -> None:
        """Move a reservation to another stage; RELEASED is the last."""
        self._stages[place.stage] -= 1
        self._stages[stage] += 1
        place.stage = stage
        if stage is ReservationState.RELEASED:
            self._held[place.client] -= 1
            if not self._held[place.client]:  # the number of clients is unbounded
                del self._held[place.client]

    def took(self, seconds: float) -> None:
        """Record how long a worker took for a job."""
        weight = _PACE_WEIGHT if self._pace_s else 1
        self._pace_s += weight * (seconds - self._pace_s)


STOPPING: Final = "the service is stopping: try again when it is back"


class Queue:
    """Places and tasks, safe between the event loop and the worker threads.

    Nothing here takes longer than a look at what waits, except `take`, which is for workers.
    Arguments are those of `Scheduler`.
    """

    def __init__(self, *, workers: int, queue: int, per_client: int) -> None:
        self._workers = workers
        self._lock = threading.Condition()
        """Guards all below; notified when a task waits, or when all is over."""
        self._turns: FairQueue[Task[Any]] = FairQueue()
        self._ledger = AdmissionControl(workers=workers, queue=queue, per_client=per_client)
        self._awaited: dict[Reservation, Task[Any]] = {}
        """The task that a caller waits for, by its reservation."""
        self._at_work: set[Task[Any]] = set()
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
        """Make a reservation, or return the reason of a refusal, see `Observer`, and the error."""
        with self._lock:
            if self._draining:
                return "draining", DrainingError(STOPPING)
            idle = self._workers - len(self._at_work)
            if (refusal := self._ledger.refusal(client, idle=idle)) is not None:
                return refusal
            place = Reservation(client, self._release)
            self._ledger.enter(place)
            return place

    def put(self, task: Task[Any]) -> None:
        """Queue a task for a worker.

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

    def take(self) -> Task[Any] | None:
        """Wait for a task, for which the worker calls `end`; return None once closed."""
        with self._lock:
            while not self._turns:
                if self._closed:
                    return None
                self._lock.wait()
            task = self._turns.take()
            self._at_work.add(task)
            self._ledger.move(task.place, ReservationState.RUNNING)
            return task

    def end(self, task: Task[Any], *, took_s: float) -> None:
        """Record the end of a task, before its caller gets the outcome.

        Args:
            task: one that `take` gave.
            took_s: how long the worker has been at it.
        """
        with self._lock:
            self._at_work.remove(task)
            if task.place.stage is ReservationState.RUNNING:
                self._ledger.move(task.place, ReservationState.DONE)
            self._ledger.took(took_s)
            self._tell_if_quiet()

    def withdraw(self, task: Task[Any]) -> None:
        """Record that nobody waits for a task any longer."""
        with self._lock:
            task.dropped = True
            place = task.place
            if self._awaited.get(place) is task:
                del self._awaited[place]
                if place.stage is ReservationState.QUEUED:
                    self._turns.remove(place.client, task)
                    self._ledger.move(place, ReservationState.DONE)

    def stop_entry(self, when_quiet: Callable[[], None]) -> None:
        """Make no more reservations; call back once all are released and no task runs.

        Args:
            when_quiet: called from any thread, perhaps at once, perhaps more than once.
        """
        with self._lock:
            self._draining = True
            self._listeners.append(when_quiet)
            self._tell_if_quiet()

    def close(self) -> list[Task[Any]]:
        """Make `take` return None from now on; return the tasks that have not ended."""
        with self._lock:
            self._closed = True
            left = [*self._turns.clear(), *self._at_work]
            self._lock.notify_all()
            return left

    def _release(self, place: Reservation) -> None:
        with self._lock:
            if place.stage is ReservationState.RELEASED:
                return
            task = self._awaited.get(place)
            if task is not None:
                self.withdraw(task)
            self._ledger.move(place, ReservationState.RELEASED)
            self._tell_if_quiet()
        if task is not None:
            task.tell(RuntimeError("the place was given back while its job was under way"))

    def _tell_if_quiet(self) -> None:
        if self._ledger.is_empty and not self._at_work:
            for listener in self._listeners:
                listener()


_log = logging.getLogger(__name__)


class Scheduler:
    """A bounded queue and worker threads, which take one job each its whole way.

    Clients take turns. Threads begin with the first job, and end with `drain`.

    Args:
        workers: threads, and so runs of the network at a time.
        queue: places beyond those that workers are free for.
        per_client: places that one client may hold.
        observer: told of results and refusals.
    """

    def __init__(
        self,
        *,
        workers: int,
        queue: int,
        per_client: int,
        observer: Observer | None = None,
    ) -> None:
        self._queue = Queue(workers=workers, queue=queue, per_client=per_client)
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
        """Make a reservation for a request, before its body is read.

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
        """Run a job, and wait for it.

        When the wait is cancelled, a job that has not begun is never begun; of one that has,
        what is left is not done, and its result is dropped.

        Args:
            job: the work.
            place: of this scheduler; it may serve one job after the other.

        Raises:
            DrainingError: the deadline of `drain` came first.
            InferenceError: the job ended with what would have ended the whole service.
            Exception: whatever else the job raised.
        """
        task = Task(job, place)
        self._queue.put(task)
        try:
            self._start_workers()
            return await task.future
        finally:
            self._queue.withdraw(task)
            del task  # its future holds the error, whose traceback holds this frame

    async def drain(self, deadline_s: float) -> bool:
        """Refuse new requests, wait until all work has ended, and end the threads.

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

    def _start_workers(self) -> None:
        """Start the threads that do not run yet."""
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
        """Run the next task, to which no reference remains; return False when there is none."""
        task = self._queue.take()
        if task is not None:
            try:
                self._work_on(task)
            except BaseException:  # noqa: BLE001 - whatever it is, the worker outlives it
                _log.exception("a worker failed, and goes on")
        return task is not None

    def _work_on(self, task: Task[Any]) -> None:
        """Run a task, and set its outcome, even if the scheduler itself fails."""
        start_s = time.perf_counter()
        outcome: Outcome | None = InferenceError("the service failed on this picture: try again")
        try:
            outcome = work(task)
        finally:
            self._queue.end(task, took_s=time.perf_counter() - start_s)
            if outcome is not None:
                task.tell(outcome)
        if isinstance(outcome, tuple):
            self._observer.done(outcome[1])
