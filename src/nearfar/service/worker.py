"""Reservations and jobs of requests, and the work of a thread: prepare, run, finish."""

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
    """Its body is on its way, or its header is being read."""
    QUEUED = enum.auto()
    """Its job waits for a worker."""
    RUNNING = enum.auto()
    """A worker has its job."""
    DONE = enum.auto()
    """Its job ended; the reservation may get another one."""
    RELEASED = enum.auto()
    """It is given back."""


class Reservation:
    """What a request holds from before its body is read until it is answered.

    A context manager. `Scheduler.reserve` makes it, and alone changes it.

    Attributes:
        client: who holds it.
        stage: see `ReservationState`.
    """

    def __init__(self, client: str, release: Callable[["Reservation"], None]) -> None:
        self.client = client
        self.stage = ReservationState.RESERVED
        self._release = release

    def release(self) -> None:
        """Release the reservation; any number of times, from any thread.

        A job that still has it is taken out of the queue, and whoever waits for it is told.
        """
        self._release(self)

    def __enter__(self) -> "Self":
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


@dataclass(frozen=True)
class Job(Generic[T]):
    """What one worker thread does for one request, in this order.

    Attributes:
        session: the network.
        prepare: gives (1, 3, h, w) float32: decode, resize, normalise.
        finish: gets the network's answer, (h, w) float32, and gives the result, encoded if
            that is wanted.
    """

    session: Session
    prepare: Callable[[], Batch]
    finish: Callable[[RawDepth], T]


@dataclass(frozen=True)
class Timing:
    """Where the time of one job went, in milliseconds.

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
        """From submitting to the result."""
        return self.queue_ms + self.prepare_ms + self.infer_ms + self.finish_ms


class Observer(Protocol):
    """Receives events; called from any thread, so it must be quick and thread-safe."""

    def done(self, timing: Timing) -> None:
        """A job gave its result."""

    def refused(self, reason: str) -> None:
        """A reservation was refused: `queue-full`, `client-full`, `draining` or `not-ready`."""


class NullObserver:
    """The observer that ignores everything."""

    def done(self, timing: Timing) -> None:
        """Nothing."""

    def refused(self, reason: str) -> None:
        """Nothing."""


Outcome: TypeAlias = tuple[Any, Timing] | Exception
"""What a job ends with: its result, or what it raised."""


class Task(Generic[T]):
    """A submitted job. Created in the event loop of its caller; settled from any thread.

    Attributes:
        job: the work.
        place: what it was submitted with.
        future: where the outcome appears, in the event loop.
        submitted_s: when, on the clock of `time.perf_counter`.
        dropped: nobody waits any longer.
    """

    def __init__(self, job: Job[T], place: Reservation) -> None:
        self.job = job
        self.place = place
        self._loop = asyncio.get_running_loop()
        self.future: asyncio.Future[tuple[T, Timing]] = self._loop.create_future()
        self.submitted_s = time.perf_counter()
        self.dropped = False

    def tell(self, outcome: Outcome) -> None:
        """Set the outcome; only the first counts, and none if nobody waits any more."""
        call_in(self._loop, partial(self._settle, outcome))

    def _settle(self, outcome: Outcome) -> None:
        if self.future.done():
            return
        if isinstance(outcome, Exception):
            self.future.set_exception(outcome)
            self.future.exception()  # asyncio shall not complain where nobody waits
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
    """Prepare, run and finish a task, each part only while someone waits for the result.

    Returns:
        What it ends with; None where nobody waits.
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
        raise InferenceError(f"the network answered a picture with {len(raws)} maps")
    raw: RawDepth = raws[0]
    return raw


def _attempt(part: Callable[[], Value]) -> tuple[Value | _Raised, float]:
    """Run a part of the work; return its result, and the milliseconds that it took.

    `part` must not lead to its task: the error's traceback holds it, and the task the error.
    """
    start_s = time.perf_counter()
    try:
        return part(), (time.perf_counter() - start_s) * 1000
    except BaseException as error:  # noqa: BLE001 - whatever it is, the worker outlives it
        return _Raised(_bearable(error)), (time.perf_counter() - start_s) * 1000


def _bearable(error: BaseException) -> Exception:
    """Make of an error one that ends its request and nothing else.

    In an event loop SystemExit and KeyboardInterrupt would end the loop, CancelledError would
    look as if the caller had gone, and StopIteration can't be handed over at all.
    """
    if isinstance(error, Exception) and not isinstance(error, StopIteration):
        return error
    wrapped = InferenceError(f"the work on this picture ended with {type(error).__name__}")
    wrapped.__cause__ = error
    return wrapped


async def run_with_timeout(limit_s: float, work: Coroutine[Any, Any, T]) -> T:
    """Wait for work; when it takes too long, or nobody waits any more, it is cancelled.

    `asyncio.wait_for` of Python 3.10 and 3.11 loses a cancellation that comes with the result,
    and what it raises could be the work's own TimeoutError.

    Raises:
        TimedOutError: it took longer than `limit_s` seconds.
        Exception: whatever the work raised.
    """
    task = asyncio.ensure_future(work)
    task.add_done_callback(_heard)
    try:
        await asyncio.wait({task}, timeout=limit_s)
        if task.done():
            return task.result()
        task.cancel()
        await asyncio.wait({task})
    finally:
        task.cancel()
        del task  # it holds the error, whose traceback holds this frame
    raise TimedOutError(
        f"this took longer than {limit_s:g} s:"
        " send a smaller picture, or try again when less is going on"
    )


def _heard(task: "asyncio.Task[Any]") -> None:
    """Keep asyncio from logging an error that nobody waits for any more."""
    if not task.cancelled():
        task.exception()
