"""A module of the benchmarks in a process of its own, asked for what it prints."""

import os
import resource
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent

_STATUS: Final = Path("/proc/self/status")
_PEAK: Final = "VmHWM:"


def ask(
    module: str,
    *arguments: str | os.PathLike[str],
    flags: tuple[str, ...] = (),
    env: Mapping[str, str] | None = None,
) -> str:
    """Run a module to its end, and give what it printed.

    Args:
        module: with its package, `benchmarks.load_clients`.
        arguments: of the module.
        flags: of Python.
        env: variables; this process's own where none are given.

    Raises:
        CalledProcessError: it failed; it said why on standard error.
    """
    answer = subprocess.run(
        [sys.executable, *flags, "-m", module, *arguments],
        cwd=ROOT,
        env=env,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return answer.stdout


def own_peak_mib() -> float:
    """Tell the most memory that this process had resident at once.

    On Linux by the kernel's figure for this program alone: what `getrusage` tells begins with the
    peak of the process that started this one.
    """
    if _STATUS.exists():
        lines = _STATUS.read_text(encoding="utf-8").splitlines()
        (line,) = (line for line in lines if line.startswith(_PEAK))
        return int(line.split()[1]) / 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20
