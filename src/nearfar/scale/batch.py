"""`nearfar batch`: the Estimator over any number of photos, on Ray Data."""

import json
import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from nearfar import errors
from nearfar.config import EstimateOptions, ImageLimits, Options, OutputOptions, RuntimeName, option
from nearfar.errors import NearfarError, ScaleError, UsageError
from nearfar.loading import resolve
from nearfar.models.registry import ModelRegistry
from nearfar.optional import require
from nearfar.runtimes.cpu import physical
from nearfar.scale import run_folder
from nearfar.scale.ray_cluster import joined
from nearfar.scale.run_folder import Layout, Row
from nearfar.scale.sources import Source, source_of

if TYPE_CHECKING:
    from nearfar.scale.worker import Task

PART = 64


@dataclass(frozen=True)
class BatchOptions(Options):
    """How a run is shared out, and what it leaves."""

    to: Literal["files", "parquet"] = option(
        "What the maps become: files, or bytes in the table.", "files"
    )
    column: str = option("Of Parquet shards: where the photos or their paths are.", "")
    workers: int | None = option(
        "Processes, each with the network once; as many as the cores allow if unset.", None, ge=1
    )
    part: int = option(
        "Photos that a worker takes at once, about; each part is a file of the table.", PART, ge=1
    )
    address: str | None = option(
        "A Ray cluster that runs, or auto; by default one on this machine.", None
    )


PER_WORKER = 4
"""Threads of a worker unless told otherwise: beyond, they wait for each other's Python."""


def shared_out(cores: int, workers: int | None, threads: int | None) -> tuple[int, int]:
    """Say how many workers there are, and how many threads each has.

    Args:
        cores: of the machine, or of the cluster.
        workers: if they were asked for.
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
    """Set up Ray Data: every row by itself, and nothing on the screen."""
    import ray.data

    for handler in logging.getLogger("ray.data").handlers:
        if isinstance(handler, logging.StreamHandler):
            handler.setLevel(logging.CRITICAL)
    with warnings.catch_warnings():
        # its own old fields, which its copy sets anew
        warnings.filterwarnings("ignore", "`use_", DeprecationWarning, r"ray\.data\.context")
        context = ray.data.DataContext.get_current().copy()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    context.target_max_block_size = 1  # a block a row: parts go to whichever worker is free
    context.execution_no_progress_timeout_s = -1  # a big part of big photos may take an hour
    with ray.data.DataContext.current(context):
        yield ray.data


@contextmanager
def failing() -> Iterator[None]:
    """Turn what Ray raises into one line."""
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
    """Find the error of nearfar's own in one of Ray's, or in what that tells."""
    at: BaseException | None = error
    while at is not None:
        inner = getattr(at, "cause", None)
        if isinstance(inner, NearfarError):
            return inner
        at = inner if isinstance(inner, BaseException) else at.__cause__
    found = re.findall(r"nearfar\.errors\.(\w+): (.+)", str(error))
    if found:
        name, sentence = found[-1]
        kind: type[NearfarError] = getattr(errors, name, NearfarError)
        return kind(sentence.strip())
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    told = lines[-1] if lines else type(error).__name__
    return ScaleError(f"the cluster failed ({told[:300]}): run the same again to go on")


_STORE_BYTES: Final = 128 * 2**20
"""Of Ray's object store beside the model: what goes through it is where photos are."""

LISTED: Final = ("part", "photos")
"""Columns of what a worker takes; both are texts."""


@dataclass(frozen=True)
class Run:
    """What is to be done.

    Attributes:
        source: see `nearfar.scale.sources.source_of`.
        dest: a folder that every machine of the cluster sees under this path.
        options: how it is shared out, and what it leaves.
        model: a name, or auto.
        runtime: see `nearfar.load`.
        threads: of each worker; as many as the cores allow when not given.
        estimating: how a photo becomes depth.
        writing: which files, and how they look.
        limits: what is refused unread.
        force: begin anew in a destination that holds something.
        again: do parts again that have a photo with an error.
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

    def asked(self, source: Source) -> dict[str, Any]:
        """What decides on the results, by the names of the command line."""
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
    """A part that is done.

    Attributes:
        rows: one a photo.
        kept: it was done by an earlier run.
        total: photos in all; None as long as they are being counted.
        model: that made the maps.
        left_out: pictures that the run does not take, since they are named as results are; told
            in a last step without rows, where there are any.
        first_left_out: path or URL of the first of these.
    """

    rows: tuple[Row, ...]
    kept: bool
    total: int | None
    model: str
    left_out: int = 0
    first_left_out: str = ""


def steps(run: Run) -> Iterator[Step]:
    """Do a run, or go on with it where it stood.

    Whatever stops it, what is in the destination is whole: a part is in the table only once all
    its photos are done, and a worker that dies is replaced, its part done again.

    Args:
        run: what is to be done.

    Yields:
        A step a part, in the order in which they are done.

    Raises:
        MissingExtraError: Ray is not installed.
        UsageError: source, destination or options make no sense, together or with what the run
            in the destination was asked before.
        OutputExistsError: the destination holds something else.
        ScaleError: the cluster failed.
        NearfarError: whatever is wrong with the model, or with writing the table.
    """
    require("ray")
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
    """See what the run was before, choose the model once, and read it."""
    from nearfar.scale.worker import Task

    store = ModelRegistry()
    asked = run.asked(source)
    resolved = None if run.force else run_folder.begun(layout, asked)
    if resolved is None:
        way = resolve(
            run.model,
            purpose="stream",
            runtime=run.runtime,
            threads=1,
            store=store,
            max_side_px=run.estimating.max_side_px,
        )
        resolved = {
            "model": way.model,
            "runtime": way.runtime,
            "sha256": store.spec(way.model).sha256,
        }
        run_folder.begin(layout, asked, resolved)
    spec = store.spec(resolved["model"])
    if spec.sha256 != resolved["sha256"]:
        raise UsageError(
            f"{layout.dest} was begun with another file of {spec.name}: bring that back, give"
            " another destination, or begin anew",
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


def _on_ray(
    run: Run, source: Source, task: "Task", content: bytes, layout: Layout
) -> Iterator[Step]:
    import ray

    from nearfar.scale.listing import Listing, count
    from nearfar.scale.worker import Worker

    cluster = ray.cluster_resources()  # type: ignore[no-untyped-call] # Ray's own lack
    workers, threads = shared_out(int(cluster.get("CPU", 1)), run.options.workers, run.threads)
    seen = set[str]()
    counting = ray.remote(num_cpus=0)(count).remote(source)
    total: int | None = None
    with quiet_data() as data, failing():
        listed = data.read_datasource(
            Listing(source, run.options.part, by_stem=not task.maps_in_table),
            num_cpus=0,
            override_num_blocks=1,
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
                path.unlink()  # of photos that are gone, or in another part by now
