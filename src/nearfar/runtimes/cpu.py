"""The processor: its name, cores, container quotas, and number of threads to use.

The control group of a process is nested in others, each of which may set a limit; the smallest
applies.
"""

import os
import platform
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from math import ceil
from pathlib import Path, PurePosixPath
from typing import Final

from nearfar.errors import UsageError

_PROC: Final = Path("/proc/self")


def quota(default: int, proc: Path = _PROC) -> int:
    """Return the quota in whole processors, rounded up, at least 1.

    Args:
        default: returned if there is no limit.
        proc: folder with `cgroup` and `mountinfo` of this process (cgroups(7), proc(5)).
    """
    with suppress(OSError, ValueError):
        limits = [limit for folder in _groups(proc) if (limit := _limit(folder)) is not None]
        if limits:
            return max(1, ceil(min(limits)))
    return default


def _groups(proc: Path) -> Iterator[Path]:
    """List the folders of this process's groups that may limit processors, innermost first."""
    mounts = list(_mounts(proc))
    for line in (proc / "cgroup").read_text().splitlines():
        _, controllers, group = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        for is_v2, root, folder in mounts:
            if is_v2 != (controllers == ""):
                continue
            inside = os.path.relpath(group, root)
            # a group outside of the mounted tree can't be read: use the root of the tree
            path = PurePosixPath("." if inside.startswith("..") else inside)
            yield from (folder / each for each in (path, *path.parents))


def _mounts(proc: Path) -> Iterator[tuple[bool, str, Path]]:
    """List mounted trees of groups: whether of version 2, their root there, and the folder."""
    for line in (proc / "mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        kind, _, options = after.split(" ", 2)
        root, folder = before.split(" ")[3:5]
        is_v1 = kind == "cgroup" and "cpu" in options.split(" ")[-1].split(",")
        if kind == "cgroup2" or is_v1:
            yield kind == "cgroup2", root, Path(folder)


def _limit(folder: Path) -> float | None:
    with suppress(OSError, ValueError):
        limit_us, period_us = (folder / "cpu.max").read_text().split()
        return None if limit_us == "max" else int(limit_us) / int(period_us)
    with suppress(OSError, ValueError, ZeroDivisionError):
        limit = int((folder / "cpu.cfs_quota_us").read_text())
        period = int((folder / "cpu.cfs_period_us").read_text())
        return limit / period if limit > 0 else None
    return None


_TOPOLOGY: Final = Path("/sys/devices/system/cpu")


def threads_or_physical(threads: int | None) -> int:
    """Return the given number of threads, or `physical()` if it is None.

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

    A network gains nothing from the second thread of a core: both share its arithmetic. On Linux
    the process's affinity and the quotas of its control groups are respected. On systems that
    report only logical processors (Windows), those are counted: too many threads cost less than
    idle cores.
    """
    if sys.platform == "darwin":
        count = _sysctl("hw.physicalcpu")
        return max(1, int(count)) if count.isdigit() else os.cpu_count() or 1
    if sys.platform != "linux":
        return os.cpu_count() or 1
    usable = os.sched_getaffinity(0)
    return max(1, min(count_cores(usable, _TOPOLOGY), quota(len(usable))))


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
            siblings.add(str(number))  # unknown: counted as a core
    return len(siblings)


@cache
def cpu_name() -> str:
    """Return the vendor's name of the processor, or its architecture if that is unknown."""
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
