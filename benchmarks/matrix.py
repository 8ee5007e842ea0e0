"""Models, runtimes and precisions on this machine: time, rate, memory, and what part of the peak.

Every cell is measured in a process of its own, and the cells take turns.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

import numpy as np

from benchmarks.child import ask
from benchmarks.matrix_cell import Plan, Speed
from benchmarks.networks import MIDAS, Network, networks
from benchmarks.paired import environment, in_turn, spread
from benchmarks.peak import KINDS, Precision
from benchmarks.result import Bars, Cell, Ratio, Table, write
from nearfar.runtimes.table import Runtime, available

ROUNDS: Final = 4
SECONDS: Final = 1.0

MIDAS_NOTE: Final = f"{MIDAS}: its speed is that of the official file, its maps mean nothing."
CELL_NOTE: Final = (
    "Times are of one run at a time with all cores; the rate is of as many runs at a time as there"
    " are cores, one thread each. Memory is that of a process that does nothing else: Python, the"
    " runtime and the network."
)
PEAK_NOTE: Final = (
    "The peak is the best rate that the same runtime reached with a chain of large matrix products"
    " or of large 3 x 3 convolutions, in the same precision; a multiply-add is two operations."
)


@dataclass(frozen=True)
class Case:
    """A cell: a network, or the peak where there is none, in a runtime."""

    runtime: Runtime
    precision: Precision
    network: Network | None = None

    @property
    def name(self) -> str:
        """For a person."""
        what = self.network.name if self.network else "peak"
        return f"{what}, {self.precision}, {self.runtime}"


def main(arguments: Sequence[str] = ()) -> None:
    """Measure and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of each measurement")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        found = networks(folder)
        told = measure(
            places(found), given.rounds, lambda place: _told(place, folder, given.seconds)
        )
    report(found, told, given.rounds, " ".join(arguments))


def places(found: Sequence[Network]) -> list[Case]:
    """List the cells: each network, and the peaks, in each runtime that is installed."""
    here = available()
    precisions: tuple[Precision, ...] = ("fp32", "int8")
    return [
        *(Case(runtime, each.precision, each) for each in found for runtime in here),
        *(Case(runtime, precision) for precision in precisions for runtime in here),
    ]


def measure(
    every: Sequence[Case], rounds: int, told: Callable[[Case], Any]
) -> dict[Case, list[Any]]:
    """Measure all cells in turn.

    Args:
        every: cell.
        rounds: that each is measured.
        told: measures one.
    """
    answers: dict[Case, list[Any]] = {place: [] for place in every}
    for turn in range(rounds):
        for place in in_turn(every, turn):
            answers[place].append(told(place))
    return answers


def _told(place: Case, folder: Path, seconds: float) -> Any:
    network = place.network
    plan = Plan(
        place.runtime,
        place.precision,
        seconds,
        *((str(network.path), network.shape) if network else ()),
    )
    file = folder / "plan.json"
    file.write_text(json.dumps(asdict(plan)), encoding="utf-8")
    answer = json.loads(ask("benchmarks.matrix_cell", file, env=environment(folder)))
    return Speed(**answer) if network else answer


def report(
    found: Sequence[Network], told: dict[Case, list[Any]], rounds: int, arguments: str
) -> None:
    """Write the result."""
    peaks = {
        (place.runtime, place.precision): {kind: max(row[kind] for row in rows) for kind in KINDS}
        for place, rows in told.items()
        if place.network is None
    }
    medians = {place: _median_ms(rows) for place, rows in told.items() if place.network}
    first, *others = medians
    rows: list[tuple[Cell, ...]] = []
    for place, measured in told.items():
        if network := place.network:
            best = max(peaks[place.runtime, place.precision].values())
            head = (network.name, place.precision, place.runtime)
            rows.append((*head, *_cells(network.gmac, measured, best)))
    write(
        "matrix",
        title="Models, runtimes and precisions",
        question="How fast is each network in each runtime and precision here, what memory does it"
        " need, and what part of the machine's arithmetic does it use?",
        data="nearfar-lite is fed "
        f"{_fed(found, 'nearfar-lite')} (a photo of 640 x 480), MiDaS small {_fed(found, MIDAS)};"
        f" {rounds} rounds, a process a cell and round, in turn.",
        arguments=arguments,
        ratios=[
            Ratio(
                what=f"time of {place.name}, over {first.name}",
                value=medians[place] / medians[first],
            )
            for place in others
        ],
        tables=[
            Table(
                title="Cells",
                columns=(
                    *("network", "precision", "runtime", "ms", "95 % ms", "runs a second"),
                    *("peak MiB", "GMAC", "of the runtime's peak %"),
                ),
                rows=tuple(rows),
            ),
            Table(
                title="Peaks, 10^9 operations a second",
                columns=("runtime", "precision", *KINDS),
                rows=tuple((*key, *(row[kind] for kind in KINDS)) for key, row in peaks.items()),
            ),
        ],
        notes=(MIDAS_NOTE, CELL_NOTE, PEAK_NOTE),
        plots=(
            Bars(
                name="time",
                title="One run with all cores",
                unit="ms",
                labels=tuple(place.name for place in medians),
                values=tuple(medians.values()),
            ),
        ),
    )


def _median_ms(rows: Sequence[Speed]) -> float:
    return median(median(row.times_ms) for row in rows)


def _cells(gmac: float, rows: Sequence[Speed], peak_gops: float) -> tuple[Cell, ...]:
    every_ms = [ms for row in rows for ms in row.times_ms]
    return (
        spread([median(row.times_ms) for row in rows]),
        float(np.percentile(every_ms, 95)),
        spread([row.rate for row in rows]),
        spread([row.peak_mib for row in rows]),
        gmac,
        100 * 2 * gmac / _median_ms(rows) * 1e3 / peak_gops,
    )


def _fed(found: Sequence[Network], name: str) -> str:
    shape = next(network.shape for network in found if network.name == name)
    return f"{shape[3]} x {shape[2]}"


if __name__ == "__main__":
    main(sys.argv[1:])
