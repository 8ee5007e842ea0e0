"""Implement `nearfar batch`: any number of photos in, depth maps and a table out."""

import sys
import time
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Annotated, Any, Final, final

from cyclopts import Parameter

from nearfar.cli import _shared as args
from nearfar.cli._shared import print_json, print_left_out, print_warnings
from nearfar.config import EstimateOptions, ImageLimits, OutputOptions
from nearfar.scale.batch import BatchOptions

if TYPE_CHECKING:
    from nearfar.scale.batch import Step

NAMED: Final = 20
"""Errors, and warnings, that are printed in full; all are in the table."""


@final
class BatchReport:
    """Print each part when it is added; leaving without an error prints the summary.

    Args:
        dest: the destination, as it was given.
        json_lines: print a line of JSON a photo to standard output.
        quiet: print errors only.
    """

    def __init__(self, dest: Path, *, json_lines: bool, quiet: bool) -> None:
        self._dest = dest
        self._json_lines = json_lines
        self._quiet = quiet
        self._start = time.perf_counter()
        self._made = self._kept = self._failed = 0
        self._errors: list[str] = []
        self._warnings: list[str] = []
        self._odd = 0
        self._left_out, self._first_left_out = 0, ""
        self._bar = ExitStack()
        self._progress: Any = None
        self._task: Any = None

    @property
    def status(self) -> int:
        """Exit status: 1 when a photo failed, now or in the part of the run that was done."""
        return 1 if self._failed else 0

    def __enter__(self) -> "BatchReport":
        if not self._quiet and sys.stderr.isatty():
            from nearfar.cli._progress import bar

            self._progress = self._bar.enter_context(bar("photos/s"))
            self._task = self._progress.add_task("starting Ray", total=None)
        elif not self._quiet:
            print("nearfar: starting Ray", file=sys.stderr)
        return self

    def add(self, step: "Step") -> None:
        """Print the rows of one part."""
        failed = [row.error for row in step.rows if row.error]
        well = len(step.rows) - len(failed)
        self._failed += len(failed)
        self._kept += well if step.kept else 0
        self._made += 0 if step.kept else well
        self._errors += failed[: max(0, NAMED - len(self._errors))]
        odd = [f"{row.path}: {row.warnings}" for row in step.rows if row.warnings]
        self._odd += len(odd)
        self._warnings += odd[: max(0, NAMED - len(self._warnings))]
        if step.left_out:
            self._left_out, self._first_left_out = step.left_out, step.first_left_out
        if self._json_lines:
            for row in step.rows:
                known = {name: value for name, value in asdict(row).items() if value is not None}
                print_json(known | ({"kept": True} if step.kept else {}))
        if self._progress is not None:
            self._progress.update(
                self._task, advance=len(step.rows), total=step.total, description=""
            )

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.close()
        if kind is not None:
            return
        for sentence in self._errors:
            print(f"nearfar: {sentence}", file=sys.stderr)
        if not self._quiet:
            print_warnings(self._warnings, self._odd, "the table")
            print_left_out(self._left_out, self._first_left_out, "in a list")
            self._sum()

    def _sum(self) -> None:
        seconds = time.perf_counter() - self._start
        total = self._made + self._kept + self._failed
        parts = [f"{self._made} of {total} photos in {seconds:.1f} s, in {self._dest}"]
        if self._made:
            parts.append(f"{self._made / seconds:.1f} a second")
        parts += [f"{self._kept} were there already"] * bool(self._kept)
        if self._failed:
            where = "named above" if self._failed <= NAMED else "all named in the table"
            parts.append(f"{self._failed} failed, {where}")
        print(", ".join(parts), file=sys.stderr)


def batch(
    source: str,
    dest: Path,
    /,
    *,
    options: Annotated[
        BatchOptions, Parameter(name="*", name_transform=args.dashed, negative="")
    ] = BatchOptions(),
    model: args.Model = "auto",
    runtime: args.Runtime = "auto",
    threads: int | None = None,
    estimating: args.Estimating = EstimateOptions(),
    writing: args.Writing = OutputOptions(),
    force: args.Force = False,
    retry_failed: Annotated[bool, Parameter(negative="")] = False,
    json_lines: args.Json = False,
    quiet: args.Quiet = False,
    limits: args.Limits = ImageLimits(),
) -> int:
    """Estimate the depth of any number of photos, on this machine or a Ray cluster.

    The same command continues a run that was stopped.

    Args:
        source: A folder, a list (.txt, a path or URL a line), Parquet or WebDataset tar shards,
            or a pattern; as paths, or as URLs such as s3://bucket/photos.
        dest: A folder for the maps and the table, which every machine can write.
        threads: Of each worker, a photo each; 4 at the most if unset.
        retry_failed: Repeat the parts in which a photo failed.
    """
    from nearfar.scale.batch import Run, steps

    run = Run(
        source=source,
        dest=dest,
        options=options,
        model=model,
        runtime=runtime,
        threads=threads,
        estimating=estimating,
        writing=writing,
        limits=limits,
        force=force,
        again=retry_failed,
    )
    report = BatchReport(dest, json_lines=json_lines, quiet=quiet)
    try:
        with report:
            for step in steps(run):
                report.add(step)
    except KeyboardInterrupt:
        print("nearfar: interrupted: the same command continues from here", file=sys.stderr)
        return 130
    return report.status
