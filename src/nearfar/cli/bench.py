"""`nearfar bench`: how fast each model runs in each runtime on this machine."""

import json
import re
import sys
from dataclasses import asdict
from typing import Annotated

from cyclopts import Parameter

from nearfar.cli import arguments as args
from nearfar.cli import timetable
from nearfar.errors import UsageError
from nearfar.models.store import Store
from nearfar.runtimes import choose, measure

_SIZE = re.compile(r"(\d{1,5})x(\d{1,5})")


def bench(
    *,
    models: Annotated[list[str] | None, Parameter(name=["--model", "-m"], negative="")] = None,
    runtimes: Annotated[
        list[choose.Runtime] | None,
        Parameter(name="--runtime", negative=""),
    ] = None,
    size: str = "640x480",
    runs: int = 30,
    threads: args.Threads = None,
    json_lines: args.Json = False,
) -> int:
    """Time each installed model in each installed runtime, in turns.

    Also tells what part of the machine's fp32 peak each reaches, and which runtime `auto`
    takes. The peak is the rate of a large matrix product; a multiply-add is two operations.

    Args:
        models: Only this model; may be given several times.
        runtimes: Only this runtime; may be given several times.
        size: Width x height of the photo; each model is fed what it makes of that.
        runs: Timed runs of each.
        threads: Threads of a run; the machine's physical cores if unset.
        json_lines: Print JSON, a line a result.
    """
    photo_px, store = _parsed(size), Store()
    if runs < 1:
        raise UsageError(f"--runs must be at least 1, not {runs}")
    specs = [store.spec(name) for name in models] if models else list(store.installed())
    if not specs:
        raise UsageError("no model is installed: nearfar models list, then pull one")
    peak_gflops = measure.fp32_peak_gflops(threads)
    status = 0
    for spec in specs:
        plan = timetable.Plan(
            spec, tuple(runtimes or choose.available()), photo_px, runs, threads, peak_gflops
        )
        rows = timetable.fill(plan, store.read(spec.name), bar=sys.stderr.isatty())
        status |= any(row.error for row in rows)
        if json_lines:
            for row in rows:
                print(json.dumps(asdict(row)))
        else:
            timetable.show(plan, rows)
    if not json_lines:
        print(f"fp32 peak of this machine: {peak_gflops:.0f} GFLOP/s")
    return int(status)


def _parsed(size: str) -> tuple[int, int]:
    match = _SIZE.fullmatch(size)
    if match is None or not all(int(side) for side in match.groups()):
        raise UsageError(f"--size is WIDTHxHEIGHT, for example 640x480, not {size}")
    return int(match[1]), int(match[2])
