"""How many processors a container may use: quotas of Linux control groups, versions 1 and 2.

The group of a process lies in others, each of which may set a limit; the least one holds.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from math import ceil
from pathlib import Path, PurePosixPath
from typing import Final

_PROC: Final = Path("/proc/self")


def quota(default: int, proc: Path = _PROC) -> int:
    """Return the limit in whole processors, rounded up, at least 1.

    Args:
        default: given back where there is no limit.
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
            # what lies outside of what is mounted here can't be seen: its top is the nearest
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
