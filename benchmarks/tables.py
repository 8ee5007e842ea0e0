"""Tables of what was measured several times."""

from collections.abc import Mapping, Sequence

from benchmarks.paired import Cost, spread
from benchmarks.result import Table


def spreads(
    title: str,
    columns: tuple[str, str],
    values: Mapping[str, Sequence[float]],
    scale: float = 1,
) -> Table:
    """Give a row a thing: its name and the spread of its values.

    Args:
        title: of the table.
        columns: their two names.
        values: of each thing.
        scale: see `spread`.
    """
    rows = tuple((name, spread(row, scale)) for name, row in values.items())
    return Table(title=title, columns=columns, rows=rows)


def costs(title: str, head: str, measured: Mapping[str, Sequence[Cost]]) -> Table:
    """Give a row a command: its time, its core time and its peak memory.

    Args:
        title: of the table.
        head: of the first column.
        measured: of each command.
    """
    return Table(
        title=title,
        columns=(head, "ms", "core ms", "peak MiB"),
        rows=tuple(
            (
                name,
                spread([cost.s for cost in row], 1e3),
                spread([cost.core_s for cost in row], 1e3),
                spread([cost.peak_mib for cost in row]),
            )
            for name, row in measured.items()
        ),
    )
