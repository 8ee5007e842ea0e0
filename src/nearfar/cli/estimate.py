"""Implement `nearfar estimate`: photos in, depth maps out."""

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from nearfar.cli import _shared as args
from nearfar.cli._inputs import (
    STREAM,
    Inputs,
    Output,
    Recursive,
    binary_output,
    is_to_stdout,
    photos,
    split_output,
)
from nearfar.cli._shared import are_many, expected_photos, purpose_of
from nearfar.config import EstimateOptions, ImageLimits, OutputOptions
from nearfar.errors import UsageError
from nearfar.loading import load
from nearfar.runtimes.cpu import physical

if TYPE_CHECKING:
    from nearfar.estimator import Estimator


def estimate(
    inputs: Inputs,
    *,
    output: Output = None,
    model: args.Model = "auto",
    runtime: args.Runtime = "auto",
    device: args.Device = "auto",
    threads: args.Threads = None,
    estimating: args.Estimating = EstimateOptions(),
    fov: args.Fov = None,
    writing: args.Writing = OutputOptions(),
    recursive: Recursive = False,
    force: args.Force = False,
    skip_existing: Annotated[bool, Parameter(negative="", group=args.FILES)] = False,
    json_lines: args.Json = False,
    quiet: args.Quiet = False,
    limits: args.Limits = ImageLimits(),
) -> int:
    """Estimate the depth of photos: larger values, brighter pixels are nearer.

    Each map is written as `<stem>-depth.png` beside its photo, with 16 bits. A model that gives
    metres has its map written in metres.

    Args:
        inputs: Photos, folders, patterns such as 'trip/*.jpg', or - for standard input. Of two
            words, the second is the output if it is not there and has the suffix of a result.
        output: A file, for one photo; a folder, for several; - for standard output.
        skip_existing: Skip photos whose results are there already.
    """
    inputs, output = split_output(inputs, output, _suffixes)
    is_to_pipe = is_to_stdout(inputs, output, json_lines=json_lines)
    many = are_many(inputs)
    workers = (threads or physical()) if many else 1
    estimator = load(
        model,
        purpose=purpose_of(many=many),
        runtime=runtime,
        device=device,
        expected_photos=expected_photos(inputs),
        threads=1 if many else threads,
        callers=workers,
        **estimating.values(),
    ).with_fov(fov)
    # only now: what these import was imported while the network loaded
    from nearfar.cli._run_report import Report
    from nearfar.io.find_images import process_photos
    from nearfar.jobs import PhotoJob

    if is_to_pipe:
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
    found = partial(photos, inputs, recursive=recursive)
    total = sum(1 for _ in found(on_skip=left_out.append)) if many else None
    place = f"in {output}" if output else "beside the photos"
    with Report(
        model=estimator.spec.name,
        json_lines=json_lines,
        quiet=quiet,
        total=total,
        place=place,
        left_out=left_out,
    ) as report:
        for outcome in process_photos(found(), job.plan, job.work, workers=workers):
            report.add(outcome)
    return report.status


def _suffixes() -> set[str]:
    from nearfar.io.depth_files import COLOR_SUFFIXES, SUFFIXES

    return {*COLOR_SUFFIXES, *SUFFIXES}


def _to_stdout(
    inputs: list[str], estimator: "Estimator", writing: OutputOptions, limits: ImageLimits
) -> int:
    from nearfar.io.depth_files import DEFAULT_FORMAT
    from nearfar.io.images import ImageFile, encode_image

    if writing.side_by_side or (writing.color and writing.format is not None):
        raise UsageError("standard output takes one file: the map, or with --color its picture")
    source = sys.stdin.buffer if inputs == [STREAM] else inputs[0]
    with ImageFile(source, limits=limits) as file:
        depth = estimator.from_file(file)
    if writing.color:
        content = encode_image(depth.colorize(writing.colormap, robust=writing.robust), ".jpg")
    else:
        content = depth.encode(writing.format or DEFAULT_FORMAT)
    binary_output().write(content)
    return 0
