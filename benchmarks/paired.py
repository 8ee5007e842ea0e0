"""Two or more ways to do a thing, timed in turn, so that a slow minute slows all of them."""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias, TypeVar

from benchmarks.result import Spread

_LAUNCHER: Final = """
import json, os, sys, time
errors = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
nothing = os.open(os.devnull, os.O_RDWR)
files = [(os.POSIX_SPAWN_DUP2, nothing, 0), (os.POSIX_SPAWN_DUP2, nothing, 1),
         (os.POSIX_SPAWN_DUP2, errors, 2)]
began = time.perf_counter()
child = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ, file_actions=files)
_, status, usage = os.wait4(child, 0)
taken = time.perf_counter() - began
unit = 1 if sys.platform == "darwin" else 1024
print(json.dumps([os.waitstatus_to_exitcode(status), taken, usage.ru_utime + usage.ru_stime,
                  usage.ru_maxrss * unit]))
"""
"""Starts the command from a process that is itself small: on Linux, a new process's peak memory
begins with that of the process it was started from."""

REST_S: Final = 0.05
"""Before each call; a runtime's threads may spin for a while after a run, in the next one's way."""

Thing = TypeVar("Thing")
Command: TypeAlias = Sequence[str | os.PathLike[str]]


@dataclass(frozen=True)
class Cost:
    """What one run of a command took.

    Attributes:
        s: from start to end.
        core_s: time of all cores together.
        peak_mib: most memory resident at once; not less than the some 9 MiB of the launcher.
    """

    s: float
    core_s: float
    peak_mib: float


def environment(folder: Path) -> dict[str, str]:
    """Make the variables of a measured process, whatever the user's shell says.

    Args:
        folder: where all is kept: Python's bytecode, so that no run but the first compiles,
            and nearfar's home and cache.
    """
    env = {key: value for key, value in os.environ.items() if not key.startswith("NEARFAR_")}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    return env | {
        "PYTHONPYCACHEPREFIX": str(folder / "bytecode"),
        "NEARFAR_HOME": str(folder / "home"),
        "NEARFAR_CACHE": str(folder / "cache"),
    }


def run_command(command: Command, folder: Path) -> Cost:
    """Run a whole command.

    Args:
        command: program, found by its path, and arguments. What it prints is dropped.
        folder: see `environment`.

    Raises:
        RuntimeError: it failed; with what it said.
    """
    errors = folder / "errors.txt"
    answer = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _LAUNCHER, errors, *command],
        env=environment(folder),
        check=True,
        stdout=subprocess.PIPE,
    )
    status, s, core_s, peak_bytes = json.loads(answer.stdout)
    if status:
        said = errors.read_text(encoding="utf-8", errors="replace").strip()
        raise RuntimeError(f"{Path(command[0]).name} ended with status {status}: {said[-2000:]}")
    return Cost(s, core_s, peak_bytes / 2**20)


def commands_in_turn(
    commands: Mapping[str, Command], folder: Path, *, rounds: int, warmup: int = 1
) -> dict[str, list[Cost]]:
    """Run whole commands A, B, A, B, ...

    Args:
        commands: by name.
        folder: see `environment`.
        rounds: that count.
        warmup: rounds before them.
    """
    costs: dict[str, list[Cost]] = {name: [] for name in commands}
    for turn in range(warmup + rounds):
        for name in in_turn(commands, turn):
            cost = run_command(commands[name], folder)
            if turn >= warmup:
                costs[name].append(cost)
    return costs


def calls_in_turn(
    calls: Mapping[str, Callable[[], object]], *, rounds: int, warmup: int = 1
) -> dict[str, list[float]]:
    """Time callables A, B, A, B, ... of this process.

    Returns:
        Name -> seconds of each call.
    """
    times: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(warmup + rounds):
        for name in in_turn(calls, turn):
            time.sleep(REST_S)
            began = time.perf_counter()
            calls[name]()
            if turn >= warmup:
                times[name].append(time.perf_counter() - began)
    return times


def in_turn(things: Iterable[Thing], turn: int) -> list[Thing]:
    """Give the things, in every second round backwards."""
    return list(things) if turn % 2 else list(things)[::-1]


def spread(values: Sequence[float], scale: float = 1) -> Spread:
    """Sum up measured values.

    Args:
        values: at least one.
        scale: what each is multiplied by, such as 1000 for seconds to milliseconds.
    """
    return Spread(
        median=statistics.median(values) * scale,
        min=min(values) * scale,
        max=max(values) * scale,
        count=len(values),
    )
