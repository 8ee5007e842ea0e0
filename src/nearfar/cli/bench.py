"""Implement `nearfar bench`: time models in each runtime, and the service, on this machine."""

import json
import re
import sys
from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Final

from cyclopts import Parameter

from nearfar.cli import _bench_table
from nearfar.cli import _shared as args
from nearfar.errors import ModelMissingError, UsageError
from nearfar.models.catalog import Purpose
from nearfar.models.preprocess import target_size
from nearfar.models.registry import ModelRegistry
from nearfar.models.spec import ModelSpec
from nearfar.runtimes import autotune, benchmark
from nearfar.runtimes.autotune_cache import Candidate
from nearfar.runtimes.table import DeviceName, Runtime, RuntimeName

_RUNS = 30
_MEANT: Final[Mapping[Purpose, str]] = {"photo": "one photo", "stream": "many pictures"}
_SIZE = re.compile(r"(\d{1,5})x(\d{1,5})")


def bench(
    *,
    models: Annotated[list[str] | None, Parameter(name=["--model", "-m"], negative="")] = None,
    runtimes: Annotated[
        list[Runtime] | None,
        Parameter(name="--runtime", negative=""),
    ] = None,
    device: args.Device = "auto",
    size: str = "640x480",
    runs: int | None = None,
    threads: args.Threads = None,
    service: Annotated[bool, Parameter(negative="")] = False,
    json_lines: args.Json = False,
) -> int:
    """Time each installed model in each installed runtime, in turns.

    The table also has the part of the machine's fp32 peak that each reaches, the runtime that
    `auto` takes for many photos with each model, and the model and runtime that are taken for one
    photo and for many by default. The peak is the rate of a large matrix product; a multiply-add
    is two operations.

    Args:
        models: Only this model; may be given several times.
        runtimes: Only this runtime; may be given several times.
        size: Width x height of the photo; each model resizes it to its input.
        runs: Timed runs of each; 30 if unset.
        threads: Threads of a run; the machine's physical cores if unset.
        service: Time the service instead, for a minute, with several numbers of workers and of
            threads, to find the most photos per second.
        json_lines: Print JSON, a line a result.
    """
    photo_px, store = _parsed(size), ModelRegistry()
    if service:
        if runs is not None or threads is not None:
            raise UsageError(
                "--service tries numbers of threads itself: leave --runs and --threads"
            )
        return _service(models, runtimes, device, photo_px, json_lines=json_lines)
    runs = _RUNS if runs is None else runs
    if runs < 1:
        raise UsageError(f"--runs must be at least 1, not {runs}")
    specs = [store.spec(name) for name in models] if models else list(store.installed())
    if not specs:
        raise UsageError("no model is installed: nearfar models list, then pull one")
    peak_gflops = benchmark.fp32_peak_gflops(threads)
    defaults = _defaults(store, specs, photo_px, threads)
    status = 0
    for spec in specs:
        plan = _bench_table.Plan(
            spec, _places(spec, runtimes, device), photo_px, runs, threads, peak_gflops
        )
        rows = _bench_table.fill(plan, store, defaults=defaults, bar=sys.stderr.isatty())
        status |= any(row.error for row in rows)
        if json_lines:
            for row in rows:
                print(json.dumps(asdict(row)))
        else:
            _bench_table.show(plan, rows)
    if not json_lines:
        for purpose, way in defaults.items():
            print(f"taken for {_MEANT[purpose]} when neither model nor runtime is named: {way}")
        print(f"fp32 peak of this machine: {peak_gflops:.0f} GFLOP/s")
    return int(status)


def _service(
    models: list[str] | None,
    runtimes: list[Runtime] | None,
    device: DeviceName,
    photo_px: tuple[int, int],
    *,
    json_lines: bool,
) -> int:
    from nearfar.cli import _bench_service

    chosen: list[RuntimeName] = [*runtimes] if runtimes else ["auto"]
    for model in models or ["auto"]:
        for runtime in chosen:
            rows = _bench_service.fill(model, runtime, device, photo_px, bar=sys.stderr.isatty())
            if json_lines:
                for row in rows:
                    print(json.dumps(asdict(row)))
            else:
                _bench_service.show(rows, photo_px)
    return 0


def _places(
    spec: ModelSpec, runtimes: list[Runtime] | None, device: DeviceName
) -> tuple[tuple[Runtime, str], ...]:
    """List the runtimes to time, each with the devices that it offers here."""
    found = autotune.candidates([spec], "auto", device)
    if runtimes:
        found = tuple(
            each for name in runtimes for each in autotune.candidates([spec], name, device)
        )
    return tuple((each.runtime, each.device) for each in found)


def _defaults(
    store: ModelRegistry, specs: list[ModelSpec], photo_px: tuple[int, int], threads: int | None
) -> dict[Purpose, Candidate]:
    """Return what `auto` takes for each purpose, where that is one of `specs`."""
    found = {}
    for purpose in store.auto:
        try:
            candidates = store.candidates("auto", purpose)
        except ModelMissingError:
            continue
        if set(candidates) & set(specs):
            width_px, height_px = target_size(*photo_px, candidates[0].input)
            shape = (1, 3, height_px, width_px)
            found[purpose] = autotune.choose(
                store,
                candidates,
                shape,
                threads=threads,
                expected_photos=autotune.usual_photos(purpose),
            )
    return found


def _parsed(size: str) -> tuple[int, int]:
    match = _SIZE.fullmatch(size)
    if match is None or not all(int(side) for side in match.groups()):
        raise UsageError(f"--size is WIDTHxHEIGHT, for example 640x480, not {size}")
    return int(match[1]), int(match[2])
