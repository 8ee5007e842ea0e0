"""Estimate the depth of any number of photos on Ray Data, and resume a run that was stopped."""

import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from nearfar.config import EstimateOptions, ImageLimits, Options, OutputOptions, option
from nearfar.errors import NearfarError, ScaleError, UsageError
from nearfar.loading import resolve
from nearfar.models.registry import ModelRegistry
from nearfar.runtimes.cpu import physical
from nearfar.runtimes.table import CPU, RuntimeName
from nearfar.scale import run_folder
from nearfar.scale.ray_cluster import joined, require_ray
from nearfar.scale.run_folder import Layout, Row
from nearfar.scale.sources import Source, count, distinct, parts, source_of

if TYPE_CHECKING:
    from nearfar.scale.worker import Task

PART = 64


@dataclass(frozen=True)
class BatchOptions(Options):
    """How a run is distributed, and what it writes."""

    to: Literal["files", "parquet"] = option(
        "Store the maps as files, or as bytes in the table.", "files"
    )
    column: str = option("Column of Parquet shards with the photos or their paths.", "")
    workers: int | None = option(
        "Processes, each with one copy of the network; as many as the cores allow if unset.",
        None,
        ge=1,
    )
    part: int = option(
        "Approximate number of photos in a part, the unit of work and file of the table.",
        PART,
        ge=1,
    )
    address: str | None = option(
        "Address of a running Ray cluster, or auto; by default one is started on this machine.",
        None,
    )


PER_WORKER = 4
"""Most threads of a worker by default: more of them wait for the interpreter lock."""


def shared_out(cores: int, workers: int | None, threads: int | None) -> tuple[int, int]:
    """Return the number of workers, and of threads in each.

    Args:
        cores: of the machine, or of the cluster.
        workers: if the caller chose a number.
        threads: likewise.

    Returns:
        Workers and threads of each, 1 or more.
    """
    if threads is None:
        threads = min(PER_WORKER, cores) if workers is None else cores // workers
        threads = max(1, min(PER_WORKER, threads))
    return workers or max(1, cores // threads), threads


@contextmanager
def quiet_data() -> Iterator[Any]:
    """Set up Ray Data to make a block of each row and to print nothing."""
    import ray.data

    for handler in logging.getLogger("ray.data").handlers:
        if isinstance(handler, logging.StreamHandler):
            handler.setLevel(logging.CRITICAL)
    with warnings.catch_warnings():
        # Ray's copy of its context sets its own deprecated fields
        warnings.filterwarnings("ignore", "`use_", DeprecationWarning, r"ray\.data\.context")
        context = ray.data.DataContext.get_current().copy()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    context.target_max_block_size = 1  # one row per block: a part is sent to any free worker
    context.raise_original_map_exception = True
    context.execution_no_progress_timeout_s = -1  # a large part of large photos may take an hour
    with ray.data.DataContext.current(context):
        yield ray.data


@contextmanager
def failing() -> Iterator[None]:
    """Convert Ray's exceptions in the block to the causing error of nearfar, or ScaleError."""
    from ray.exceptions import RayError

    try:
        yield
    except RayError as error:
        raise _cause(error) from error
    except NearfarError:
        raise
    except Exception as error:
        if type(error).__module__.partition(".")[0] == "ray":
            raise _cause(error) from error
        raise


def _cause(error: BaseException) -> NearfarError:
    """Return the nearfar error that an exception of Ray contains, or a ScaleError."""
    at: BaseException | None = error
    while at is not None:
        inner = getattr(at, "cause", None)
        if isinstance(inner, NearfarError):
            inner.args = (str(inner).partition("\n")[0],)  # Ray Data appends lines about retries
            return inner
        at = inner if isinstance(inner, BaseException) else at.__cause__
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    last = lines[-1] if lines else type(error).__name__
    return ScaleError(f"the cluster failed ({last[:300]}): run the same command again to continue")


_STORE_BYTES: Final = 128 * 2**20
"""Size of Ray's object store beside the model; only references to photos pass through it."""

LISTED: Final = ("part", "photos")
"""Columns of a worker's input, both texts: name of the part, and `Part.packed`."""


@dataclass(frozen=True)
class Run:
    """The source, destination and options of a run.

    Attributes:
        source: see `nearfar.scale.sources.source_of`.
        dest: a folder that every machine of the cluster has under this path.
        options: how it is distributed, and what it writes.
        model: a name, or auto.
        runtime: see `nearfar.load`.
        threads: of each worker; as many as the cores allow when not given.
        estimating: options of estimation.
        writing: which files to write, and their format and colors.
        limits: sizes beyond which a photo is refused unread.
        force: whether to start over in a destination that is not empty.
        again: whether to repeat parts that have a photo with an error.
    """

    source: str
    dest: Path
    options: BatchOptions = BatchOptions()
    model: str = "auto"
    runtime: RuntimeName = "auto"
    threads: int | None = None
    estimating: EstimateOptions = EstimateOptions()
    writing: OutputOptions = OutputOptions()
    limits: ImageLimits = ImageLimits()
    force: bool = False
    again: bool = False

    def result_options(self, source: Source) -> dict[str, Any]:
        """Return the options that determine the results, by the names of the command line."""
        values = {
            **self.estimating.values(),
            **self.writing.values(),
            **self.limits.values(),
            "source": source.place,
            "column": self.options.column,
            "to": self.options.to,
            "part": self.options.part,
            "model": self.model,
            "runtime": self.runtime,
        }
        return {f"--{name.replace('_', '-')}": value for name, value in values.items()}


@dataclass(frozen=True)
class Step:
    """A finished part.

    Attributes:
        rows: one per photo.
        kept: whether it was done by an earlier run.
        total: number of photos of the run; None until they are counted.
        model: of the maps.
        left_out: pictures that the run leaves out because they are named like results; given in
            a last step without rows, where there are any.
        first_left_out: path or URL of the first of these.
    """

    rows: tuple[Row, ...]
    kept: bool
    total: int | None
    model: str
    left_out: int = 0
    first_left_out: str = ""


def steps(run: Run) -> Iterator[Step]:
    """Do a run, or resume it where it was stopped.

    The destination is consistent at any time: a part is added to the table once all its photos are
    done, and if a worker crashes, it is replaced and its part repeated.

    Args:
        run: source, destination and options.

    Yields:
        A step for each part, in the order in which they are done.

    Raises:
        MissingExtraError: Ray is not installed.
        UsageError: source, destination or options contradict each other, or the options of the
            run that is in the destination already.
        OutputExistsError: the destination holds other files.
        ScaleError: the cluster failed.
        NearfarError: the model can't be loaded, or the table can't be written.
    """
    require_ray()
    maps_in_table = run.options.to == "parquet"
    if maps_in_table and (run.writing.color or run.writing.side_by_side):
        raise UsageError(
            "a table in Parquet holds maps only: leave out color and side_by_side",
            options=("to", "color", "side_by_side"),
        )
    source = source_of(run.source, run.options.column)
    layout = Layout(run.dest.absolute(), maps_in_table=maps_in_table)
    _refuse_nested(source, layout.dest)
    if not run.force:
        run_folder.refuse_strange(layout)
    with run_folder.claimed(layout):
        task, content = _prepared(run, source, layout)
        workers, threads = shared_out(physical(), run.options.workers, run.threads)
        with joined(
            run.options.address,
            cpus=workers * threads,
            store_bytes=_STORE_BYTES + len(content),
        ):
            yield from _on_ray(run, source, task, content, layout)


def _refuse_nested(source: Source, dest: Path) -> None:
    place = Path(source.place)
    if dest == place or place in dest.parents:
        raise UsageError(f"{dest} is in {place}, which is read: choose another destination")


def _prepared(run: Run, source: Source, layout: Layout) -> "tuple[Task, bytes]":
    """Read the manifest of the run, choose the model once, and read its file."""
    from nearfar.scale.worker import Task

    store = ModelRegistry()
    asked = run.result_options(source)
    resolved = None if run.force else run_folder.begun(layout, asked)
    if resolved is None:
        candidate = resolve(
            run.model,
            purpose="stream",
            runtime=run.runtime,
            device=CPU,  # Ray hides GPUs from tasks that reserve none
            threads=1,
            store=store,
            input_size_px=run.estimating.input_size_px,
        )
        resolved = {
            "model": candidate.model,
            "runtime": candidate.runtime,
            "sha256": store.spec(candidate.model).sha256,
        }
        run_folder.begin(layout, asked, resolved)
    spec = store.spec(resolved["model"])
    if spec.sha256 != resolved["sha256"]:
        raise UsageError(
            f"{layout.dest} was begun with another file of {spec.name}: restore that file, give"
            " another destination, or start again",
            options=("overwrite",),
        )
    run_folder.forget_attempts(layout)
    task = Task(
        spec=spec,
        runtime=resolved["runtime"],
        threads=1,
        estimating=run.estimating,
        writing=run.writing,
        limits=run.limits,
        dest=layout.dest,
        maps_in_table=layout.maps_in_table,
        again=run.again,
    )
    return task, store.read(spec.name)


def _listed(source: Source, size: int, *, by_stem: bool) -> Iterator[dict[str, str]]:
    """Yield the columns `LISTED` of each part of a source, as fast as parts are consumed."""
    for part in parts(distinct(source.photos(), by_stem=by_stem), size):
        yield {"part": part.name, "photos": part.packed()}


def _on_ray(
    run: Run, source: Source, task: "Task", content: bytes, layout: Layout
) -> Iterator[Step]:
    import ray

    from nearfar.scale.worker import Worker

    cluster = ray.cluster_resources()  # type: ignore[no-untyped-call] # Ray's own lack
    workers, threads = shared_out(int(cluster.get("CPU", 1)), run.options.workers, run.threads)
    seen = set[str]()
    counting = ray.remote(num_cpus=0)(count).remote(source)
    total: int | None = None
    with quiet_data() as data, failing():
        listed = data.from_items([0]).flat_map(
            lambda _: _listed(source, run.options.part, by_stem=not task.maps_in_table), num_cpus=0
        )
        done = listed.map_batches(
            Worker,
            fn_constructor_args=(replace(task, threads=threads), ray.put(content)),
            batch_size=1,
            batch_format="pyarrow",
            compute=data.ActorPoolStrategy(size=workers, max_tasks_in_flight_per_actor=2),
            num_cpus=threads,
        )
        for batch in done.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0):
            for part in batch.to_pylist():
                if total is None and ray.wait([counting], timeout=0)[0]:
                    total = ray.get(counting).photos
                seen.add(part["part"])
                rows = tuple(Row(**row) for row in json.loads(part["rows"]))
                yield Step(rows, part["kept"], total, task.spec.name)
        counted = ray.get(counting)
        if counted.left_out:
            left_out = counted.left_out, counted.first_left_out
            yield Step((), True, counted.photos, task.spec.name, *left_out)
    with run_folder.writing_to(layout.dest):
        for path in layout.parts():
            if path.stem.removeprefix("part-") not in seen:
                path.unlink()  # its photos were removed, or are in another part now
