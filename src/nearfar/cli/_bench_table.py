"""Time a model in its runtimes, and print the table of `nearfar bench`."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType
from typing import Final

from nearfar.errors import DeviceError, InferenceError, ModelFileError
from nearfar.models.catalog import Purpose
from nearfar.models.preprocess import target_size
from nearfar.models.registry import ModelRegistry
from nearfar.models.spec import ModelSpec
from nearfar.runtimes import autotune, benchmark
from nearfar.runtimes.autotune_cache import Candidate
from nearfar.runtimes.base import Batch, Session, label
from nearfar.runtimes.benchmark import Timing
from nearfar.runtimes.table import CPU, RUNTIMES, Runtime

_WARMUP: Final = 2
_REFERENCE: Final = label(next(iter(RUNTIMES)), CPU)
"""Baseline of the speedup: the first row of the table, on the CPU."""


@dataclass(frozen=True)
class Plan:
    """A model to time, and how it is timed.

    Attributes:
        spec: the model.
        places: the runtimes that run it, interleaved, each with its device.
        photo_px: width and height of the photo.
        runs: of each.
        threads: of a run; None for the physical cores.
        peak_gflops: of the machine, with these threads.
    """

    spec: ModelSpec
    places: tuple[tuple[Runtime, str], ...]
    photo_px: tuple[int, int]
    runs: int
    threads: int | None
    peak_gflops: float

    @property
    def shape(self) -> autotune.Shape:
        """Shape of the input, (1, 3, h, w)."""
        width_px, height_px = target_size(*self.photo_px, self.spec.input)
        return (1, 3, height_px, width_px)

    @property
    def gmac(self) -> float | None:
        """10^9 multiply-adds of a run, where the catalogue has them."""
        if self.spec.macs_per_px is None:
            return None
        return self.spec.macs_per_px * self.shape[2] * self.shape[3] / 1e9


@dataclass(frozen=True)
class Row:
    """One model in one runtime; without times where it failed.

    Attributes:
        model: its name.
        runtime: its name, with its device where that is not the CPU.
        width_px: of the input.
        height_px: likewise.
        gmac: 10^9 multiply-adds a run; None when not known.
        median_ms: of a run.
        p95_ms: 95 of 100 runs were faster.
        photos_per_s: one by one.
        of_peak: part of the machine's peak; None when `gmac` is.
        speedup: how many times as fast as onnxruntime; None where that was not timed.
        auto: whether `auto` takes it for many photos with this model; None where onnxruntime was
            not timed.
        default: the purposes for which it is taken when neither model nor runtime is named.
        error: why there are no times.
    """

    model: str
    runtime: str
    width_px: int
    height_px: int
    gmac: float | None
    median_ms: float | None = None
    p95_ms: float | None = None
    photos_per_s: float | None = None
    of_peak: float | None = None
    speedup: float | None = None
    auto: bool | None = None
    default: tuple[Purpose, ...] = ()
    error: str | None = None


def fill(
    plan: Plan,
    store: ModelRegistry,
    *,
    defaults: Mapping[Purpose, Candidate] = MappingProxyType({}),
    bar: bool,
) -> list[Row]:
    """Time a model.

    Args:
        plan: the model, and how it is timed.
        store: the models of this machine.
        defaults: purpose -> candidate that is taken when neither model nor runtime is named.
        bar: whether to show a progress bar on standard error.

    Raises:
        ChecksumError: the model's file is not the recorded one.
        MissingExtraError: a runtime is not installed.
        UsageError: less than one thread.
    """
    model = store.read(plan.spec.name)
    batch = benchmark.sample(plan.shape)
    opened = {label(*place): _open(plan, model, place, batch) for place in plan.places}
    sessions: dict[str, Session] = {
        name: it for name, it in opened.items() if not isinstance(it, str)
    }
    with _ticking(plan, bar=bar) as tick:
        times = benchmark.interleaved(sessions, batch, runs=plan.runs, warmup=_WARMUP, tick=tick)
    auto = None
    if _REFERENCE in sessions:
        auto = autotune.choose(
            store,
            (plan.spec,),
            plan.shape,
            threads=plan.threads,
            expected_photos=autotune.MANY_PHOTOS,
        ).place
    rows = []
    for name, session in opened.items():
        row = Row(plan.spec.name, name, plan.shape[3], plan.shape[2], plan.gmac)
        if isinstance(session, str):
            rows.append(replace(row, error=session))
            continue
        row = replace(
            row,
            auto=None if auto is None else name == auto,
            default=tuple(
                each
                for each, way in defaults.items()
                if (way.model, way.place) == (plan.spec.name, name)
            ),
        )
        rows.append(_timed(row, times[name], plan.peak_gflops))
    return _compared(rows)


def _open(plan: Plan, model: bytes, place: tuple[Runtime, str], batch: Batch) -> Session | str:
    """Return a session that ran once, or the text of its error."""
    runtime, device = place
    try:
        session = autotune.open_session(
            model, runtime, device=device, threads=plan.threads, graph=plan.spec.graph
        )
        session.run(batch)
    except (ModelFileError, InferenceError, DeviceError) as error:
        return str(error)
    return session


def _timed(row: Row, timing: Timing, peak_gflops: float) -> Row:
    reached = None if row.gmac is None else 2 * row.gmac / (timing.median_ms / 1e3) / peak_gflops
    return replace(
        row,
        median_ms=timing.median_ms,
        p95_ms=timing.p95_ms,
        photos_per_s=1e3 / timing.median_ms,
        of_peak=reached,
    )


def _compared(rows: list[Row]) -> list[Row]:
    reference = next((row.median_ms for row in rows if row.runtime == _REFERENCE), None)
    return [
        replace(row, speedup=reference / row.median_ms) if reference and row.median_ms else row
        for row in rows
    ]


@contextmanager
def _ticking(plan: Plan, *, bar: bool) -> Iterator[Callable[[], None] | None]:
    """Yield a function to call after each round, which advances a progress bar."""
    if not bar:
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as shown:
        yield partial(shown.advance, shown.add_task(plan.spec.name, total=plan.runs + _WARMUP))


def show(plan: Plan, rows: list[Row]) -> None:
    """Print the table of one model."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    fed = f"fed {plan.shape[3]} x {plan.shape[2]} px"
    work = "" if plan.gmac is None else f", {plan.gmac:.2f} GMAC"
    table = Table(title=f"{plan.spec.name}: {fed}{work}", title_justify="left", box=SIMPLE_HEAD)
    table.add_column("runtime")
    for heading in ("median ms", "p95 ms", "photos/s", "of peak", f"vs {_REFERENCE}"):
        table.add_column(heading, justify="right")
    for row in rows:
        if row.median_ms is not None:
            name = f"{row.runtime} (auto)" if row.auto else row.runtime
            table.add_row(name, *_cells(row))
    console = Console(highlight=False)
    console.print(table)
    for row in rows:
        if row.error:
            console.print(f"{row.runtime}: {row.error}", markup=False, soft_wrap=True)


def _cells(row: Row) -> list[str]:
    cells = [(row.median_ms, ".1f"), (row.p95_ms, ".1f"), (row.photos_per_s, ".1f")]
    cells += [(row.of_peak, ".0%"), (row.speedup, ".2f")]
    return ["-" if value is None else format(value, form) for value, form in cells]
