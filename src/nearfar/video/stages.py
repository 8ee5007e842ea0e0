"""Work in overlapping stages: each in a thread of its own, with bounded queues between them."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any, Final, Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

QUEUE: Final = 2
"""Items that wait between two stages; enough that neither idles while their times vary a little."""


class _StoppedError(Exception):
    """The run is over; a stage that meets this simply ends."""


class _Queue(Generic[Item]):
    """Bounded, and no one waits at it any more once the run is stopped."""

    def __init__(self, size: int) -> None:
        self._items: deque[Item] = deque()
        self._size = size
        self._is_closed = self._is_stopped = False
        self._changed = threading.Condition()

    def put(self, item: Item) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._is_stopped or len(self._items) < self._size)
            if self._is_stopped:
                raise _StoppedError
            self._items.append(item)
            self._changed.notify_all()

    def close(self) -> None:
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def stop(self) -> None:
        with self._changed:
            self._is_stopped = True
            self._items.clear()
            self._changed.notify_all()

    def __iter__(self) -> Iterator[Item]:
        while True:
            with self._changed:
                self._changed.wait_for(
                    lambda: self._is_stopped or self._is_closed or bool(self._items)
                )
                if self._is_stopped:
                    raise _StoppedError
                if not self._items:
                    return
                item = self._items.popleft()
                self._changed.notify_all()
            yield item


class _Run:
    """The queues of one run, and the first error of any stage."""

    def __init__(self) -> None:
        self.error: BaseException | None = None
        self._queues: list[_Queue[Any]] = []
        self._lock = threading.Lock()

    def queue(self, size: int) -> _Queue[Any]:
        queue: _Queue[Any] = _Queue(size)
        self._queues.append(queue)
        return queue

    def stop(self, error: BaseException | None = None) -> None:
        with self._lock:
            self.error = self.error or error
        for queue in self._queues:
            queue.stop()

    def work(self, items: Iterable[Any], out: _Queue[Any]) -> None:
        items = iter(items)
        try:
            for item in items:
                out.put(item)
        except _StoppedError:
            pass
        except BaseException as error:  # noqa: BLE001 - raised again where the results are taken
            self.stop(error)
        else:
            out.close()
        finally:
            # a generator that is not exhausted would close its files only when it is collected
            close = getattr(items, "close", None)
            if close is not None:
                with suppress(_StoppedError):
                    close()


@contextmanager
def overlapped(
    source: Iterable[Any],
    *stages: Callable[[Iterator[Any]], Iterator[Any]],
    size: int = QUEUE,
) -> Iterator[Iterator[Any]]:
    """Run stages side by side.

    However the block is left, all stages have ended when it is: what a stage raised is raised
    in the block as the results are taken, and ends the other stages.

    Args:
        source: what the first stage takes; gone through in a thread of its own.
        stages: each takes an iterator and is one, mostly a generator function.
        size: items that may wait between two stages.

    Yields:
        The results of the last stage.
    """
    run = _Run()
    items: Iterable[Any] = source
    threads = []
    for number, stage in enumerate((None, *stages)):
        if stage is not None:
            items = stage(iter(items))
        out = run.queue(size)
        name = f"nearfar-stage-{number}"
        threads.append(threading.Thread(target=run.work, args=(items, out), name=name, daemon=True))
        items = out
    for thread in threads:
        thread.start()
    try:
        yield _results(run, items)
    finally:
        run.stop()
        for thread in threads:
            thread.join()


def _results(run: _Run, items: Iterable[Any]) -> Iterator[Any]:
    with suppress(_StoppedError):
        yield from items
    if run.error is not None:
        raise run.error


def in_order(
    work: Callable[[Item], Result], items: Iterable[Item], workers: int
) -> Iterator[Result]:
    """Do the same work on many items, several at once.

    Args:
        work: called in the workers' threads.
        items: taken no more than `workers` ahead of the result that is due.
        workers: how many threads.

    Yields:
        The results in the order of `items`.
    """
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="nearfar-worker") as pool:
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) > workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
