"""The processor: how many threads are worth having, and what it is called."""

import os
import platform
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Final

from nearfar.errors import UsageError
from nearfar.runtimes import cgroups

_TOPOLOGY: Final = Path("/sys/devices/system/cpu")


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
    Linux the process's affinity and the quotas of its control groups count too. Where the system
    tells of logical processors only (Windows), those are counted: too many threads cost
    less than idle cores.
    """
    if sys.platform == "darwin":
        count = _sysctl("hw.physicalcpu")
        return max(1, int(count)) if count.isdigit() else os.cpu_count() or 1
    if sys.platform != "linux":
        return os.cpu_count() or 1
    usable = os.sched_getaffinity(0)
    return max(1, min(count_cores(usable, _TOPOLOGY), cgroups.quota(len(usable))))


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
