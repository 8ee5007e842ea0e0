"""Choose a model's file, runtime and device: as given, or by a one-time measurement."""

import importlib.util
import logging
import time
from collections.abc import Sequence
from math import log2
from pathlib import Path
from typing import Final, TypeAlias

from nearfar.errors import DeviceError, InferenceError, ModelFileError
from nearfar.io.paths import cache_folder
from nearfar.models.catalog import Purpose
from nearfar.models.preprocess import target_size
from nearfar.models.registry import ModelRegistry
from nearfar.models.spec import PLAIN_GRAPH, GraphSpec, ModelSpec
from nearfar.runtimes import autotune_cache, benchmark, cpu, table
from nearfar.runtimes.autotune_cache import Candidate, Cost, Measurements
from nearfar.runtimes.base import Session, SessionClass
from nearfar.runtimes.table import CPU, DeviceName, Runtime, RuntimeName, RuntimeRow

Shape: TypeAlias = tuple[int, int, int, int]

MANY_PHOTOS: Final = 10_000
"""From this number of photos on only the rate matters: loading takes less than 0.1 % of the
time."""

_ROUNDS: Final = 15
_BUDGET_S: Final = 0.75  # a candidate

_log = logging.getLogger(__name__)


def usual_photos(purpose: Purpose) -> int:
    """Return the default number of expected photos of a purpose."""
    return 1 if purpose == "photo" else MANY_PHOTOS


def usual_shape(spec: ModelSpec, *, input_size_px: int | None = None) -> Shape:
    """Return the shape (1, 3, h, w) of a model's input for a photo of 640 x 480."""
    width_px, height_px = target_size(640, 480, spec.input, input_size_px=input_size_px)
    return (1, 3, height_px, width_px)


def open_session(
    model: bytes | Path,
    runtime: Runtime,
    *,
    device: str = CPU,
    threads: int | None = None,
    callers: int = 1,
    graph: GraphSpec = PLAIN_GRAPH,
) -> Session:
    """Load a network.

    Args:
        model: an ONNX file, or its content. onnxruntime needs less memory for a file.
        runtime: a name in `table.RUNTIMES`.
        device: the name of one of the runtime's devices.
        threads: of one run on the CPU; default: the physical cores.
        callers: number of threads that call `run` at the same time.
        graph: its family and its tensors' names, `ModelSpec.graph`.

    Raises:
        MissingExtraError: the runtime is not installed.
        DeviceError: the device is missing or does not start.
        ModelFileError: the file is damaged, or not a depth network.
        UsageError: less than one thread, or the runtime has no such device.
    """
    row = table.RUNTIMES[runtime]
    chosen = row.device(device)
    folder = cache_folder()
    session_class: SessionClass = row.session_class()
    return session_class(
        model,
        device=chosen,
        threads=threads,
        callers=callers,
        cache_dir=folder / runtime if folder else None,
        graph=graph,
    )


def open_chosen(
    model: bytes | Path,
    choice: Candidate,
    *,
    device: DeviceName,
    threads: int | None = None,
    callers: int = 1,
    graph: GraphSpec = PLAIN_GRAPH,
) -> Session:
    """Load the network of a choice; if `auto` chose a device that fails, load it on the CPU.

    Args:
        model: see `open_session`.
        choice: as returned by `choose`.
        device: the requested device; for `auto`, the CPU is used if the chosen one does not start,
            and a warning is logged.
        threads: see `open_session`.
        callers: see `open_session`.
        graph: see `open_session`.

    Raises: as `open_session`; DeviceError only for a device requested by name.
    """
    try:
        return open_session(
            model,
            choice.runtime,
            device=choice.device,
            threads=threads,
            callers=callers,
            graph=graph,
        )
    except DeviceError as error:
        if device != "auto":
            raise
        _log.warning("the CPU is used instead: %s", error)
        return open_session(model, choice.runtime, threads=threads, callers=callers, graph=graph)


def candidates(
    specs: Sequence[ModelSpec], runtime: RuntimeName = "auto", device: DeviceName = "auto"
) -> tuple[Candidate, ...]:
    """List the candidates of a choice.

    Args:
        specs: the result of `ModelRegistry.candidates`: a network and perhaps the same in int8.
        runtime: the only one allowed; `auto` allows every installed one.
        device: the only one allowed; `auto` allows the CPU, and every other that an installed
            runtime offers, for which the runtimes are imported.

    Returns:
        The candidates, with the default first: it is used unless another is clearly faster.

    Raises:
        UsageError: see `table.allowed`.
    """
    here = table.available()
    found = []
    for row in table.allowed(runtime, device):
        if row.name not in here:  # opening a session reports what is missing
            wanted = CPU if device == "auto" else device
            return (Candidate(specs[0].name, row.name, wanted),)
        names = _devices(row) if device == "auto" else (device,)
        found += [(row.name, name) for name in names]
    found.sort(key=lambda place: place[1] != CPU)
    return tuple(Candidate(spec.name, *place) for spec in specs for place in found)


def _devices(row: RuntimeRow) -> tuple[str, ...]:
    """Return the names of the CPU and of the other devices that a runtime's library offers."""
    return (CPU, *(name for name in row.offered() if name != CPU))


def choose(
    store: ModelRegistry,
    specs: Sequence[ModelSpec],
    shape: Shape,
    *,
    runtime: RuntimeName = "auto",
    device: DeviceName = "auto",
    threads: int | None = None,
    expected_photos: int = 1,
) -> Candidate:
    """Choose a network, a runtime and a device.

    If there are several candidates, all are timed once for these files, this size, number of
    threads and machine, and the times are stored in the cache folder. This takes about a second
    each, plus two cold starts each if loading counts. With stored times, no model is read and no
    runtime imported.

    Args:
        store: registry of the models.
        specs: see `candidates`.
        shape: (N, 3, h, w), input size of the measurement.
        runtime: see `candidates`.
        device: see `candidates`.
        threads: of one run; the physical cores by default.
        expected_photos: number of photos, estimated one after another: the choice minimizes the
            time of loading and this number of runs. From `MANY_PHOTOS` on, loading is not timed.

    Raises:
        MissingExtraError: the named runtime is not installed.
        DeviceError: the named device is missing or does not start.
        ChecksumError: a model's file has not the recorded SHA-256.
        ModelFileError: the first network's file is not a depth network.
        InferenceError: the first network can't run at this size.
        UsageError: less than one thread or photo; also see `candidates`.
    """
    choice = remembered(
        specs,
        shape,
        runtime=runtime,
        device=device,
        threads=threads,
        expected_photos=expected_photos,
    )
    if choice is not None:
        return choice.fastest(expected_photos)
    among = candidates(specs, runtime, device)
    if len(among) == 1:
        return among[0]
    choice = _measure(store, among, shape, threads, cold=expected_photos < MANY_PHOTOS)
    autotune_cache.store(
        _key(specs, shape, runtime, device, threads=threads, expected_photos=expected_photos),
        choice,
    )
    return choice.fastest(expected_photos)


def remembered(
    specs: Sequence[ModelSpec],
    shape: Shape,
    *,
    runtime: RuntimeName = "auto",
    device: DeviceName = "auto",
    threads: int | None = None,
    expected_photos: int = 1,
) -> Measurements | None:
    """Return stored measurements, or None; arguments are those of `choose`."""
    return autotune_cache.load(
        _key(specs, shape, runtime, device, threads=threads, expected_photos=expected_photos)
    )


def _measure(
    store: ModelRegistry,
    among: Sequence[Candidate],
    shape: Shape,
    threads: int | None,
    *,
    cold: bool,
) -> Measurements:
    """Measure the time of runs, and with `cold` also that of the first result of a new process."""
    batch = benchmark.sample(shape)
    sessions: dict[str, Session] = {}
    failed: set[tuple[str, str]] = set()
    for each in among:
        if (each.runtime, each.device) in failed:
            continue
        try:
            with store.opened(each.model) as path:
                session = open_session(
                    path,
                    each.runtime,
                    device=each.device,
                    threads=threads,
                    graph=store.spec(each.model).graph,
                )
            session.run(batch)
        except (ModelFileError, InferenceError, DeviceError) as error:
            if each == among[0]:
                raise
            if isinstance(error, DeviceError):  # for any network: one warning is sufficient
                failed.add((each.runtime, each.device))
                _log.warning("auto ignores %s: %s", each.device, error)
            else:
                _log.warning("auto ignores %s, which can't run: %s", each, error)
            continue
        sessions[str(each)] = session
    budget_s = _BUDGET_S * len(sessions)
    times = benchmark.interleaved(sessions, batch, runs=_ROUNDS, budget_s=budget_s)
    ran = [each for each in among if str(each) in sessions]
    sessions.clear()  # free the memory of their networks before others are loaded
    first_ms = _cold_start_ms(store, ran, shape, threads) if cold else {}
    return Measurements(
        {
            each: Cost(times[str(each)].median_ms, first_ms.get(each)) if each in ran else None
            for each in among
        }
    )


def _cold_start_ms(
    store: ModelRegistry, ran: Sequence[Candidate], shape: Shape, threads: int | None
) -> dict[Candidate, float]:
    """Measure each candidate's time to the first result in a new process; empty if that fails."""
    best_ms: dict[Candidate, float] = {}
    try:
        for order in (ran, ran[::-1]):  # the minimum of two: other programs can only add time
            for each in order:
                with store.opened(each.model) as path:
                    ms = benchmark.cold_start_ms(path, each.runtime, each.device, shape, threads)
                best_ms[each] = min(ms, best_ms.get(each, ms))
    except InferenceError as error:
        _log.warning("auto ignores the time of loading: %s", error)
        return {}
    return best_ms


def time_first_result(
    model: bytes, runtime: Runtime, device: str, shape: Shape, threads: int | None
) -> float:
    """Measure in this process what `benchmark.cold_start_ms` measures in a new one; see there."""
    batch = benchmark.sample(shape)
    began = time.perf_counter()
    open_session(model, runtime, device=device, threads=threads).run(batch)
    return (time.perf_counter() - began) * 1e3


def _key(
    specs: Sequence[ModelSpec],
    shape: Shape,
    runtime: RuntimeName,
    device: DeviceName,
    *,
    threads: int | None,
    expected_photos: int,
) -> str:
    """Return the cache key of a choice; sizes are rounded to powers of two in pixels."""
    parts = (
        *(f"{spec.name} {spec.sha256}" for spec in specs),
        f"2^{round(log2(shape[0] * shape[2] * shape[3]))} px",
        f"{cpu.threads_or_physical(threads)} threads",
        f"device {device}",
        "runs" if expected_photos >= MANY_PHOTOS else "runs and loading",
        cpu.cpu_name(),
        *(_release(row.name) for row in table.allowed(runtime, device)),
    )
    return " | ".join(parts)


def _release(runtime: Runtime) -> str:
    """Return the installed release by its metadata folder, such as onnxruntime-1.22.0.dist-info.

    Importing `importlib.metadata` would take longer than a network's run.
    """
    found = importlib.util.find_spec(runtime)
    if found is None or found.origin is None:
        return runtime
    folders = Path(found.origin).parents[1].glob(f"{runtime}*.dist-info")
    return ", ".join(sorted(folder.name for folder in folders)) or runtime
