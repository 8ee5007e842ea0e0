"""`nearfar evaluate`: how good models are, on pictures whose depth is known."""

import csv
import io
import math
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from nearfar.cli import _shared as args
from nearfar.cli._progress import photo_bar
from nearfar.cli._shared import print_json
from nearfar.errors import OutputExistsError, UsageError, WriteError
from nearfar.evaluation import runner
from nearfar.evaluation.layouts.detect import ReaderName, open_dataset
from nearfar.evaluation.layouts.paired import Dataset
from nearfar.evaluation.protocols import CropName, ProtocolName
from nearfar.evaluation.report import row, sheet
from nearfar.evaluation.runner import Measures, PictureScore, Predict, Scores, compare
from nearfar.io.atomic import replacing
from nearfar.io.images import write_image
from nearfar.loading import load
from nearfar.runtimes.cpu import threads_or_physical

SHEET_ROWS: Final = 8
"""Pictures on each sheet."""

_MEASURES: Final = tuple(field.name for field in fields(Measures))
_HEADINGS: Final = {
    "bad_pixel": ("bad %", ".1f"),
    "abs_rel": ("AbsRel", ".3f"),
    "delta1": ("delta1", ".3f"),
    "delta2": ("delta2", ".3f"),
    "delta3": ("delta3", ".3f"),
    "rmse_m": ("RMSE m", ".2f"),
    "silog": ("SILog", ".1f"),
    "inverse_error": ("inverse", ".3f"),
    "ordinal": ("WHDR %", ".1f"),
    "boundary_f1": ("edge F1", ".3f"),
    "sharpness": ("sharp", ".3f"),
    "temporal": ("change", ".4f"),
}
_PROTOCOLS: Final = {
    "midas": "midas: scale and shift by least squares in inverse depth",
    "affine": "affine: scale and shift by least squares in inverse depth, then in depth",
}


def show(found: Sequence[Scores]) -> None:
    """Print the table: a row a model and data set, columns that have a figure."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.measure import Measurement
    from rich.table import Table

    means = [asdict(scores.mean) for scores in found]
    shown = [name for name in _MEASURES if any(mean[name] is not None for mean in means)]
    title = f"Protocol {_PROTOCOLS[found[0].protocol]}"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD)
    table.add_column("data set", no_wrap=True)
    table.add_column("model", no_wrap=True)
    for heading in ("pictures", *(_HEADINGS[name][0] for name in shown)):
        table.add_column(heading, justify="right", no_wrap=True)
    for scores, mean in zip(found, means, strict=True):
        cells = [_cell(scores, name, mean[name]) for name in shown]
        table.add_row(scores.dataset, scores.model, str(len(scores.pictures)), *cells)
    console = Console(highlight=False, markup=False)
    # in a narrow window lines may wrap, but no figure is cut off
    needed = Measurement.get(console, console.options.update_width(1000), table).maximum
    console.width = max(console.width, needed)
    console.print(table)
    for scores in found:
        for note in scores.notes:
            console.print(f"{scores.dataset}: {note}", soft_wrap=True)


def _cell(scores: Scores, name: str, mean: float | None) -> str:
    """Return a mean; of the ordinal error, which few labels may carry, with its interval."""
    if mean is None:
        return "-"
    text = format(mean, _HEADINGS[name][1])
    between = scores.interval(name) if name == "ordinal" else None
    return text if between is None else f"{text} ({between[0]:.1f}-{between[1]:.1f})"


def print_scores(scores: Scores, *, json_lines: bool) -> None:
    """Print what failed, to standard error, and in JSON the means."""
    for sentence in scores.failed:
        print(f"nearfar: {sentence}", file=sys.stderr)
    if json_lines:
        print_json(_line(scores))


def _line(scores: Scores) -> dict[str, object]:
    """Return one row of the table for JSON; figures without a meaning are left out."""
    means = {name: value for name, value in asdict(scores.mean).items() if value is not None}
    values: dict[str, object] = {
        "dataset": scores.dataset,
        "model": scores.model,
        "protocol": scores.protocol,
        "pictures": len(scores.pictures),
        "failed": len(scores.failed),
    }
    if between := scores.interval("ordinal"):
        values["ordinal_interval"] = list(between)
    return values | means | ({"notes": list(scores.notes)} if scores.notes else {})


def write_csv(path: Path, found: Sequence[Scores], *, overwrite: bool) -> None:
    """Write a line a picture, model and data set; empty where a figure has no meaning.

    Raises:
        OutputExistsError: the file is there and `overwrite` is False.
        WriteError: the system refused.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("dataset", "model", "protocol", "picture", *_MEASURES))
    for scores in found:
        for picture in scores.pictures:
            values = asdict(picture.measures).values()
            writer.writerow((scores.dataset, scores.model, scores.protocol, picture.name, *values))
    with replacing(path, overwrite=overwrite) as temporary:
        temporary.write_text(text.getvalue(), "utf-8")


def draw(
    folder: Path,
    scores: Scores,
    dataset: Dataset,
    predict: Predict,
    cap_m: float | None,
    *,
    overwrite: bool,
) -> None:
    """Write `<data set>-<model>-best.jpg` and `-worst.jpg`; nothing where no truth is a map.

    Raises:
        OutputExistsError: one is there and `overwrite` is False.
        WriteError: the system refused.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(f"can't make the folder {folder}: {error.strerror}") from error
    ranked = scores.ranked()
    entries = {entry.name: entry for entry in dataset.entries}
    stem = f"{scores.dataset}-{scores.model}".replace("/", "-")
    for kind, chosen in (("best", ranked[:SHEET_ROWS]), ("worst", ranked[: -SHEET_ROWS - 1 : -1])):
        rows = []
        for picture in chosen:
            seen = compare(predict, entries[picture.name], scores.protocol, cap_m or dataset.cap_m)
            if seen is not None:
                caption = _caption(picture)
                rows.append(row(seen.photo, seen.truth, seen.inverse, seen.error, caption))
        if rows:
            write_image(sheet(rows), folder / f"{stem}-{kind}.jpg", overwrite=overwrite)


def _caption(picture: PictureScore) -> str:
    measures = picture.measures
    return f"{picture.name}   bad {measures.bad_pixel:.1f} %   AbsRel {measures.abs_rel:.3f}"


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
    device: args.Device = "auto",
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
        estimator = load(
            model,
            purpose="photo",
            runtime=runtime,
            device=device,
            expected_photos=max(1, sum(len(dataset.entries) for dataset in sets)),
            threads=1,
            callers=workers,
        )
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
            print_scores(scores, json_lines=json_lines)
            if sheets is not None:
                predict = runner.predictor(estimator)
                draw(sheets, scores, dataset, predict, cap_m, overwrite=force)
    if csv is not None:
        write_csv(csv, found, overwrite=force)
    if not json_lines:
        show(found)
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
