"""Reservations and jobs of requests, and the steps of a job: prepare, run, finish."""

import asyncio
import enum
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeAlias, TypeVar

from nearfar.errors import InferenceError, TimedOutError
from nearfar.runtimes.base import Batch, RawDepth, Session

if TYPE_CHECKING:
    from typing_extensions import Self

T = TypeVar("T")


class ReservationState(enum.Enum):
    """Progress of the request that holds a reservation."""

    RESERVED = enum.auto()
    """Its body is being received, or its header is being read."""
    QUEUED = enum.auto()
    """Its job waits for a worker."""
    RUNNING = enum.auto()
    """A worker has its job."""
    DONE = enum.auto()
    """Its job ended; the reservation may get another one."""
    RELEASED = enum.auto()
    """It is released."""


class Reservation:
    """Reservation of a request, from before its body is read until the response.

    A context manager. Created by `Scheduler.reserve`, and changed only by the scheduler.

    Attributes:
        client: its client.
        stage: see `ReservationState`.
    """

    def __init__(self, client: str, release: Callable[["Reservation"], None]) -> None:
        self.client = client
        self.stage = ReservationState.RESERVED
        self._release = release

    def release(self) -> None:
        """Release the reservation; any number of times, from any thread.

        If it still has a queued job, that is removed, and its caller gets an error.
        """
        self._release(self)

    def __enter__(self) -> "Self":
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


@dataclass(frozen=True)
class Job(Generic[T]):
    """The steps of a worker thread for one request, in this order.

    Attributes:
        session: the network.
        prepare: returns (1, 3, h, w) float32: decode, resize, normalize.
        finish: converts the network's output, (h, w) float32, to the result, encoded if requested.
    """

    session: Session
    prepare: Callable[[], Batch]
    finish: Callable[[RawDepth], T]


@dataclass(frozen=True)
class Timing:
    """Durations of the steps of one job, in milliseconds.

    Attributes:
        queue_ms: waiting for a worker.
        prepare_ms: its `prepare`.
        infer_ms: the network's run.
        finish_ms: its `finish`.
    """

    queue_ms: float
    prepare_ms: float
    infer_ms: float
    finish_ms: float

    @property
    def total_ms(self) -> float:
        """Time from submission to the result."""
        return self.queue_ms + self.prepare_ms + self.infer_ms + self.finish_ms


class Observer(Protocol):
    """Receives events; called from any thread, so it must be quick and thread-safe."""

    def done(self, timing: Timing) -> None:
        """A job was completed."""

    def refused(self, reason: str) -> None:
        """A reservation was refused: `queue-full`, `client-full`, `draining` or `not-ready`."""


class NullObserver:
    """Observer that ignores all events."""

    def done(self, timing: Timing) -> None:
        """Nothing."""

    def refused(self, reason: str) -> None:
        """Nothing."""


Outcome: TypeAlias = tuple[Any, Timing] | Exception
"""Outcome of a job: its result, or its exception."""


class Task(Generic[T]):
    """A submitted job. Created in the event loop of its caller; settled from any thread.

    Attributes:
        job: the work.
        reservation: its reservation.
        future: receives the outcome, in the event loop.
        submitted_s: time of submission, of `time.perf_counter`.
        dropped: its caller does not wait any more.
    """

    def __init__(self, job: Job[T], reservation: Reservation) -> None:
        self.job = job
        self.reservation = reservation
        self._loop = asyncio.get_running_loop()
        self.future: asyncio.Future[tuple[T, Timing]] = self._loop.create_future()
        self.submitted_s = time.perf_counter()
        self.dropped = False

    def set_outcome(self, outcome: Outcome) -> None:
        """Set the outcome; only the first counts, and none if the caller does not wait any more."""
        call_in(self._loop, partial(self._settle, outcome))

    def _settle(self, outcome: Outcome) -> None:
        if self.future.done():
            return
        if isinstance(outcome, Exception):
            self.future.set_exception(outcome)
            self.future.exception()  # prevents a warning of asyncio if the caller does not wait
        else:
            self.future.set_result(outcome)


def call_in(loop: asyncio.AbstractEventLoop, call: Callable[[], object]) -> None:
    """Call a function in an event loop from any thread; do nothing if the loop is closed."""
    try:
        loop.call_soon_threadsafe(call)
    except RuntimeError:
        if not loop.is_closed():
            raise


Value = TypeVar("Value")


@dataclass(frozen=True)
class _Raised:
    error: Exception


def work(task: Task[Any]) -> Outcome | None:
    """Prepare, run and finish a task, each step only while its caller waits.

    Returns:
        The outcome; None if the caller does not wait any more.
    """
    job = task.job
    made: Any = None
    times_ms = []
    for part in (lambda _: job.prepare(), partial(_run, job.session), job.finish):
        if task.dropped:
            return None
        made, ms = _attempt(partial(part, made))
        if isinstance(made, _Raised):
            return made.error
        times_ms.append(ms)
    total_ms = (time.perf_counter() - task.submitted_s) * 1000
    return made, Timing(max(0.0, total_ms - sum(times_ms)), *times_ms)


def _run(session: Session, batch: Batch) -> RawDepth:
    raws = session.run(batch)
    if len(raws) != 1:
        raise InferenceError(f"the network returned {len(raws)} maps for one picture")
    raw: RawDepth = raws[0]
    return raw


def _attempt(part: Callable[[], Value]) -> tuple[Value | _Raised, float]:
    """Run one step; return its result and duration in milliseconds.

    `part` must not refer to its task, because the error's traceback would form a reference cycle.
    """
    start_s = time.perf_counter()
    try:
        return part(), (time.perf_counter() - start_s) * 1000
    except BaseException as error:  # noqa: BLE001 - whatever it is, the worker outlives it
        return _Raised(_contained(error)), (time.perf_counter() - start_s) * 1000


def _contained(error: BaseException) -> Exception:
    """Convert an exception to one that affects only its request.

    In an event loop SystemExit and KeyboardInterrupt would end the loop, CancelledError would
    look like a cancellation by the caller, and futures do not accept StopIteration.
    """
    if isinstance(error, Exception) and not isinstance(error, StopIteration):
        return error
    wrapped = InferenceError(f"the work on this picture ended with {type(error).__name__}")
    wrapped.__cause__ = error
    return wrapped


async def run_with_timeout(limit_s: float, work: Coroutine[Any, Any, T]) -> T:
    """Wait for work; cancel it on timeout, or on cancellation of the caller.

    `asyncio.wait_for` of Python 3.10 and 3.11 loses a cancellation that coincides with the result,
    and its exception could be confused with a TimeoutError of the work.

    Raises:
        TimedOutError: it took longer than `limit_s` seconds.
        Exception: any exception of the work.
    """
    task = asyncio.ensure_future(work)
    task.add_done_callback(_retrieve_error)
    try:
        await asyncio.wait({task}, timeout=limit_s)
        if task.done():
            return task.result()
        task.cancel()
        await asyncio.wait({task})
    finally:
        task.cancel()
        del task  # reference cycle: it refers to the error, whose traceback refers to this frame
    raise TimedOutError(
        f"this took longer than {limit_s:g} s: send a smaller picture, or try again later"
    )


def _retrieve_error(task: "asyncio.Task[Any]") -> None:
    """Mark an error as retrieved, so that asyncio does not log it."""
    if not task.cancelled():
        task.exception()
