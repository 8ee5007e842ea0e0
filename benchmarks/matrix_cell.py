"""One cell of the matrix, in a process of its own: `python -m benchmarks.matrix_cell PLAN.json`.

Prints what it measured as JSON: of a network its times, its rate and the process's peak memory;
of a peak the rates of a big product and a big convolution.
"""

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks import peak
from benchmarks.child import own_peak_mib
from benchmarks.paired import REST_S
from benchmarks.peak import Precision
from nearfar.runtimes.autotune import open_session
from nearfar.runtimes.base import Batch, Session
from nearfar.runtimes.benchmark import sample
from nearfar.runtimes.cpu import physical
from nearfar.runtimes.table import Runtime


@dataclass(frozen=True)
class Plan:
    """What a cell measures.

    Attributes:
        runtime: what computes.
        precision: of the network, or of the peak.
        seconds: of each of its two measurements.
        file: of the network; empty for the peak.
        shape: (1, 3, h, w) of what the network is fed.
    """

    runtime: Runtime
    precision: Precision
    seconds: float
    file: str = ""
    shape: tuple[int, int, int, int] = (1, 3, 0, 0)


@dataclass(frozen=True)
class Speed:
    """What a network's cell found.

    Attributes:
        times_ms: of each run, one at a time with all cores.
        rate: runs a second, as many at a time as there are cores, each with one thread.
        peak_mib: of the process, before the rate was measured.
    """

    times_ms: tuple[float, ...]
    rate: float
    peak_mib: float


def speed(plan: Plan) -> Speed:
    """Measure a network."""
    batch = sample(plan.shape)
    session = open_session(Path(plan.file), plan.runtime)
    times_ms = _times_ms(session, batch, plan.seconds)
    peak_mib = own_peak_mib()
    cores = physical()
    many = open_session(Path(plan.file), plan.runtime, threads=1, callers=cores)
    return Speed(times_ms, rate(many, batch, cores, plan.seconds), peak_mib)


def _times_ms(session: Session, batch: Batch, seconds: float) -> tuple[float, ...]:
    for _ in range(3):
        session.run(batch)
    time.sleep(REST_S)
    times_ms, end_s = [], time.perf_counter() + seconds
    while (began_s := time.perf_counter()) < end_s:
        session.run(batch)
        times_ms.append((time.perf_counter() - began_s) * 1e3)
    return tuple(times_ms)


def rate(session: Session, batch: Batch, callers: int, seconds: float) -> float:
    """Measure how many runs end a second, with so many callers that never wait."""

    def call(seconds: float) -> float:
        count, began_s = 0, time.perf_counter()
        while not count or time.perf_counter() - began_s < seconds:
            session.run(batch)
            count += 1
        return count / (time.perf_counter() - began_s)

    with ThreadPoolExecutor(callers) as pool:
        list(pool.map(call, [0.0] * callers))
        return sum(pool.map(call, [seconds] * callers))


def main(file: str) -> None:
    """Carry out a plan."""
    told = json.loads(Path(file).read_text(encoding="utf-8"))
    plan = Plan(**{**told, "shape": tuple(told["shape"])})
    if plan.file:
        print(json.dumps(asdict(speed(plan))))
    else:
        found = {
            kind: peak.gops(plan.runtime, plan.precision, kind, plan.seconds) for kind in peak.KINDS
        }
        print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
