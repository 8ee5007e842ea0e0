"""What a worker does with the jobs it took: prepare, run, finish, and harm no neighbour."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias, TypeVar

import numpy as np

from nearfar.errors import InferenceError
from nearfar.runtimes.base import Batch, RawDepth, Session
from nearfar.service.job import Observer, Timing
from nearfar.service.task import Outcome, Task

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
