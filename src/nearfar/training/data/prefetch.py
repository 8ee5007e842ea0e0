"""Prepare batches in threads while the network trains."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import TYPE_CHECKING

import cv2

from nearfar.errors import UsageError
from nearfar.training.data.batches import TrainingBatch, TrainingSet

if TYPE_CHECKING:
    from typing_extensions import Self


class Prefetcher:
    """Iterator over batches in the order of their steps, prepared ahead of time.

    Threads are used: three quarters of the time is spent in OpenCV and NumPy, which release the
    GIL, and nothing is copied between processes. OpenCV's own threads are disabled meanwhile,
    since each batch has a thread and the network needs the other cores.
    """

    def __init__(
        self,
        data: TrainingSet,
        start_step: int = 0,
        *,
        workers: int = 1,
        depth: int = 4,
        is_low_res: Callable[[int], bool] = lambda _: False,
    ) -> None:
        """Start preparing batches.

        Args:
            data: source of the batches.
            start_step: of the first batch.
            workers: number of threads.
            depth: number of batches in preparation or ready, at least one per worker.
            is_low_res: returns whether a step's batch has the low-resolution size.

        Raises:
            UsageError: `workers` is below 1.
        """
        if workers < 1:
            raise UsageError(f"workers must be at least 1, not {workers}")
        self._data = data
        self._is_low_res = is_low_res
        self._next = start_step
        self._cv_threads = cv2.getNumThreads()
        cv2.setNumThreads(1)
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="nearfar-batch")
        self._ahead: deque[Future[TrainingBatch]] = deque()
        self._closed = False
        for _ in range(max(workers, depth)):
            self._submit()

    def __iter__(self) -> Iterator[TrainingBatch]:
        return self

    def __next__(self) -> TrainingBatch:
        """Return the next batch. There is no last one: the iterator ends when it is closed.

        Raises:
            DatasetError: a file of the cache does not exist any more.
        """
        if self._closed:
            raise StopIteration
        try:
            batch = self._ahead.popleft().result()
        except BaseException:  # also Ctrl-C: after an error, no later batch may be returned
            self.close()
            raise
        self._submit()
        return batch

    def close(self) -> None:
        """Cancel batches that are not started, and wait for those in preparation."""
        if not self._closed:
            self._closed = True
            self._ahead.clear()
            self._pool.shutdown(cancel_futures=True)
            cv2.setNumThreads(self._cv_threads)

    def __enter__(self) -> "Self":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _submit(self) -> None:
        self._ahead.append(
            self._pool.submit(self._data.batch_at, self._next, low_res=self._is_low_res(self._next))
        )
        self._next += 1
