"""Jobs grouped by Ray Serve, in the place of our own batcher's threads."""

import asyncio
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from nearfar.errors import InferenceError
from nearfar.service.scheduler import Scheduler
from nearfar.service.settings import ServiceOptions
from nearfar.service.worker import Observer, Task


class ServeBatcher(Scheduler):
    """A workshop of one replica: the batcher's places and limits, and `serve.batch` for the rest.

    What waits, waits in Serve's own line, first come, first served. Serve knows nothing of
    sessions and shapes, so a batch of several kinds runs as several.

    Args:
        options: of the service.
        observer: told of runs, results and refusals.
    """

    def __init__(self, options: ServiceOptions, observer: Observer) -> None:
        from ray import serve

        workers = options.worker_count
        super().__init__(
            workers=workers, queue=options.queue, per_client=options.per_client, observer=observer
        )
        self._pool = ThreadPoolExecutor(workers, "nearfar-worker")
        self._together = serve.batch(
            max_batch_size=options.max_batch,
            batch_wait_timeout_s=options.max_wait_ms / 1000,
            max_concurrent_batches=workers,
        )(self._work_together)

    async def drain(self, deadline_s: float) -> bool:
        """Take no more, and finish what was taken; see `Scheduler.drain`."""
        done = await super().drain(deadline_s)
        self._pool.shutdown(wait=False, cancel_futures=True)
        return done

    def _call_worker(self, task: Task[Any]) -> None:
        batched = asyncio.ensure_future(self._together(task))
        batched.add_done_callback(partial(_batched, task))
        task.future.add_done_callback(lambda _: batched.cancel())

    async def _work_together(self, tasks: list[Task[Any]]) -> list[None]:
        loop = asyncio.get_running_loop()
        for group in alike(tasks):
            if begun := self._queue.begin(group):
                await loop.run_in_executor(self._pool, self._work_on, begun)
        return [None] * len(tasks)


def alike(tasks: Sequence[Task[Any]]) -> Iterator[list[Task[Any]]]:
    """Part tasks into those that can run together, in the order in which they came."""
    left = list(tasks)
    while left:
        yield [task for task in left if task.is_like(left[0])]
        left = [task for task in left if not task.is_like(left[0])]


def _batched(task: Task[Any], batched: "asyncio.Future[None]") -> None:
    """Tell the one who waits, should the batching itself fail."""
    error = None if batched.cancelled() else batched.exception()
    if error is not None:
        failure = InferenceError("the service failed on this picture: try again")
        failure.__cause__ = error
        task.tell(failure)
