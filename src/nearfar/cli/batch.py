"""`nearfar batch`: any number of photos in, depth maps and a table out."""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from nearfar.cli import arguments as args
from nearfar.config import EstimateOptions, ImageLimits, OutputOptions
from nearfar.scale.settings import BatchOptions


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

    A run that was stopped goes on where it stood, with the same command.

    Args:
        source: A folder, a list (.txt, a path or URL a line), Parquet or WebDataset tar shards,
            or a pattern; as paths, or as URLs such as s3://bucket/photos.
        dest: A folder for the maps and the table; every machine must see it.
        threads: Of each worker, a photo each; 4 at the most if unset.
        retry_failed: Do parts again in which a photo failed.
    """
    from nearfar.cli.batchreport import BatchReport
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
        print("nearfar: interrupted: the same command goes on from here", file=sys.stderr)
        return 130
    return report.status
