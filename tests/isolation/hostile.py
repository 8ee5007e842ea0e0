"""What a decoder that a hostile file has taken over may do, in a child process."""

import errno
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from nearfar.errors import CorruptImageError, WriteError
from nearfar.isolation.child import CallResult


def nothing(_: bytes) -> CallResult:
    return None, None


def same(content: bytes, value: Any) -> CallResult:
    return value, np.frombuffer(content, np.uint8) if content else None


def pid(_: bytes) -> CallResult:
    return os.getpid(), None


def killed(*_: Any) -> CallResult:
    os.kill(os.getpid(), signal.SIGKILL)
    return None, None


def aborted(*_: Any) -> CallResult:
    os.abort()


def ended(*_: Any) -> CallResult:
    os._exit(0)


def killed_once(content: bytes) -> CallResult:
    """Die in the first process, and answer in the next."""
    path = Path(os.fsdecode(content))
    if path.exists():
        return os.getpid(), None
    path.touch()
    os.kill(os.getpid(), signal.SIGKILL)
    return None, None


def full_disk(*_: Any) -> CallResult:
    """Fail as a call of the system does on a full disk."""
    raise OSError(errno.ENOSPC, "No space left on device", "/srv/secret")


def full_disk_in_words(*_: Any) -> CallResult:
    """Fail as a writer does on a full disk."""
    try:
        full_disk()
    except OSError as error:
        raise WriteError("can't write /srv/secret/film.mp4: No space left") from error
    return None, None


def endless(*_: Any) -> CallResult:
    while True:
        pass


def asleep(*_: Any) -> CallResult:
    time.sleep(1000)
    return None, None


def greedy(*_: Any) -> CallResult:
    """Take memory without end, and touch it."""
    taken = []
    while True:
        taken.append(np.ones(2**21))


def greedy_in_words(*_: Any) -> CallResult:
    """Fail as a decoder does that wraps a lack of memory."""
    try:
        greedy()
    except MemoryError as error:
        raise CorruptImageError("the JPEG is damaged") from error
    return None, None


def leaking(_: bytes, kept: list[Any] = []) -> CallResult:  # noqa: B006 - it leaks
    kept.append(np.ones(2**26))
    return os.getpid(), None


def raising(_: bytes, name: str) -> CallResult:
    raise {"ours": CorruptImageError("cut off"), "bug": ZeroDivisionError("a bug")}[name]


def large(_: bytes, sides: list[int]) -> CallResult:
    return None, np.zeros(sides, np.uint8)


def printing(_: bytes) -> CallResult:
    sys.stdout.write("a library prints\n")
    sys.stdout.flush()
    os.write(1, b"\0\0\0\4oops")
    os.write(2, b"\0\0\0\4oops")
    return "said", None


def limits_here(_: bytes) -> CallResult:
    import resource

    return {
        name: resource.getrlimit(getattr(resource, name))[0]
        for name in ("RLIMIT_AS", "RLIMIT_CPU", "RLIMIT_NOFILE", "RLIMIT_CORE", "RLIMIT_FSIZE")
    }, None


def surroundings(_: bytes) -> CallResult:
    names = [name for name in os.environ if name.startswith("NEARFAR_SERVE_")]
    return {"names": names, "files": len(list(Path("/proc/self/fd").iterdir()))}, None


class Liar(bytes):
    """Stands in the place of an array, and says that it is larger than it is."""

    shape: tuple[int, ...]
    dtype = np.dtype(np.uint8)


def lying(_: bytes, sides: list[int]) -> Any:
    liar = Liar(b"four")
    liar.shape = tuple(sides)
    return None, liar


def in_child(parent: int, function: str, photo: Any, depth: Any) -> Any:
    """Stand in the place of what is made of a frame; harmless in the parent, which tries it out."""
    if os.getpid() != parent and photo[0, 0].tolist() != [0, 0, 0]:
        globals()[function]()
    return np.zeros_like(photo)


def nonsense(line: Any, _: int) -> CallResult:
    line.send(frames=10**9)
    time.sleep(1000)
    return None, None


def silent(_: Any, __: int) -> CallResult:
    time.sleep(1000)
    return None, None


def chattering(line: Any, _: int) -> CallResult:
    """Say for ever that another preview is there, and nothing else."""
    while True:
        line.send(preview="AAAA")
        time.sleep(0.01)


def wide_run(line: Any, _: int) -> CallResult:
    line.send(run=1, shape=[1, 3, 2**20, 2**20])
    time.sleep(1000)
    return None, None
