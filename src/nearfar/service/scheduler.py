"""The scheduler: admission control, a bounded and fair queue, and worker threads."""

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
    """One queue per client, served round robin, so that no client delays the others.

    Not thread-safe.
    """

    def __init__(self) -> None:
        self._lines: OrderedDict[str, deque[Item]] = OrderedDict()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def put(self, client: str, item: Item) -> None:
        """Append an item to its client's queue."""
        self._lines.setdefault(client, deque()).append(item)
        self._count += 1

    def take(self) -> Item:
        """Remove and return the first item of the next client.

        Raises:
            LookupError: the queue is empty.
        """
        for client, line in self._lines.items():
            item = line[0]
            self._pop(client, item)
            if client in self._lines:
                self._lines.move_to_end(client)
            return item
        raise LookupError("the queue is empty")

    def remove(self, client: str, item: Item) -> bool:
        """Remove an item from any position; return False if it is not queued."""
        line = self._lines.get(client)
        if line is None or item not in line:
            return False
        self._pop(client, item)
        return True

    def clear(self) -> list[Item]:
        """Remove and return all items."""
        items = [item for line in self._lines.values() for item in line]
        self._lines.clear()
        self._count = 0
        return items

    def _pop(self, client: str, item: Item) -> None:
        line = self._lines[client]
        line.remove(item)
        self._count -= 1
        if not line:
            del self._lines[client]


_LONGEST_RETRY_S: Final = 60
_PACE_WEIGHT: Final = 0.1
"""Weight of the newest job in the mean duration, from which Retry-After is computed."""


class AdmissionControl:
    """Counts reservations by stage and by client. Not thread-safe.

    Args:
        workers: number of jobs processed at a time.
        queue: maximum number of waiting reservations.
        per_client: maximum number of reservations of one client.
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
        """Return the reason to refuse a reservation, or None.

        Args:
            client: the client.
            idle: number of idle workers.

        Returns:
            The reason as a keyword, see `Observer`, and as a sentence.
        """
        inside = self._held.total()
        full = inside - self._stages[ReservationState.RUNNING] >= self._queue + idle
        if self._held[client] < self._per_client and not full:
            return None
        retry_after_s = math.ceil(inside * self._pace_s / self._workers)
        retry_after_s = min(max(1, retry_after_s), _LONGEST_RETRY_S)
        if full:
            reason = "queue-full"
            message = f"the queue is full ({self._queue} requests)"
        else:
            reason = "client-full"
            message = f"you have {self._per_client} requests already"
        message += f": try again in {retry_after_s} s"
        return reason, BusyError(message, retry_after_s=retry_after_s)

    def enter(self, reservation: Reservation) -> None:
        """Count a new reservation."""
        self._stages[reservation.stage] += 1
        self._held[reservation.client] += 1

    def move(self, reservation: Reservation, stage: ReservationState) -> None:
        """Move a reservation to another stage; RELEASED is the last."""
        self._stages[reservation.stage] -= 1
        self._stages[stage] += 1
        reservation.stage = stage
        if stage is ReservationState.RELEASED:
            self._held[reservation.client] -= 1
            if not self._held[reservation.client]:  # the number of clients is unbounded
                del self._held[reservation.client]

    def record_duration(self, seconds: float) -> None:
        """Record the duration of a job."""
        weight = _PACE_WEIGHT if self._pace_s else 1
        self._pace_s += weight * (seconds - self._pace_s)


STOPPING: Final = "the service is stopping: try again after its restart"


class Queue:
    """Reservations and tasks, shared by the event loop and the worker threads.

    No method blocks, except `take`, which is for workers. Arguments are those of `Scheduler`.
    """

    def __init__(self, *, workers: int, queue: int, per_client: int) -> None:
        self._workers = workers
        self._lock = threading.Condition()
        """Guards all below; notified when a task is queued, and when the queue is closed."""
        self._fair_queue: FairQueue[Task[Any]] = FairQueue()
        self._admission = AdmissionControl(workers=workers, queue=queue, per_client=per_client)
        self._awaited: dict[Reservation, Task[Any]] = {}
        """Task by reservation, while a caller waits for it."""
        self._at_work: set[Task[Any]] = set()
        self._listeners: list[Callable[[], None]] = []
        self._draining = False
        self._closed = False

    @property
    def waiting(self) -> int:
        """Reservations whose task has not started, including those without a task."""
        with self._lock:
            return (
                self._admission[ReservationState.RESERVED]
                + self._admission[ReservationState.QUEUED]
            )

    @property
    def running(self) -> int:
        """Running tasks."""
        with self._lock:
            return len(self._at_work)

    def enter(self, client: str) -> Reservation | tuple[str, BusyError | DrainingError]:
        """Create a reservation, or return the reason, see `Observer`, and error of a refusal."""
        with self._lock:
            if self._draining:
                return "draining", DrainingError(STOPPING)
            idle = self._workers - len(self._at_work)
            if (refusal := self._admission.refusal(client, idle=idle)) is not None:
                return refusal
            reservation = Reservation(client, self._release)
            self._admission.enter(reservation)
            return reservation

    def put(self, task: Task[Any]) -> None:
        """Queue a task for a worker.

        Raises:
            DrainingError: `close` was called.
            RuntimeError: its reservation has another task, or was released.
        """
        with self._lock:
            if self._closed:
                raise DrainingError(STOPPING)
            reservation = task.reservation
            if reservation.stage not in {ReservationState.RESERVED, ReservationState.DONE}:
                raise RuntimeError(
                    f"a reservation that is {reservation.stage.name} can't take a job"
                )
            self._awaited[reservation] = task
            self._admission.move(reservation, ReservationState.QUEUED)
            self._fair_queue.put(reservation.client, task)
            self._lock.notify()

    def take(self) -> Task[Any] | None:
        """Wait for a task, for which the worker must call `end`; return None once closed."""
        with self._lock:
            while not self._fair_queue:
                if self._closed:
                    return None
                self._lock.wait()
            task = self._fair_queue.take()
            self._at_work.add(task)
            self._admission.move(task.reservation, ReservationState.RUNNING)
            return task

    def end(self, task: Task[Any], *, took_s: float) -> None:
        """Record the end of a task, before its caller receives the outcome.

        Args:
            task: the result of `take`.
            took_s: duration of the work, in seconds.
        """
        with self._lock:
            self._at_work.remove(task)
            if task.reservation.stage is ReservationState.RUNNING:
                self._admission.move(task.reservation, ReservationState.DONE)
            self._admission.record_duration(took_s)
            self._notify_if_quiet()

    def withdraw(self, task: Task[Any]) -> None:
        """Record that a task was cancelled by its caller."""
        with self._lock:
            task.dropped = True
            reservation = task.reservation
            if self._awaited.get(reservation) is task:
                del self._awaited[reservation]
                if reservation.stage is ReservationState.QUEUED:
                    self._fair_queue.remove(reservation.client, task)
                    self._admission.move(reservation, ReservationState.DONE)

    def stop_entry(self, when_quiet: Callable[[], None]) -> None:
        """Refuse new reservations; call back once all are released and no task runs.

        Args:
            when_quiet: called from any thread, possibly immediately and more than once.
        """
        with self._lock:
            self._draining = True
            self._listeners.append(when_quiet)
            self._notify_if_quiet()

    def close(self) -> list[Task[Any]]:
        """Make `take` return None; return the unfinished tasks."""
        with self._lock:
            self._closed = True
            left = [*self._fair_queue.clear(), *self._at_work]
            self._lock.notify_all()
            return left

    def _release(self, reservation: Reservation) -> None:
        with self._lock:
            if reservation.stage is ReservationState.RELEASED:
                return
            task = self._awaited.get(reservation)
            if task is not None:
                self.withdraw(task)
            self._admission.move(reservation, ReservationState.RELEASED)
            self._notify_if_quiet()
        if task is not None:
            task.set_outcome(RuntimeError("the reservation was released while its job was running"))

    def _notify_if_quiet(self) -> None:
        if self._admission.is_empty and not self._at_work:
            for listener in self._listeners:
                listener()


_log = logging.getLogger(__name__)


class Scheduler:
    """A bounded queue and worker threads, each of which processes a job completely.

    Clients are served round robin. Threads start with the first job, and stop with `drain`.

    Args:
        workers: number of threads, and of concurrent runs of the network.
        queue: maximum number of waiting reservations.
        per_client: maximum number of reservations of one client.
        observer: receives results and refusals.
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
        """Reservations whose job has not started, including those without a job."""
        return self._queue.waiting

    @property
    def running(self) -> int:
        """Running jobs, including cancelled ones."""
        return self._queue.running

    def reserve(self, client: str) -> Reservation:
        """Create a reservation for a request, before its body is read.

        Raises:
            BusyError: the queue is full, or this client has too many requests.
            DrainingError: `drain` was called.
        """
        entered = self._queue.enter(client)
        if isinstance(entered, Reservation):
            return entered
        reason, error = entered
        self._observer.refused(reason)
        raise error

    async def submit(self, job: Job[T], reservation: Reservation) -> tuple[T, Timing]:
        """Run a job, and wait for it.

        On cancellation, a job that has not started is removed; of a running job, the remaining
        steps are skipped, and its result is dropped.

        Args:
            job: the work.
            reservation: of this scheduler; reusable for one job after another.

        Raises:
            DrainingError: the deadline of `drain` was reached.
            InferenceError: the job raised an exception that would stop the whole service.
            Exception: any other exception of the job.
        """
        task = Task(job, reservation)
        self._queue.put(task)
        try:
            self._start_workers()
            return await task.future
        finally:
            self._queue.withdraw(task)
            del task  # its future holds the error, whose traceback holds this frame

    async def drain(self, deadline_s: float) -> bool:
        """Refuse new requests, wait for all work, and stop the threads.

        Returns:
            Whether all was done before the deadline. Unfinished jobs raise DrainingError.
        """
        quiet = asyncio.Event()
        self._queue.stop_entry(partial(call_in, asyncio.get_running_loop(), quiet.set))
        waiting = asyncio.ensure_future(quiet.wait())
        try:
            await asyncio.wait({waiting}, timeout=deadline_s)
        finally:
            waiting.cancel()
        for task in self._queue.close():
            task.set_outcome(DrainingError(STOPPING))
        if (
            quiet.is_set()
        ):  # all are idle and stop at once; otherwise one may hang, and is abandoned
            for thread in self._threads:
                thread.join()
        return quiet.is_set()

    def _start_workers(self) -> None:
        """Start the threads that are not running."""
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
        """Run the next task, and keep no reference to it; return False if there is none."""
        task = self._queue.take()
        if task is not None:
            try:
                self._process(task)
            except BaseException:  # noqa: BLE001 - whatever it is, the worker outlives it
                _log.exception("a worker failed and continues")
        return task is not None

    def _process(self, task: Task[Any]) -> None:
        """Run a task, and set its outcome, even if the scheduler itself fails."""
        start_s = time.perf_counter()
        outcome: Outcome | None = InferenceError("the service failed on this picture: try again")
        try:
            outcome = work(task)
        finally:
            self._queue.end(task, took_s=time.perf_counter() - start_s)
            if outcome is not None:
                task.set_outcome(outcome)
        if isinstance(outcome, tuple):
            self._observer.done(outcome[1])
