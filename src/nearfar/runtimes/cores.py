"""The processor: how many threads are worth having, and what it is called."""

import os
import platform
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Final

from nearfar.errors import UsageError

_TOPOLOGY: Final = Path("/sys/devices/system/cpu")
_QUOTA: Final = Path("/sys/fs/cgroup/cpu.max")


def threads_or_physical(threads: int | None) -> int:
    """Give the asked number of threads, or `physical()` when none was asked.

    Raises:
        UsageError: less than one.
    """
    if threads is None:
        return physical()
    if threads < 1:
        raise UsageError(f"threads must be at least 1, not {threads}")
    return threads


@cache
def physical() -> int:
    """Count the physical cores that this process may use.

    A network gains nothing from the second thread of a core: both share its arithmetic. On
    Linux the process's affinity and the quota of its container count too. Where the system
    tells of logical processors only (Windows), those are counted: too many threads cost
    less than idle cores.
    """
    if sys.platform == "darwin":
        count = _sysctl("hw.physicalcpu")
        return max(1, int(count)) if count.isdigit() else os.cpu_count() or 1
    if sys.platform != "linux":
        return os.cpu_count() or 1
    usable = os.sched_getaffinity(0)
    return max(1, min(count_cores(usable, _TOPOLOGY), quota(_QUOTA, len(usable))))


def count_cores(usable: set[int], topology: Path) -> int:
    """Count the cores that the logical processors `usable` belong to.

    Args:
        usable: numbers of logical processors.
        topology: the folder that holds `cpu<N>/topology` (Linux: sysfs).
    """
    siblings = set()
    for number in usable:
        path = topology / f"cpu{number}" / "topology" / "thread_siblings_list"
        try:
            siblings.add(path.read_text().strip())
        except OSError:
            siblings.add(str(number))  # not told: a core of its own
    return len(siblings)


def quota(path: Path, default: int) -> int:
    """Read a container's limit, in whole processors, rounded up.

    Args:
        path: a `cpu.max` file of cgroup v2: "<microseconds or max> <period>".
        default: given back when there is no such file or no limit.
    """
    with suppress(OSError, ValueError):
        limit_us, period_us = path.read_text().split()
        if limit_us != "max":
            return max(1, -(-int(limit_us) // int(period_us)))
    return default


@cache
def cpu_name() -> str:
    """Name the processor as its maker does, or by its architecture where that isn't told."""
    if sys.platform == "darwin":
        return _sysctl("machdep.cpu.brand_string") or platform.machine()
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()


def _sysctl(name: str) -> str:
    import subprocess

    try:
        answer = subprocess.run(  # noqa: S603 - the command is written here
            ["/usr/sbin/sysctl", "-n", name], capture_output=True, text=True, check=False
        )
    except OSError:
        return ""
    return answer.stdout.strip()
