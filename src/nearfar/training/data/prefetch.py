"""Batches that are made while the network learns from those before them."""

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
    """Batches in the order of their steps, made ahead of time.

    They are made in threads: three quarters of the time is spent in OpenCV and NumPy, which
    let other threads run, and nothing is copied between processes. OpenCV's own threads are
    off meanwhile, since each batch has its thread and the network wants the rest.
    """

    def __init__(
        self,
        data: TrainingSet,
        start_step: int = 0,
        *,
        workers: int = 1,
        depth: int = 4,
        is_small: Callable[[int], bool] = lambda _: False,
    ) -> None:
        """Begin to make batches.

        Args:
            data: where they come from.
            start_step: of the first batch.
            workers: threads.
            depth: batches that are made or ready at any time, at least one a worker.
            is_small: whether the batch of a step is a small one.

        Raises:
            UsageError: no worker.
        """
        if workers < 1:
            raise UsageError(f"{workers} workers make no batches: give at least 1")
        self._data = data
        self._is_small = is_small
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
        """Give the next batch; there is no last one, until it is closed.

        Raises:
            DatasetError: a file of the cache is gone.
        """
        if self._closed:
            raise StopIteration
        try:
            batch = self._ahead.popleft().result()
        except BaseException:  # also Ctrl-C while waiting: never hand out a later batch
            self.close()
            raise
        self._submit()
        return batch

    def close(self) -> None:
        """Give up what is under way. Batches that are being made are waited for."""
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
            self._pool.submit(self._data.batch_at, self._next, small=self._is_small(self._next))
        )
        self._next += 1
