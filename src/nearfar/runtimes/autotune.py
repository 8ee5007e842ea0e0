"""Which model in which runtime on this machine: asked for, or measured once and remembered."""

import importlib.util
import logging
from collections.abc import Sequence
from math import log2
from pathlib import Path
from typing import Final, TypeAlias

from nearfar.config import DEFAULT_MAX_SIDE_PX, RuntimeName
from nearfar.errors import InferenceError, ModelFileError
from nearfar.io.paths import cache_folder
from nearfar.models.preprocess import target_size
from nearfar.models.registry import ModelRegistry
from nearfar.models.spec import PLAIN_GRAPH, GraphSpec, ModelSpec
from nearfar.runtimes import autotune_cache, benchmark, cpu
from nearfar.runtimes.autotune_cache import Candidate, Measurements
from nearfar.runtimes.base import Runtime, Session
from nearfar.runtimes.onnx import OnnxSession
from nearfar.runtimes.openvino import OpenvinoSession

Shape: TypeAlias = tuple[int, int, int, int]

RUNTIMES: Final[tuple[Runtime, ...]] = ("onnxruntime", "openvino")

_ROUNDS: Final = 15
_BUDGET_S: Final = 0.75  # a way

_log = logging.getLogger(__name__)


def available() -> tuple[Runtime, ...]:
    """Name the runtimes that are installed; none is imported."""
    found = importlib.util.find_spec
    return tuple(name for name in RUNTIMES if name == "onnxruntime" or found(name) is not None)


def usual_shape(spec: ModelSpec, *, max_side_px: int = DEFAULT_MAX_SIDE_PX) -> Shape:
    """Give (1, 3, h, w) of what a model is fed for a photo of 640 x 480."""
    width_px, height_px = target_size(640, 480, spec.input, max_side_px=max_side_px)
    return (1, 3, height_px, width_px)


def open_session(
    model: bytes | Path,
    runtime: Runtime,
    *,
    threads: int | None = None,
    callers: int = 1,
    graph: GraphSpec = PLAIN_GRAPH,
) -> Session:
    """Load a network.

    Args:
        model: an ONNX file, or its content. onnxruntime reads a file in less memory.
        runtime: what is to run it.
        threads: of one run; the physical cores when not given.
        callers: how many threads will call `run` at the same time.
        graph: its family and the names of its tensors, `ModelSpec.graph`.

    Raises:
        MissingExtraError: the runtime is not installed.
        ModelFileError: the file is damaged, or no depth network.
        UsageError: less than one thread.
    """
    if runtime == "onnxruntime":
        return OnnxSession(model, threads=threads, graph=graph)
    content = model if isinstance(model, bytes) else model.read_bytes()
    home = cache_folder()
    folder = home / "openvino" if home else None
    return OpenvinoSession(content, threads=threads, callers=callers, cache_dir=folder, graph=graph)


def ways(specs: Sequence[ModelSpec], runtime: RuntimeName = "auto") -> tuple[Candidate, ...]:
    """List what there is to choose from.

    Args:
        specs: what `ModelRegistry.candidates` gave: a network and perhaps the same in int8.
        runtime: the only one that may be taken; `auto` is onnxruntime, and openvino where that
            is installed.

    Returns:
        The ways, first the one that is kept where no other is clearly faster.
    """
    allowed = available() if runtime == "auto" else (runtime,)
    if runtime not in ("auto", *available()):  # opening it says what is missing
        specs = specs[:1]
    return tuple(Candidate(spec.name, name) for spec in specs for name in allowed)


def take(
    store: ModelRegistry,
    specs: Sequence[ModelSpec],
    shape: Shape,
    *,
    runtime: RuntimeName = "auto",
    threads: int | None = None,
) -> Candidate:
    """Choose a network and a runtime.

    Where there is more than one way, all are timed once for these files, this size, number of
    threads and machine, which takes about a second each, and the times are kept in the cache
    folder. No model is read and no runtime imported where the times are known.

    Args:
        store: where the models lie.
        specs: see `ways`.
        shape: (N, 3, h, w) that the ways are timed with.
        runtime: see `ways`.
        threads: of one run; the physical cores when not given.

    Raises:
        MissingExtraError: the runtime asked for is not installed.
        ChecksumError: a model's file is not the recorded one.
        ModelFileError: the first network's file is no depth network.
        InferenceError: the first network can't run at this size.
        UsageError: less than one thread.
    """
    first, *others = ways(specs, runtime)
    if not others:
        return first
    choice = remembered(specs, shape, runtime=runtime, threads=threads)
    if choice is None:
        choice = _measure(store, (first, *others), shape, threads)
        autotune_cache.keep(_key(specs, shape, runtime, threads), choice)
    return choice.taken


def remembered(
    specs: Sequence[ModelSpec],
    shape: Shape,
    *,
    runtime: RuntimeName = "auto",
    threads: int | None = None,
) -> Measurements | None:
    """Give what was measured earlier; see `take` for the arguments."""
    return autotune_cache.recall(_key(specs, shape, runtime, threads))


def _measure(
    store: ModelRegistry, among: Sequence[Candidate], shape: Shape, threads: int | None
) -> Measurements:
    batch = benchmark.sample(shape)
    sessions: dict[str, Session] = {}
    for way in among:
        try:
            with store.opened(way.model) as path:
                graph = store.spec(way.model).graph
                session = open_session(path, way.runtime, threads=threads, graph=graph)
            session.run(batch)
        except (ModelFileError, InferenceError) as error:
            if way == among[0]:
                raise
            _log.warning("auto does without %s, which can't run: %s", way, error)
            continue
        sessions[str(way)] = session
    budget_s = _BUDGET_S * len(sessions)
    times = benchmark.interleaved(sessions, batch, runs=_ROUNDS, budget_s=budget_s)
    return Measurements(
        {way: times[str(way)].median_ms if str(way) in times else None for way in among}
    )


def _key(
    specs: Sequence[ModelSpec], shape: Shape, runtime: RuntimeName, threads: int | None
) -> str:
    """Name what a choice holds for; sizes count as one up to a factor of two in pixels."""
    runtimes = dict.fromkeys(way.runtime for way in ways(specs, runtime))
    parts = (
        *(f"{spec.name} {spec.sha256}" for spec in specs),
        f"2^{round(log2(shape[0] * shape[2] * shape[3]))} px",
        f"{cpu.threads_or_physical(threads)} threads",
        cpu.cpu_name(),
        *map(_release, runtimes),
    )
    return " | ".join(parts)


def _release(runtime: Runtime) -> str:
    """Name what is installed, by the folder of its metadata, such as onnxruntime-1.22.0.dist-info.

    The import of `importlib.metadata` alone would take longer than a network's run.
    """
    found = importlib.util.find_spec(runtime)
    if found is None or found.origin is None:
        return runtime
    folders = Path(found.origin).parents[1].glob(f"{runtime}*.dist-info")
    return ", ".join(sorted(folder.name for folder in folders)) or runtime
