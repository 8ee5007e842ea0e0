"""A folder of photos against as many runs of the bare model."""

import importlib.util
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks import photos
from benchmarks.cold_start import MODEL, program
from benchmarks.paired import calls_in_turn, run_command, spread
from benchmarks.photo_way import STAGES, opencv_threads, shares, walk
from benchmarks.result import Cell, Ratio, Spread, Table, write
from nearfar.config import OutputOptions
from nearfar.depth import DepthMap
from nearfar.estimator import Estimator
from nearfar.io.find_images import Found, process_photos
from nearfar.io.images import ImageFile
from nearfar.jobs import PhotoJob
from nearfar.loading import load
from nearfar.models.registry import ModelRegistry
from nearfar.runtimes.base import Batch
from nearfar.runtimes.cpu import physical
from nearfar.runtimes.table import Runtime

COUNT: Final = 500
CHUNK: Final = 50
BOUND: Final = 0.85
STAGED: Final = 100
"""Photos whose stages are timed."""

NOTE: Final = (
    "nearfar works on as many photos at once as there are cores, each with one thread; its"
    " session alone is run the same way. The bare model runs one picture at a time with all"
    " cores, and loses more than nearfar does where other programs take part of a core."
)
ONCE_NOTE: Final = (
    "The whole command was run once, after the others and not in turn with them: where other"
    " programs come and go meanwhile, its ratio moves with them."
)


def main() -> None:
    """Measure and write the result."""
    runtimes: list[Runtime] = ["onnxruntime"]
    if importlib.util.find_spec("openvino"):
        runtimes.append("openvino")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = photos.many(folder / "photos", COUNT)
        rates: list[tuple[Cell, ...]] = []
        ratios: list[Ratio] = []
        tables: list[Table] = []
        for runtime in runtimes:
            times = _in_turn(runtime, paths, folder)
            command = run_command(_command(runtime, folder), folder)
            ours, bare, together = times["folder"], times["bare"], times["together"]
            rates += [
                (f"bare model, {runtime}", _rate(bare)),
                (f"nearfar's session alone, {runtime}", _rate(together)),
                (f"nearfar's folder, {runtime}", _rate(ours)),
                (f"whole command, {runtime}, {COUNT} photos, once", COUNT / command.s),
            ]
            ratios += _ratios(runtime, spread(bare).median, spread(ours).median, command.s)
            ratios.append(
                Ratio(
                    what=f"rate of nearfar's folder, over its session's alone, {runtime}",
                    value=spread(together).median / spread(ours).median,
                )
            )
            tables.append(_stages(runtime, paths[:STAGED]))
    write(
        "folder_rate",
        title="A folder of photos",
        question=f"How much of the bare model's rate is left when {COUNT} photos are decoded,"
        " estimated and written?",
        data=f"{COUNT} JPEGs of 640 x 480, quality 90: random cuts of the five examples, half of"
        f" them mirrored. In one process, {CHUNK} photos and {CHUNK} runs of the bare model in"
        " turn: one session made once, one picture at a time, all cores, the runtime's default"
        " options (openvino: fp32).",
        ratios=ratios,
        tables=[Table(title="Rates", columns=("", "a second"), rows=tuple(rates)), *tables],
        notes=(NOTE, ONCE_NOTE),
    )


def _ratios(runtime: str, bare_s: float, ours_s: float, command_s: float) -> list[Ratio]:
    return [
        Ratio(
            what=f"rate of nearfar's folder, over the bare model's, {runtime}",
            value=bare_s / ours_s,
            bound=BOUND,
            at_least=True,
        ),
        Ratio(
            what=f"the same for the whole command with its start, {runtime}",
            value=bare_s * (COUNT / CHUNK) / command_s,
            bound=BOUND,
            at_least=True,
        ),
    ]


def _rate(seconds: list[float]) -> Spread:
    return spread([CHUNK / s for s in seconds])


def _command(runtime: Runtime, folder: Path) -> list[str | Path]:
    command: list[str | Path] = [program(), "estimate", folder / "photos", "-o", folder / "whole"]
    return [*command, "-m", MODEL, "--runtime", runtime, "--force", "--quiet"]


def _in_turn(runtime: Runtime, paths: list[Path], folder: Path) -> dict[str, list[float]]:
    """Seconds a chunk, of the whole way and of the bare model."""
    workers = physical()
    estimator = load(MODEL, runtime=runtime, threads=1, callers=workers)
    batch = _batch(estimator, paths[0])
    infer = bare(runtime, ModelRegistry().read(MODEL))
    chunks = [paths[start : start + CHUNK] for start in range(0, len(paths), CHUNK)]
    turn = iter([chunks[0], *chunks])

    def whole() -> None:
        job = PhotoJob(estimator, OutputOptions(), folder / "maps", many=True, force=True)
        for outcome in process_photos(map(Found, next(turn)), job.plan, job.work, workers=workers):
            if outcome.error is not None:
                raise outcome.error

    def alone() -> None:
        for _ in range(CHUNK):
            infer(batch)

    def together() -> None:
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(estimator.session.run, [batch] * CHUNK))

    calls = {"folder": whole, "bare": alone, "together": together}
    return calls_in_turn(calls, rounds=len(chunks))


def bare(runtime: Runtime, model: bytes) -> Callable[[Batch], Any]:
    """Load a network with the runtime's own defaults, and give what runs it once."""
    if runtime == "openvino":
        import openvino as ov

        core = ov.Core()
        config = {"INFERENCE_PRECISION_HINT": "f32"}  # what nearfar promises too
        compiled = core.compile_model(core.read_model(model), "CPU", config)
        request = compiled.create_infer_request()
        return lambda batch: request.infer([batch])
    import onnxruntime as ort

    session = ort.InferenceSession(model, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda batch: session.run(None, {name: batch})


def _batch(estimator: Estimator, path: Path) -> Batch:
    with ImageFile(path) as file:
        return estimator.prepare(file.read())


def _stages(runtime: Runtime, paths: list[Path]) -> Table:
    """Time each stage, one photo after the other on one core."""
    estimator = load(MODEL, runtime=runtime, threads=1)
    with opencv_threads(1):
        taken = [walk(estimator, path, DepthMap.encode) for path in paths]
    medians_ms = np.median(taken, axis=0) * 1e3
    rows: list[tuple[Cell, ...]] = [
        (stage, float(ms), float(percent))
        for stage, ms, percent in zip(STAGES, medians_ms, shares(taken), strict=True)
    ]
    return Table(
        title=f"A photo's way on one core, {runtime}",
        columns=("stage", "ms", "core share %"),
        rows=tuple(rows),
    )


if __name__ == "__main__":
    main()
