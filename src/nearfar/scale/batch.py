"""`nearfar batch`: the Estimator over any number of photos, on Ray Data."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from nearfar.config import EstimateOptions, ImageLimits, OutputOptions, RuntimeName
from nearfar.errors import UsageError
from nearfar.loading import resolve
from nearfar.models.registry import Store
from nearfar.optional import require
from nearfar.runtimes.cpu import physical
from nearfar.scale import manifest
from nearfar.scale.joining import joined
from nearfar.scale.manifest import Layout
from nearfar.scale.raydata import failing, quiet_data
from nearfar.scale.settings import BatchOptions, shared_out
from nearfar.scale.sources import Source, source_of
from nearfar.scale.table import Row

if TYPE_CHECKING:
    from nearfar.scale.worker import Task

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
        raise UsageError("--to parquet holds maps only: leave out --color and --side-by-side")
    source = source_of(run.source, run.options.column)
    layout = Layout(run.dest.absolute(), maps_in_table=maps_in_table)
    _refuse_nested(source, layout.dest)
    if not run.force:
        manifest.refuse_strange(layout)
    with manifest.claimed(layout):
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

    store = Store()
    asked = run.asked(source)
    resolved = None if run.force else manifest.begun(layout, asked)
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
        manifest.begin(layout, asked, resolved)
    spec = store.spec(resolved["model"])
    if spec.sha256 != resolved["sha256"]:
        raise UsageError(
            f"{layout.dest} was begun with another file of {spec.name}: bring that back, give"
            " another destination, or --force to begin anew"
        )
    manifest.forget_attempts(layout)
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
    with manifest.writing_to(layout.dest):
        for path in layout.parts():
            if path.stem.removeprefix("part-") not in seen:
                path.unlink()  # of photos that are gone, or in another part by now
