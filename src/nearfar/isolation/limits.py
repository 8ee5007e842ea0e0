"""Limits of one call in a child process, and their enforcement by the child."""

import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

if sys.platform != "win32":  # there, only the separate process and the deadline protect
    import resource

_OPEN_FILES: Final = 64
_THREAD_BYTES: Final = 16 * 2**20
"""Address space of one thread of a decoder: its stack, and what its allocator reserves."""


@dataclass(frozen=True)
class Limits:
    """Limits of one call.

    Attributes:
        memory_bytes: address space beyond that at the start of the call
            (RLIMIT_AS). On Linux alone: macOS does not enforce it, Windows has no such limit.
        cpu_s: total processor time of all threads (RLIMIT_CPU).
        deadline_s: time limit of the result, after which the process is killed.
        file_bytes: maximum size of a file that it writes, including that of its result
            (RLIMIT_FSIZE).
    """

    memory_bytes: int
    cpu_s: float
    deadline_s: float
    file_bytes: int = 2**30


def enter() -> None:
    """Set permanent limits of this process: no core file, few open files."""
    if sys.platform != "win32":
        _lower(resource.RLIMIT_CORE, 0)
        _lower(resource.RLIMIT_NOFILE, _OPEN_FILES)


def apply(limits: Limits) -> None:
    """Set the limits of the call that begins now."""
    if sys.platform == "win32":
        return
    spare = _THREAD_BYTES * (os.cpu_count() or 1)
    if sys.platform == "linux":
        _soft(resource.RLIMIT_AS, address_space() + limits.memory_bytes + spare)
    _soft(resource.RLIMIT_FSIZE, limits.file_bytes)
    apply_cpu(limits.cpu_s)


def apply_cpu(cpu_s: float) -> None:
    """Limit the processor time of this process from now on."""
    if sys.platform == "win32":
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    _soft(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime + cpu_s) + 1)


def address_space() -> int:
    """Return the size of this process's address space in bytes; 0 if unknown."""
    if sys.platform != "linux":
        return 0
    return int(os.pread(_statm(), 64, 0).split()[0]) * _page_bytes()


@cache
def _statm() -> int:
    """Open the statistics of this process once; they are read at every call."""
    return os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)


@cache
def _page_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE")


if sys.platform != "win32":

    def _soft(kind: int, value: int) -> None:
        """Set a soft limit, within the hard one; it can be raised again for the next call."""
        with suppress(ValueError, OSError):  # macOS refuses some values of RLIMIT_AS
            _, hard = resource.getrlimit(kind)
            resource.setrlimit(kind, (_within(value, hard), hard))

    def _lower(kind: int, value: int) -> None:
        _, hard = resource.getrlimit(kind)
        least: Any = _within(value, hard)
        resource.setrlimit(kind, (least, least))

    def _within(value: int, hard: int) -> int:
        return value if hard == resource.RLIM_INFINITY else min(value, hard)
