"""Jobs, and what a worker thread does with them: prepare, run, finish, and harm no neighbour."""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

import numpy as np

from nearfar.errors import InferenceError
from nearfar.runtimes.base import Batch, RawDepth, Session
from nearfar.service.admission import Reservation

T = TypeVar("T")


@dataclass(frozen=True)
class Job(Generic[T]):
    """What one worker thread does for one request, in this order.

    Attributes:
        session: the network.
        shape: (h, w) that it is fed, known from the picture's header. Jobs of one session and
            shape may run together; a wrong one costs only that.
        prepare: gives (1, 3, h, w) float32: decode, resize, normalise.
        finish: gets the network's answer, (h, w) float32, and gives the result, encoded if
            that is wanted.
    """

    session: Session
    shape: tuple[int, int]
    prepare: Callable[[], Batch]
    finish: Callable[[RawDepth], T]


@dataclass(frozen=True)
class Timing:
    """Where the time of one job went, in milliseconds.

    Attributes:
        queue_ms: waiting of every kind: for a worker, and for the others of its batch.
        prepare_ms: its own `prepare`.
        infer_ms: the network's run, of the whole batch.
        finish_ms: its own `finish`.
        batch: how many ran together.
    """

    queue_ms: float
    prepare_ms: float
    infer_ms: float
    finish_ms: float
    batch: int

    @property
    def total_ms(self) -> float:
        """From submitting to the result."""
        return self.queue_ms + self.prepare_ms + self.infer_ms + self.finish_ms


class Observer(Protocol):
    """Who is told what happens; called from any thread, so it must be quick and safe there."""

    def ran(self, batch: int) -> None:
        """The network ran `batch` pictures together."""

    def done(self, timing: Timing) -> None:
        """A job gave its result."""

    def refused(self, reason: str) -> None:
        """A place was refused: `queue-full`, `client-full`, `draining` or `not-ready`."""


class NullObserver:
    """The observer that looks away."""

    def ran(self, batch: int) -> None:
        """Nothing."""

    def done(self, timing: Timing) -> None:
        """Nothing."""

    def refused(self, reason: str) -> None:
        """Nothing."""


Outcome: TypeAlias = tuple[Any, Timing] | Exception
"""What a job ends with: its result, or what it raised."""


class Task(Generic[T]):
    """A job under way. Made in the event loop of the one who waits; told from any thread.

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

    def is_like(self, other: "Task[Any]") -> bool:
        """Whether both can run together."""
        return self.job.session is other.job.session and self.job.shape == other.job.shape

    def tell(self, outcome: Outcome) -> None:
        """Hand over the outcome; only the first counts, and none where nobody is left to hear."""
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
    """Have something called in an event loop, from any thread; not if the loop was closed."""
    try:
        loop.call_soon_threadsafe(call)
    except RuntimeError:
        if not loop.is_closed():
            raise


Value = TypeVar("Value")
End: TypeAlias = tuple[Task[Any], Outcome | None]
"""A task and its outcome; None where nobody waits, so that nothing more was done for it."""


@dataclass(frozen=True)
class _Raised:
    error: Exception


@dataclass(frozen=True)
class _Prepared:
    task: Task[Any]
    batch: Batch
    ms: float


def work(tasks: Sequence[Task[Any]], observer: Observer) -> Iterator[End]:
    """Work on tasks that are alike, up to the end of each.

    What one raises ends only that one. When a run of several fails, each runs by itself.

    Args:
        tasks: of one session and shape.
        observer: told of every run, and of every result.

    Yields:
        Each task once, as soon as it has ended.
    """
    prepared = []
    for task in tasks:
        if task.dropped:
            yield task, None
            continue
        batch, ms = _attempt(task.job.prepare)
        if isinstance(batch, _Raised):
            yield task, batch.error
        else:
            prepared.append(_Prepared(task, batch, ms))
    yield from _run(prepared, observer)


def _run(prepared: Sequence[_Prepared], observer: Observer) -> Iterator[End]:
    wanted = []
    for each in prepared:
        if each.task.dropped:
            yield each.task, None
        else:
            wanted.append(each)
    if not wanted:
        return
    session = wanted[0].task.job.session
    raws, ms = _attempt(partial(_together, session, [each.batch for each in wanted]))
    if not isinstance(raws, _Raised):
        observer.ran(len(wanted))
        for each, raw in zip(wanted, raws, strict=True):
            yield from _finish(each, raw, ms, len(wanted), observer)
    elif len(wanted) == 1:
        yield wanted[0].task, raws.error
    else:
        for each in wanted:
            yield from _run([each], observer)


def _together(session: Session, batches: Sequence[Batch]) -> RawDepth:
    raws = session.run(batches[0] if len(batches) == 1 else np.concatenate(batches))
    if len(raws) != len(batches):
        raise InferenceError(f"the network answered {len(batches)} pictures with {len(raws)} maps")
    return raws


def _finish(
    each: _Prepared, raw: RawDepth, infer_ms: float, batch: int, observer: Observer
) -> Iterator[End]:
    task = each.task
    if task.dropped:
        yield task, None
        return
    value, ms = _attempt(partial(task.job.finish, raw))
    if isinstance(value, _Raised):
        yield task, value.error
        return
    total_ms = (time.perf_counter() - task.submitted_s) * 1000
    queue_ms = max(0.0, total_ms - each.ms - infer_ms - ms)
    timing = Timing(queue_ms, each.ms, infer_ms, ms, batch)
    yield task, (value, timing)
    observer.done(timing)


def _attempt(part: Callable[[], Value]) -> tuple[Value | _Raised, float]:
    """Do a part of the work; give what came of it, and how many milliseconds it took.

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
