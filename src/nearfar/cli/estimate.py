"""`nearfar estimate`: photos in, depth maps out."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from nearfar.cli import _shared as args
from nearfar.cli._shared import are_many, purpose_of
from nearfar.config import EstimateOptions, ImageLimits, OutputOptions
from nearfar.errors import UsageError
from nearfar.loading import load
from nearfar.runtimes.cpu import physical

if TYPE_CHECKING:
    from nearfar.estimator import Estimator
    from nearfar.io.find_images import Found

STREAM = "-"


def _no_options(_: type, inputs: list[str]) -> None:
    """Refuse what a lone `-` makes the parser let through."""
    for text in inputs:
        if text.startswith("-") and text != STREAM:
            raise ValueError(f"unknown option {text}")


def estimate(
    inputs: Annotated[
        list[str],
        Parameter(
            name=["--input", "-i"], negative="", allow_leading_hyphen=True, validator=_no_options
        ),
    ],
    *,
    output: Annotated[
        str | None, Parameter(name=["--output", "-o"], allow_leading_hyphen=True)
    ] = None,
    model: args.Model = "auto",
    runtime: args.Runtime = "auto",
    threads: args.Threads = None,
    estimating: args.Estimating = EstimateOptions(),
    fov: args.Fov = None,
    writing: args.Writing = OutputOptions(),
    recursive: Annotated[bool, Parameter(name=["--recursive", "-r"], negative="")] = False,
    force: args.Force = False,
    skip_existing: Annotated[bool, Parameter(negative="")] = False,
    json_lines: args.Json = False,
    quiet: args.Quiet = False,
    limits: args.Limits = ImageLimits(),
) -> int:
    """Estimate the depth of photos: larger values, brighter pixels are nearer.

    Each map is written as `<stem>-depth.png` beside its photo, 16 bits deep. A model that gives
    metres has its map written in metres.

    Args:
        inputs: Photos, folders, patterns such as 'trip/*.jpg', or - for standard input.
        output: A file, for one photo; a folder, for several; - for standard output.
        recursive: Also search the folders in folders.
        skip_existing: Pass over photos whose maps are there already.
    """
    many = are_many(inputs)
    workers = (threads or physical()) if many else 1
    estimator = load(
        model,
        purpose=purpose_of(many=many),
        runtime=runtime,
        threads=1 if many else threads,
        callers=workers,
        **estimating.values(),
    ).with_fov(fov)
    # only now: what these import was imported while the network loaded
    from nearfar.cli._run_report import Report
    from nearfar.io.find_images import find, work_on
    from nearfar.jobs import PhotoJob

    if output == STREAM or (inputs == [STREAM] and output is None):
        return _to_stdout(inputs, estimator, writing, limits)
    job = PhotoJob(
        estimator,
        writing,
        Path(output) if output else None,
        many=many,
        limits=limits,
        force=force,
        skip_existing=skip_existing,
    )
    left_out: list[Path] = []
    listed = find(inputs, recursive=recursive, passed_over=left_out.append)
    total = sum(1 for _ in listed) if many else None
    place = f"in {output}" if output else "beside the photos"
    photos = find(inputs, recursive=recursive) if inputs != [STREAM] else [_stdin()]
    with Report(
        model=estimator.spec.name,
        json_lines=json_lines,
        quiet=quiet,
        total=total,
        place=place,
        left_out=left_out,
    ) as report:
        for outcome in work_on(photos, job.plan, job.work, workers=workers):
            report.add(outcome)
    return report.status


def _stdin() -> "Found":
    from nearfar.io.find_images import Found

    return Found(Path("stdin"), stream=sys.stdin.buffer)


def _to_stdout(
    inputs: list[str], estimator: "Estimator", writing: OutputOptions, limits: ImageLimits
) -> int:
    from nearfar.io.images import ImageFile

    if len(inputs) != 1 or writing.color or writing.side_by_side:
        raise UsageError("standard output takes the map of one photo, and no pictures beside it")
    source = sys.stdin.buffer if inputs == [STREAM] else inputs[0]
    with ImageFile(source, limits=limits) as file:
        sys.stdout.buffer.write(estimator.from_file(file).encode(writing.format or "png16"))
    return 0
