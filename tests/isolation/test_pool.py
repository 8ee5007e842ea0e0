"""Calls in child processes: whatever happens in one, its caller gets an error and lives on."""

import gc
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nearfar.errors import (
    BusyError,
    CorruptImageError,
    ProcessCrashedError,
    ProcessError,
    ProcessMemoryError,
    ProcessTimeoutError,
)
from nearfar.isolation.limits import Limits
from nearfar.isolation.pool import WorkerPool
from tests.isolation import hostile

MIB = 2**20
USUAL = Limits(memory_bytes=256 * MIB, cpu_s=20, deadline_s=30)
HASTY = Limits(memory_bytes=256 * MIB, cpu_s=20, deadline_s=0.5)
posix_only = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limits")
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="enforced on Linux alone")


@pytest.fixture(scope="module")
def pool() -> Iterator[WorkerPool]:
    pool = WorkerPool(1, hostile.nothing)
    yield pool
    pool.close()


def is_gone(pid: int) -> bool:
    """Whether no process has this number, not even a zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def until(condition: Callable[[], bool]) -> None:
    end_s = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end_s, "it did not come true"
        time.sleep(0.01)


def test_content_and_values_go_there_and_back(pool: WorkerPool) -> None:
    content = os.urandom(3 * MIB)
    for value in (None, 1.5, "words", {"a": [1, 2]}):
        told, array = pool.call(
            hostile.same, value, content=content, limits=USUAL, most_bytes=4 * MIB
        )
        assert told == value
        assert array is not None
        assert array.tobytes() == content


def test_a_process_is_kept_for_the_next_call_and_is_not_this_one(pool: WorkerPool) -> None:
    pids = {pool.call(hostile.pid, limits=USUAL)[0] for _ in range(5)}
    assert len(pids) == 1
    assert os.getpid() not in pids


@pytest.mark.parametrize("dying", [hostile.killed, hostile.aborted, hostile.ended])
def test_a_process_that_dies_fails_its_call_alone(pool: WorkerPool, dying: Any) -> None:
    (pid, _) = pool.call(hostile.pid, limits=USUAL)
    with pytest.raises(ProcessCrashedError, match="crashed"):
        pool.call(dying, limits=USUAL)
    (other, _) = pool.call(hostile.pid, limits=USUAL)
    assert other != pid
    until(lambda: is_gone(pid))
    assert len(pool.pids) == 1


def test_what_an_earlier_call_left_behind_does_not_fail_the_next(
    pool: WorkerPool, tmp_path: Path
) -> None:
    """The heap that one file corrupted may kill the process over the next: it is asked anew."""
    (pid, _) = pool.call(hostile.pid, limits=USUAL)
    (other, _) = pool.call(
        hostile.killed_once, content=os.fsencode(tmp_path / "died"), limits=USUAL
    )
    assert other != pid


@pytest.mark.parametrize("endless", [hostile.endless, hostile.asleep])
def test_a_call_without_end_is_ended_at_its_deadline(pool: WorkerPool, endless: Any) -> None:
    pool.call(hostile.nothing, limits=USUAL)
    start_s = time.monotonic()
    with pytest.raises(ProcessTimeoutError, match="exceeded its time limit"):
        pool.call(endless, limits=HASTY)
    assert time.monotonic() - start_s < 10
    assert pool.call(hostile.same, 3, limits=USUAL)[0] == 3


@posix_only
def test_processor_time_is_limited(pool: WorkerPool) -> None:
    limits = Limits(memory_bytes=256 * MIB, cpu_s=0.5, deadline_s=60)
    with pytest.raises(ProcessTimeoutError, match="processor time"):
        pool.call(hostile.endless, limits=limits)
    assert pool.call(hostile.same, 3, limits=limits)[0] == 3


@linux_only
@pytest.mark.parametrize("greedy", [hostile.greedy, hostile.greedy_in_words])
def test_memory_without_end_is_refused(pool: WorkerPool, greedy: Any) -> None:
    with pytest.raises(ProcessMemoryError, match="more memory"):
        pool.call(greedy, limits=USUAL)
    assert pool.call(hostile.same, 3, limits=USUAL)[0] == 3


@linux_only
def test_a_process_that_has_grown_is_replaced(pool: WorkerPool) -> None:
    wide = Limits(memory_bytes=2048 * MIB, cpu_s=20, deadline_s=30)
    (pid, _) = pool.call(hostile.leaking, limits=wide)
    until(lambda: is_gone(pid))
    assert pool.call(hostile.pid, limits=USUAL)[0] != pid


def test_errors_of_ours_come_as_they_are(pool: WorkerPool) -> None:
    (pid, _) = pool.call(hostile.pid, limits=USUAL)
    with pytest.raises(CorruptImageError, match=r"^cut off$"):
        pool.call(hostile.raising, "ours", limits=USUAL)
    assert pool.call(hostile.pid, limits=USUAL)[0] == pid


def test_other_errors_come_with_their_traceback(pool: WorkerPool) -> None:
    with pytest.raises(ProcessError, match="a bug") as caught:
        pool.call(hostile.raising, "bug", limits=USUAL)
    assert type(caught.value) is ProcessError
    assert "hostile.py" in str(caught.value)


def test_an_array_beyond_its_limit_is_not_taken(pool: WorkerPool) -> None:
    with pytest.raises(ProcessError, match="more than"):
        pool.call(hostile.large, [1000, 1000], limits=USUAL, most_bytes=999_999)


@pytest.mark.parametrize("sides", [[1000], [-1, 4], [2**40, 2**40], [1, 1, 1, 1, 1, 4], []])
def test_an_array_that_is_not_what_was_said_is_not_taken(
    pool: WorkerPool, sides: list[int]
) -> None:
    with pytest.raises(ProcessError):
        pool.call(hostile.lying, sides, limits=USUAL, most_bytes=10**6)
    assert pool.call(hostile.same, 3, limits=USUAL)[0] == 3


def test_what_libraries_print_does_not_get_in_the_way(
    pool: WorkerPool, capfd: pytest.CaptureFixture[str]
) -> None:
    assert pool.call(hostile.printing, limits=USUAL)[0] == "said"
    assert pool.call(hostile.same, 3, limits=USUAL)[0] == 3
    assert capfd.readouterr() == ("", "")


@posix_only
def test_limits_hold_in_the_process(pool: WorkerPool) -> None:
    (told, _) = pool.call(hostile.limits_here, limits=USUAL)
    assert told["RLIMIT_CORE"] == 0
    assert 0 < told["RLIMIT_NOFILE"] <= 64
    assert told["RLIMIT_FSIZE"] == USUAL.file_bytes
    assert 20 <= told["RLIMIT_CPU"] < 100
    if sys.platform == "linux":
        assert 256 * MIB < told["RLIMIT_AS"] < 16 * 2**30


@linux_only
def test_the_process_has_neither_our_secrets_nor_our_files(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("NEARFAR_SERVE_TOKEN", "let-me-in")
    pool = WorkerPool(1, hostile.nothing)
    with (tmp_path / "ours").open("w") as file:
        os.set_inheritable(file.fileno(), True)
        (told, _) = pool.call(hostile.surroundings, limits=USUAL)
    pool.close()
    assert told["names"] == []
    assert told["files"] <= 8  # three of every process, its pipe, its shared file, two it opened


def test_calls_at_once_have_a_process_each_and_no_more_than_there_may_be() -> None:
    pool = WorkerPool(2, hostile.nothing)
    try:
        with ThreadPoolExecutor(6) as threads:
            calls = [threads.submit(pool.call, hostile.same, n, limits=USUAL) for n in range(60)]
            assert [call.result()[0] for call in calls] == list(range(60))
        assert len(pool.pids) == 2
    finally:
        pool.close()


def test_who_finds_no_process_free_in_time_is_told_so(pool: WorkerPool) -> None:
    pool.call(hostile.nothing, limits=USUAL)
    busy = threading.Thread(target=lambda: _quietly(pool, 2.0))
    busy.start()
    time.sleep(0.3)
    with pytest.raises(BusyError, match="busy"):
        pool.call(hostile.nothing, limits=HASTY)
    busy.join()
    assert pool.call(hostile.same, 3, limits=USUAL)[0] == 3


def _quietly(pool: WorkerPool, deadline_s: float) -> None:
    with pytest.raises(ProcessTimeoutError):
        pool.call(hostile.asleep, limits=Limits(256 * MIB, 20, deadline_s))


def test_close_ends_all_processes_and_a_call_that_is_under_way() -> None:
    pool = WorkerPool(1, hostile.nothing)
    (pid, _) = pool.call(hostile.pid, limits=USUAL)
    failures: list[BaseException] = []

    def call() -> None:
        try:
            pool.call(hostile.asleep, limits=USUAL)
        except ProcessError as error:
            failures.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    time.sleep(0.3)
    pool.close()
    thread.join(30)
    assert len(failures) == 1
    assert is_gone(pid)
    assert pool.pids == ()
    with pytest.raises(ProcessError, match="stopped"):
        pool.call(hostile.nothing, limits=USUAL)


def test_processes_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    program = (
        "import os, signal\n"
        "from nearfar.isolation.pool import WorkerPool\n"
        "from tests.isolation import hostile\n"
        "pool = WorkerPool(1, hostile.nothing)\n"
        "pool.prepare(1)\n"
        "print(*pool.pids, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    pid = int(done.stdout)
    until(lambda: is_gone(pid))


@linux_only
def test_nothing_is_left_of_many_crashes(pool: WorkerPool) -> None:
    pool.call(hostile.nothing, limits=USUAL)
    gc.collect()
    before = _open_files()
    for _ in range(5):
        with pytest.raises(ProcessCrashedError):
            pool.call(hostile.killed, limits=USUAL)
    until(lambda: len(pool.pids) == 1)
    pool.call(hostile.nothing, limits=USUAL)
    assert _open_files() == before
    assert not [pid for pid in _children() if _state(pid) == "Z"]


def _open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def _children() -> list[int]:
    listed = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    return [int(pid) for path in listed for pid in path.read_text().split()]


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_arrays_of_every_kind_come_back(pool: WorkerPool) -> None:
    (_, array) = pool.call(hostile.large, [3, 5, 4], limits=USUAL, most_bytes=60)
    assert array is not None
    assert array.shape == (3, 5, 4)
    assert not np.any(array)
