"""`docs/performance.md`, from the results alone: `python -m benchmarks.report`."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from benchmarks import plots
from benchmarks.result import RESULTS, Cell, Drawing, Machine, Ratio, Result, Spread, Table
from benchmarks.scripts import NAMES

PAGE: Final = Path(__file__).parent.parent / "docs" / "performance.md"

_INTRODUCTION: Final = """\
# Performance

Made by `python -m benchmarks.report` from `benchmarks/results/*.json`; `make bench` measures
anew, `make docs` writes this page. Ways are compared in turn (A, B, B, A, ...) in one run, so
that a slow minute slows all of them: the ratios of medians are what counts, and the times show
their order of size. Cells read median (least to greatest).
"""


def main() -> None:
    """Write the page and its plots."""
    results = read(RESULTS)
    for result in results:
        for drawing in result.plots:
            plots.draw(drawing, PAGE.parent / _file(result, drawing))
    PAGE.write_text(page(results), encoding="utf-8")


def read(folder: Path) -> list[Result]:
    """Read all results of a folder, in the order of the page; strangers come last."""
    results = [
        Result.model_validate_json(path.read_text(encoding="utf-8"))
        for path in sorted(folder.glob("*.json"))
    ]
    places = {name: place for place, name in enumerate(NAMES)}
    return sorted(results, key=lambda result: places.get(result.name, len(NAMES)))


def page(results: list[Result]) -> str:
    """Write the page of these results."""
    parts = [_INTRODUCTION, _promises(results), _waiting(results), *map(_section, results)]
    return "\n".join(part for part in parts if part)


def _waiting(results: list[Result]) -> str:
    """Name what has no result yet, so that nobody takes its absence for a pass."""
    there = {result.name for result in results}
    names = [f"`{name}`" for name in NAMES if name not in there]
    return f"Written, but not measured yet: {', '.join(names)}.\n" if names else ""


def _promises(results: list[Result]) -> str:
    rows = [
        (f"[{result.title}](#{_anchor(result.title)})", *_row(ratio))
        for result in results
        for ratio in result.ratios
        if ratio.bound is not None
    ]
    head = ("section", "what", "measured", "bound", "")
    return "## What is promised\n\n" + _grid(head, rows) if rows else ""


def _section(result: Result) -> str:
    bounded = any(ratio.bound is not None for ratio in result.ratios)
    head = ("ratio", "measured", "bound", "")[: 4 if bounded else 2]
    rows = [_row(ratio)[: len(head)] for ratio in result.ratios]
    parts = [
        f"## {result.title}\n\n{result.question}\n\nData: {result.data}\n",
        *([_grid(head, rows)] if rows else []),
        *(f"![{plot.title}]({_file(result, plot)})\n" for plot in result.plots),
        *map(_table, result.tables),
        *(f"{note}\n" for note in result.notes),
        f"Measured on {_machine(result.machine)}\n\nRepeat it: `{result.command}`\n",
    ]
    return "\n".join(parts)


def _file(result: Result, drawing: Drawing) -> str:
    return f"img/{result.name}-{drawing.name}.svg"


def _row(ratio: Ratio) -> tuple[str, ...]:
    measured = f"{_number(ratio.value)}{ratio.unit}"
    if ratio.bound is None:
        return ratio.what, measured, "", ""
    side = "at least" if ratio.at_least else "at most"
    bound = f"{side} {_number(ratio.bound)}{ratio.unit}"
    return ratio.what, measured, bound, "kept" if ratio.kept else "**missed**"


def _table(table: Table) -> str:
    return f"{table.title}:\n\n" + _grid(
        table.columns, [tuple(map(_cell, row)) for row in table.rows]
    )


def _grid(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cell(cell: Cell) -> str:
    if cell is None:
        return "-"
    if isinstance(cell, Spread):
        return f"{_number(cell.median)} ({_number(cell.min)} to {_number(cell.max)})"
    return cell if isinstance(cell, str) else _number(cell)


def _number(value: float) -> str:
    """Write three digits, and all of those before the point."""
    if isinstance(value, int) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def _machine(machine: Machine) -> str:
    packages = ", ".join(f"{name} {version}" for name, version in machine.packages.items())
    return (
        f"{machine.cpu}, {machine.cores} cores, {machine.system},"
        f" Python {machine.python}; {packages}."
    )


def _anchor(title: str) -> str:
    kept = (char for char in title.lower() if char.isalnum() or char in " -")
    return "".join(kept).replace(" ", "-")


if __name__ == "__main__":
    main()
