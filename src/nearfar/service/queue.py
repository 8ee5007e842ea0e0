"""The one bounded queue: all that is inside the service, and how far along."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from nearfar.errors import BusyError, DrainingError
from nearfar.service.ledger import Ledger
from nearfar.service.place import Place, Stage
from nearfar.service.task import Task
from nearfar.service.turns import Turns

STOPPING: Final = "the service is stopping: try again when it is back"


class Queue:
    """Places and tasks, safe between the event loop and the worker threads.

    Nothing here takes longer than a look at what waits, except `take`, which is for workers.
    Arguments are those of `Batcher`.
    """

    def __init__(
        self, *, workers: int, queue: int, per_client: int, max_batch: int, max_wait_ms: float
    ) -> None:
        self._workers = workers
        self._max_batch = max_batch
        self._max_wait_s = max_wait_ms / 1000
        lock = threading.RLock()
        self._lock = threading.Condition(lock)
        """Guards all below; notified when a task waits, or when all is over."""
        self._change = threading.Condition(lock)
        """Notified when a batch that is being gathered may have to be looked at again."""
        self._turns: Turns[Task[Any]] = Turns()
        self._ledger = Ledger(workers=workers, queue=queue, per_client=per_client)
        self._awaited: dict[Place, Task[Any]] = {}
        """The task that someone waits for, by its place."""
        self._at_work: set[Task[Any]] = set()
        self._busy = 0
        self._listeners: list[Callable[[], None]] = []
        self._draining = False
        self._closed = False

    @property
    def waiting(self) -> int:
        """Places whose task has not begun, those without a task yet among them."""
        with self._lock:
            return self._ledger[Stage.RESERVED] + self._ledger[Stage.QUEUED]

    @property
    def running(self) -> int:
        """Tasks in the hands of a worker."""
        with self._lock:
            return len(self._at_work)

    def enter(self, client: str) -> Place | tuple[str, BusyError | DrainingError]:
        """Take a place, or give the reason why not: in a word, see `Observer`, and to raise."""
        with self._lock:
            if self._draining:
                return "draining", DrainingError(STOPPING)
            idle = self._workers - self._busy
            if (refusal := self._ledger.refusal(client, idle=idle)) is not None:
                return refusal
            place = Place(client, self._release)
            self._ledger.enter(place)
            return place

    def put(self, task: Task[Any]) -> None:
        """Let a task wait for a worker.

        Raises:
            DrainingError: `close` was called.
            RuntimeError: its place has another task, or was given back.
        """
        with self._lock:
            if self._closed:
                raise DrainingError(STOPPING)
            place = task.place
            if place.stage not in {Stage.RESERVED, Stage.DONE}:
                raise RuntimeError(f"a place that is {place.stage.name} can't take a job")
            self._awaited[place] = task
            self._ledger.move(place, Stage.QUEUED)
            self._turns.put(place.client, task)
            self._lock.notify()
            self._change.notify_all()

    def take(self) -> list[Task[Any]]:
        """Wait for tasks that go together, and hand them to this worker; none when all is over.

        The worker owes an `end` for each.
        """
        with self._lock:
            while not self._turns:
                if self._closed:
                    return []
                self._lock.wait()
            self._busy += 1
            first = self._turns.take()
            tasks = [self._begun(first)]
            until_s = first.submitted_s + self._max_wait_s
            while len(tasks) < self._max_batch:
                if (more := self._turns.take_like(first.is_like)) is not None:
                    tasks.append(self._begun(more))
                    continue
                left_s = until_s - time.perf_counter()
                if left_s <= 0 or not self._is_worth_waiting():
                    break
                self._change.wait(left_s)
            return tasks

    def begin(self, tasks: Sequence[Task[Any]]) -> list[Task[Any]]:
        """Hand a worker tasks that someone else put together, in the place of `take`.

        Returns:
            Those that still wait; the worker owes an `end` for each.
        """
        with self._lock:
            begun = [
                self._begun(task) for task in tasks if self._turns.remove(task.place.client, task)
            ]
            self._busy += bool(begun)
            return begun

    def end(self, task: Task[Any], *, last: bool, took_s: float) -> None:
        """Note that a worker is done with a task, before whoever waits is told.

        Args:
            task: one that `take` gave.
            last: the worker has none left, and is free.
            took_s: how long it has been at the tasks it took.
        """
        with self._lock:
            self._at_work.remove(task)
            if task.place.stage is Stage.RUNNING:
                self._ledger.move(task.place, Stage.DONE)
            if last:
                self._busy -= 1
                self._ledger.took(took_s)
                self._change.notify_all()
                self._tell_if_quiet()

    def withdraw(self, task: Task[Any]) -> None:
        """Note that nobody waits for a task any longer."""
        with self._lock:
            task.dropped = True
            place = task.place
            if self._awaited.get(place) is task:
                del self._awaited[place]
                if place.stage is Stage.QUEUED:
                    self._turns.remove(place.client, task)
                    self._ledger.move(place, Stage.DONE)

    def stop_entry(self, when_quiet: Callable[[], None]) -> None:
        """Give no more places; call back once all are given back and no worker has a task.

        Args:
            when_quiet: called from any thread, perhaps at once, perhaps more than once.
        """
        with self._lock:
            self._draining = True
            self._listeners.append(when_quiet)
            self._tell_if_quiet()

    def close(self) -> list[Task[Any]]:
        """Have `take` give nothing more; give the tasks that have not ended."""
        with self._lock:
            self._closed = True
            left = [*self._turns.clear(), *self._at_work]
            self._lock.notify_all()
            self._change.notify_all()
            return left

    def _is_worth_waiting(self) -> bool:
        on_the_way = self._ledger[Stage.RESERVED] > 0
        return on_the_way and self._busy == self._workers and not self._closed

    def _begun(self, task: Task[Any]) -> Task[Any]:
        self._at_work.add(task)
        self._ledger.move(task.place, Stage.RUNNING)
        return task

    def _release(self, place: Place) -> None:
        with self._lock:
            if place.stage is Stage.RELEASED:
                return
            task = self._awaited.get(place)
            if task is not None:
                self.withdraw(task)
            self._ledger.move(place, Stage.RELEASED)
            self._change.notify_all()
            self._tell_if_quiet()
        if task is not None:
            task.tell(RuntimeError("the place was given back while its job was under way"))

    def _tell_if_quiet(self) -> None:
        if self._ledger.is_empty and not self._busy:
            for listener in self._listeners:
                listener()
