"""Measure a network's run time and cold start, and the machine's peak rate."""

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from nearfar.errors import InferenceError
from nearfar.runtimes.base import Batch, Session

FEWEST_ROUNDS: Final = 3
"""Rounds that are run even if they exceed the time budget."""

_SIDE: Final = 1536
"""Size of the square matrices: large enough that arithmetic, not memory, is the limit."""

_LIMITS: Final = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
"""Environment variables that NumPy's matrix libraries read once, while they load."""


@dataclass(frozen=True)
class Timing:
    """Times of one network, in milliseconds per run.

    Attributes:
        median_ms: half of the runs were faster.
        p95_ms: 95 of 100 runs were faster.
        runs: number of timed runs.
    """

    median_ms: float
    p95_ms: float
    runs: int


def median_ms(session: Session, batch: Batch, *, runs: int, warmup: int = 2) -> Timing:
    """Return the median run time of one network; see `interleaved`."""
    return interleaved({"": session}, batch, runs=runs, warmup=warmup)[""]


def interleaved(
    sessions: Mapping[str, Session],
    batch: Batch,
    *,
    runs: int,
    warmup: int = 2,
    budget_s: float | None = None,
    tick: Callable[[], None] | None = None,
) -> dict[str, Timing]:
    """Measure networks alternately, so that changes of the machine's speed affect all of them.

    Args:
        sessions: the networks by name; every second round runs in reverse order.
        batch: (N, 3, h, w) float32, the input of every run.
        runs: number of timed rounds, at least 1.
        warmup: number of rounds before them.
        budget_s: stop after this time, though not before `FEWEST_ROUNDS` rounds.
        tick: called after each round.

    Returns:
        Name -> times.

    Raises:
        InferenceError: a network failed.
    """
    names = list(sessions)
    taken: dict[str, list[float]] = {name: [] for name in names}
    start = time.perf_counter()
    for turn in range(warmup + runs):
        for name in names if turn % 2 else names[::-1]:
            began = time.perf_counter()
            sessions[name].run(batch)
            if turn >= warmup:
                taken[name].append((time.perf_counter() - began) * 1e3)
        if tick is not None:
            tick()
        late = budget_s is not None and time.perf_counter() - start > budget_s
        if late and turn + 1 - warmup >= FEWEST_ROUNDS:
            break
    return {name: _timing(times) for name, times in taken.items()}


def _timing(times_ms: list[float]) -> Timing:
    median, p95 = np.percentile(times_ms, (50, 95))
    return Timing(float(median), float(p95), len(times_ms))


def sample(shape: tuple[int, int, int, int]) -> Batch:
    """Create a batch of a shape, with fixed values in the range of a normalised photo."""
    return np.random.default_rng(0).standard_normal(shape, dtype=np.float32)


_COLD_START: Final = """
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from nearfar.runtimes.autotune import time_first_result
print(time_first_result(sys.stdin.buffer.read(), *json.loads(sys.argv[2])))
"""


def cold_start_ms(
    model: Path, runtime: str, device: str, shape: tuple[int, int, int, int], threads: int | None
) -> float:
    """Measure a network's time to the first result in a new process.

    Args:
        model: an ONNX file.
        runtime: see `nearfar.runtimes.autotune.open_session`.
        device: likewise.
        shape: (N, 3, h, w), shape of the input.
        threads: of one run; default: the physical cores.

    Returns:
        Milliseconds from the import of the runtime to the end of the first run. The start of Python
        and NumPy, common to all candidates, is excluded.

    Raises:
        InferenceError: the process can't be started, or failed.
    """
    import subprocess

    settings = json.dumps([runtime, device, shape, threads])
    command = [sys.executable, "-I", "-c", _COLD_START, json.dumps(sys.path), settings]
    try:
        with model.open("rb") as file:
            answer = subprocess.run(  # noqa: S603 - the command is written here
                command, stdin=file, capture_output=True, text=True, check=False
            )
    except OSError as error:
        raise InferenceError(
            f"a cold start can't be timed: {error}: free resources for one more process"
        ) from error
    if answer.returncode:
        lines = answer.stderr.strip().splitlines() or [f"exit status {answer.returncode}"]
        raise InferenceError(
            f"a cold start can't be timed ({lines[-1]}): try it with: nearfar doctor"
        )
    return float(answer.stdout.splitlines()[-1])


def fp32_peak_gflops(threads: int | None = None) -> float:
    """Measure the peak rate of NumPy's float32 matrix product over a few tries.

    No network on this machine is faster in practice. One multiply-add (MAC) is two
    operations: a network of M GMAC that takes t seconds runs at 2 M / t GFLOP/s.

    Args:
        threads: of the product; default: NumPy's own default. A given number needs a separate
            process, since NumPy reads it only while it loads.

    Returns:
        10^9 operations per second.

    Raises:
        InferenceError: the separate process failed.
    """
    if threads is None:
        return _rate_gflops()
    code = "from nearfar.runtimes.benchmark import fp32_peak_gflops as rate; print(rate())"
    import subprocess

    answer = subprocess.run(  # noqa: S603 - the command is written here
        [sys.executable, "-c", code],
        env=os.environ | dict.fromkeys(_LIMITS, str(threads)),
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode:
        lines = answer.stderr.strip().splitlines() or [f"exit status {answer.returncode}"]
        raise InferenceError(f"the machine's peak can't be measured: {lines[-1]}")
    return float(answer.stdout)


def _rate_gflops(tries: int = 6) -> float:
    left = np.full((_SIDE, _SIDE), 0.5, np.float32)
    right, product = left.T.copy(), np.empty_like(left)
    fastest_s = float("inf")
    for _ in range(tries):
        began = time.perf_counter()
        np.matmul(left, right, out=product)
        fastest_s = min(fastest_s, time.perf_counter() - began)
    return 2 * _SIDE**3 / fastest_s / 1e9
