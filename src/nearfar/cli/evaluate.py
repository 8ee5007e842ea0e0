"""`nearfar evaluate`: how good models are, on pictures whose depth is known."""

import math
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from nearfar.cli import arguments as args
from nearfar.cli import scoretable
from nearfar.cli.progress import photo_bar
from nearfar.errors import OutputExistsError, UsageError
from nearfar.evaluation import runner
from nearfar.evaluation.layouts.detect import ReaderName, open_dataset
from nearfar.evaluation.layouts.paired import Dataset
from nearfar.evaluation.protocols import CropName, ProtocolName
from nearfar.loading import load
from nearfar.runtimes.cpu import threads_or_physical


def evaluate(
    datasets: Annotated[list[Path], Parameter(negative="")],
    *,
    models: Annotated[list[str] | None, Parameter(name=["--model", "-m"], negative="")] = None,
    protocol: ProtocolName = "midas",
    reader: ReaderName = "auto",
    crop: CropName | None = None,
    cap_m: float | None = None,
    clip: Annotated[bool, Parameter(negative="")] = False,
    limit: int | None = None,
    csv: Path | None = None,
    sheets: Path | None = None,
    runtime: args.Runtime = "auto",
    threads: args.Threads = None,
    force: args.Force = False,
    json_lines: args.Json = False,
    quiet: args.Quiet = False,
) -> int:
    """Measure models on pictures whose depth is known, by a protocol of the field.

    A data set is a folder with `rgb/`, `depth/` and `dataset.toml`, or NYU Depth v2, KITTI,
    Middlebury or Depth in the Wild as published.

    Args:
        datasets: Folders, lists or .mat files.
        models: A model; may be given several times. if not given, what `auto` takes
            for one photo.
        protocol: midas aligns in inverse depth: bad pixels, AbsRel. affine aligns in depth as
            well: AbsRel, delta1. Figures of the two can't be compared.
        reader: Layout of the data sets; recognised if not given.
        crop: Part of the pictures that counts; if not given, what the protocol's authors take.
        cap_m: Farthest prediction in metres; if not given, 10 indoors, 80 on roads, and else
            twice the farthest truth.
        clip: The pictures are frames in a row: measure how steady the depth is.
        limit: Take so many pictures, spread over the data set; the first ones of a clip.
        csv: Write the figures of every picture to this file.
        sheets: Draw the best and the worst pictures into this folder.
        threads: Pictures under way at once; the machine's physical cores if unset.
    """
    _check(limit, cap_m, None if force else csv)
    opened = [open_dataset(path, reader=reader, crop=crop, protocol=protocol) for path in datasets]
    sets = _named(opened, datasets)
    if limit is not None:
        sets = [dataset.limited(limit, in_a_row=clip) for dataset in sets]
    workers = threads_or_physical(threads)
    found = []
    for model in models or ["auto"]:
        estimator = load(model, purpose="photo", runtime=runtime, threads=1, callers=workers)
        for dataset in sets:
            with photo_bar(len(dataset.entries), quiet=quiet) as advance:
                scores = runner.evaluate(
                    estimator,
                    dataset,
                    protocol,
                    cap_m=cap_m,
                    clip=clip,
                    workers=workers,
                    on_progress=advance,
                )
            found.append(scores)
            scoretable.tell(scores, json_lines=json_lines)
            if sheets is not None:
                predict = runner.predictor(estimator)
                scoretable.draw(sheets, scores, dataset, predict, cap_m, overwrite=force)
    if csv is not None:
        scoretable.write_csv(csv, found, overwrite=force)
    if not json_lines:
        scoretable.show(found)
    return int(any(scores.failed for scores in found))


def _check(limit: int | None, cap_m: float | None, fresh: Path | None) -> None:
    """Refuse before the work what would fail after it."""
    if limit is not None and limit < 1:
        raise UsageError(f"--limit must be at least 1, not {limit}")
    if cap_m is not None and not 0 < cap_m < math.inf:
        raise UsageError(f"--cap-m must be over 0, not {cap_m:g}")
    if fresh is not None and fresh.exists():
        raise OutputExistsError(f"{fresh} is there already: use --force to replace it")


def _named(sets: list[Dataset], paths: list[Path]) -> list[Dataset]:
    """Tell data sets of one name apart by the folders they lie in."""
    count = Counter(dataset.name for dataset in sets)
    return [
        replace(dataset, name=f"{path.resolve().parent.name}/{dataset.name}")
        if count[dataset.name] > 1
        else dataset
        for dataset, path in zip(sets, paths, strict=True)
    ]
