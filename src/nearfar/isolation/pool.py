"""Pool of warm child processes for short calls."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any, Final, final

from nearfar.errors import BusyError, NearfarError, ProcessCrashedError, ProcessError
from nearfar.isolation.child import CallResult
from nearfar.isolation.limits import Limits
from nearfar.isolation.process import Child, raised
from nearfar.isolation.shared import SharedFile

START_S: Final = 60.0
"""Time limit for the start of a process, for very slow machines."""

MOST_CALLS: Final = 10_000
"""Calls after which a process is replaced: libraries leak."""


@final
class WorkerPool:
    """Calls functions in child processes, which are reused.

    A process that dies, takes too long or has grown is replaced. Safe between threads; a call
    blocks its thread.

    Args:
        most: maximum number of processes; they are started when needed.
        warm: called in each new process, so that its modules are loaded: a function of a module.
    """

    def __init__(self, most: int, warm: Callable[..., CallResult]) -> None:
        self._most, self._warm = most, warm
        self._idle: list[_Worker] = []
        self._all: set[_Worker] = set()
        self._count = 0
        self._changed = threading.Condition()
        self._is_closed = False

    @property
    def pids(self) -> tuple[int, ...]:
        """Process IDs of the running processes."""
        with self._changed:
            return tuple(worker.child.pid for worker in self._all)

    def allow(self, most: int) -> None:
        """Raise the maximum number of processes to at least this."""
        with self._changed:
            self._most = max(self._most, most)
            self._changed.notify_all()

    def prepare(self, count: int) -> None:
        """Start processes in parallel until there are `count`, and wait until they are ready."""
        with self._changed:
            missing = max(0, min(count, self._most) - self._count)
            self._count += missing
        if missing:
            with ThreadPoolExecutor(missing, "nearfar-start") as threads:
                list(threads.map(lambda _: self._return(self._start()), range(missing)))

    def call(
        self,
        function: Callable[..., CallResult],
        *arguments: Any,
        content: "bytes | bytearray | memoryview" = b"",
        limits: Limits,
        most_bytes: int = 0,
    ) -> CallResult:
        """Call a function in one of the processes.

        A reused process may crash because of earlier calls; so if one crashes, the call is repeated
        once in a new one.

        Args:
            function: of a module. It is called with `content` as bytes, then `arguments`, and
                returns a value that JSON can represent, and an array or None.
            arguments: small and picklable.
            content: transferred through shared memory.
            limits: of the call.
            most_bytes: maximum size of the returned array.

        Raises:
            ProcessCrashedError: the process died.
            ProcessTimeoutError: it exceeded the time limit.
            ProcessMemoryError: it exceeded the memory limit.
            ProcessError: the function raised an unknown error, or returned an invalid result.
            BusyError: no process was free within the deadline.
            OutOfMemoryError: the system has too little memory for another process.
            NearfarError: any error of the function.
        """
        for is_last in (False, True):
            with self._borrowed(limits.deadline_s, new=is_last) as worker:
                was_new = worker.calls == 0
                try:
                    return worker.call(function, arguments, content, limits, most_bytes)
                except ProcessCrashedError:
                    if was_new or is_last:
                        raise
        raise AssertionError

    def close(self) -> None:
        """Stop all processes, including busy ones."""
        with self._changed:
            self._is_closed = True
            workers, self._idle = tuple(self._all), []
            self._changed.notify_all()
        for worker in workers:
            worker.child.kill()
            self._forget(worker)

    @contextmanager
    def _borrowed(self, wait_s: float, *, new: bool) -> "Iterator[_Worker]":
        worker = self._take(wait_s, new=new)
        try:
            yield worker
        finally:
            if worker.is_spent:
                count = self._count
                self._forget(worker)
                self._replace(count)
            else:
                self._return(worker)

    def _take(self, wait_s: float, *, new: bool) -> "_Worker":
        with self._changed:
            end_s = time.monotonic() + wait_s
            while not self._is_closed:
                if self._idle:
                    worker = self._idle.pop()
                    if not new or worker.calls == 0:
                        return worker
                    self._discard(worker)
                if self._count < self._most:
                    self._count += 1
                    break
                if not self._changed.wait(end_s - time.monotonic()):
                    raise BusyError("all decoder processes are busy: try again in a moment")
            else:
                raise ProcessError("the decoder processes were stopped")
        return self._start()

    def _start(self) -> "_Worker":
        """Start a process that is already counted."""
        try:
            worker = _Worker(self._warm)
        except BaseException:
            with self._changed:
                self._count -= 1
                self._changed.notify()
            raise
        with self._changed:
            self._all.add(worker)
        return worker

    def _return(self, worker: "_Worker") -> None:
        with self._changed:
            if not self._is_closed:
                self._idle.append(worker)
                self._changed.notify()
                return
        self._forget(worker)

    def _forget(self, worker: "_Worker") -> None:
        with self._changed:
            self._discard(worker)
            self._changed.notify()

    def _discard(self, worker: "_Worker") -> None:
        if worker in self._all:
            self._all.remove(worker)
            self._count -= 1
            worker.close()

    def _replace(self, count: int) -> None:
        """Start processes in the background until there are `count` again."""

        def start() -> None:
            with suppress(NearfarError):  # the next call tries again, and raises
                self.prepare(count)

        if self._is_closed:
            return
        threading.Thread(target=start, name="nearfar-start", daemon=True).start()


class _Worker:
    """A process and its shared file."""

    def __init__(self, warm: Callable[..., CallResult]) -> None:
        self._file = SharedFile.create()
        self.calls = 0
        self.is_spent = False
        try:
            self.child = Child([self._file])
            until_s = time.monotonic() + START_S
            self.child.receive(until_s)
            self.call(warm, (), b"", Limits(2**32, START_S, START_S), 0)
        except BaseException:
            self._file.close()
            raise
        self.calls = 0

    def call(
        self,
        function: Callable[..., CallResult],
        arguments: tuple[Any, ...],
        content: "bytes | bytearray | memoryview",
        limits: Limits,
        most_bytes: int,
    ) -> CallResult:
        """Call a function; after an error of the process itself, it can't be reused."""
        self.calls += 1
        self.is_spent = True  # unless all goes well
        call = {
            "function": function,
            "arguments": arguments,
            "bytes": self._file.write(content),
            "limits": limits,
            "talks": False,
        }
        self.child.send(call)
        answer = self.child.receive(time.monotonic() + limits.deadline_s)
        if "error" in answer:
            error = raised(answer)
            self.is_spent = isinstance(error, ProcessError) or answer.get("grown") is not False
            raise error
        array = None
        if answer.get("shape") is not None:
            array = self._file.read_array(
                answer["shape"], answer.get("kind"), most_bytes=most_bytes
            )
        self._file.trim()
        self.is_spent = answer.get("grown") is not False or self.calls >= MOST_CALLS
        return answer.get("value"), array

    def close(self) -> None:
        """Stop the process and close the file."""
        self.child.close()
        self._file.close()
