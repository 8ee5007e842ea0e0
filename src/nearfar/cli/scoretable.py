"""What `nearfar evaluate` leaves: the table, a line of JSON, the CSV, and sheets of pictures."""

import csv
import io
import sys
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Final

from nearfar.cli.out import print_json
from nearfar.errors import WriteError
from nearfar.evaluation.layouts.paired import Dataset
from nearfar.evaluation.report import row, sheet
from nearfar.evaluation.runner import Measures, PictureScore, Predict, Scores, look
from nearfar.io.atomic import replacing
from nearfar.io.images import write_image

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


def tell(scores: Scores, *, json_lines: bool) -> None:
    """Print what failed, to standard error, and in JSON the means."""
    for sentence in scores.failed:
        print(f"nearfar: {sentence}", file=sys.stderr)
    if json_lines:
        print_json(_line(scores))


def _line(scores: Scores) -> dict[str, object]:
    """Give one row of the table for JSON; figures without a meaning are left out."""
    means = {name: value for name, value in asdict(scores.mean).items() if value is not None}
    told: dict[str, object] = {
        "dataset": scores.dataset,
        "model": scores.model,
        "protocol": scores.protocol,
        "pictures": len(scores.pictures),
        "failed": len(scores.failed),
    }
    if between := scores.interval("ordinal"):
        told["ordinal_interval"] = list(between)
    return told | means | ({"notes": list(scores.notes)} if scores.notes else {})


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
            seen = look(predict, entries[picture.name], scores.protocol, cap_m or dataset.cap_m)
            if seen is not None:
                caption = _caption(picture)
                rows.append(row(seen.photo, seen.truth, seen.inverse, seen.error, caption))
        if rows:
            write_image(sheet(rows), folder / f"{stem}-{kind}.jpg", overwrite=overwrite)


def _caption(picture: PictureScore) -> str:
    measures = picture.measures
    return f"{picture.name}   bad {measures.bad_pixel:.1f} %   AbsRel {measures.abs_rel:.3f}"
