"""Training curves: a CSV file and a plot of it."""

import csv
from collections import defaultdict
from pathlib import Path

from nearfar.io.atomic import replacing
from nearfar.optional import require

FILE = "curves.csv"
PICTURE = "curves.png"


def add(folder: Path, row: dict[str, float]) -> None:
    """Append one row `step, name, value` for each number.

    Args:
        folder: of the training run.
        row: must contain `step`; every other name is a curve.
    """
    path = folder / FILE
    is_new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        if is_new:
            writer.writerow(("step", "name", "value"))
        for name, value in row.items():
            if name != "step":
                writer.writerow((int(row["step"]), name, f"{value:.6g}"))


def cut(folder: Path, step: int) -> None:
    """Remove the rows from `step` on, which a run resumed from a snapshot writes again."""
    path = folder / FILE
    if not path.exists():
        return
    with path.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.reader(file) if row[0] == "step" or int(row[0]) < step]
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)


def read(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """Return all curves: name -> (step, value) in order."""
    curves: dict[str, list[tuple[int, float]]] = defaultdict(list)
    with (folder / FILE).open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            curves[row["name"]].append((int(row["step"]), float(row["value"])))
    return dict(curves)


def draw(folder: Path) -> None:
    """Plot all curves into one image: losses at the top, validation at the bottom.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    require("matplotlib")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    curves = read(folder)
    figure = Figure(figsize=(9, 8), layout="constrained")
    FigureCanvasAgg(figure)
    upper, lower = figure.subplots(2, 1, sharex=True)
    for name, points in curves.items():
        steps, values = zip(*points, strict=True)
        axes = lower if name.startswith("val/") else upper
        axes.plot(steps, values, label=name.removeprefix("val/"), linewidth=1)
    for axes, title in ((upper, "training"), (lower, "validation")):
        axes.set_title(title, loc="left")
        axes.grid(alpha=0.3)
        if axes.lines:
            axes.legend()
    lower.set_xlabel("step")
    with replacing(folder / PICTURE) as temporary:
        figure.savefig(temporary, dpi=110, format="png")
