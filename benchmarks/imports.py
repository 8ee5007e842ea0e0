"""What part every import has in the start of a process: `python -X importtime`, several times."""

import argparse
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks import photos
from benchmarks.cold_start import MODEL
from benchmarks.paired import environment, in_turn, spread
from benchmarks.result import Cell, Ratio, Table, write

ROUNDS: Final = 9
SHOWN_PERCENT: Final = 1.0
"""Packages with less of the whole are put together."""

STDLIB: Final = "Python's own library"
OTHERS: Final = "all others"

_LINE: Final = re.compile(r"import time:\s+(\d+) \|\s+\d+ \|\s+(\w+)")
_RUN: Final = "import sys; sys.argv = {words!r}; from nearfar.cli import main; main()"

NOTE: Final = (
    "A module's own time counts for its package, without what it imports in turn. -X importtime"
    " itself slows what it times, most where modules are many and small; and `nearfar estimate`"
    " imports OpenCV while another thread loads the network, so that these times overlap with"
    " that. What a whole process takes stands under *One photo from a cold start*."
)


def main(arguments: Sequence[str] = ()) -> None:
    """Measure and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        photo = photos.photo(folder / "photo.jpg")
        found = _in_turn(_codes(photo, folder), folder, given.rounds)
    write(
        "imports",
        title="Start-up, import by import",
        question="Of the time in which a process imports, what part has every package?",
        data=f"{given.rounds} processes of each way in turn, after one that compiles the bytecode;"
        f" `nearfar estimate` on a JPEG of 640 x 480, {MODEL}, onnxruntime.",
        arguments=" ".join(arguments),
        ratios=[
            Ratio(
                what=f"all imports of `{way}`",
                value=median(sum(run.values()) for run in runs) * 1e3,
                unit=" ms",
            )
            for way, runs in found.items()
        ],
        tables=[
            Table(
                title=f"`{way}`",
                columns=("package", "ms, itself", "of all imports %"),
                rows=rows(runs),
            )
            for way, runs in found.items()
        ],
        notes=(NOTE,),
    )


def own_times(told: str) -> dict[str, float]:
    """Sum each package's own time to import.

    Args:
        told: what `python -X importtime` said.

    Returns:
        Package -> seconds; the standard library is one.
    """
    total_us: dict[str, int] = defaultdict(int)
    for own_us, package in _LINE.findall(told):
        total_us[STDLIB if package in sys.stdlib_module_names else package] += int(own_us)
    return {name: us / 1e6 for name, us in total_us.items()}


def rows(runs: Sequence[Mapping[str, float]]) -> tuple[tuple[Cell, ...], ...]:
    """Rank the packages by their median; the small ones are put together.

    Args:
        runs: see `own_times`, one a process.
    """
    names = dict.fromkeys(name for run in runs for name in run)
    times = {name: [run.get(name, 0.0) for run in runs] for name in names}
    whole = sum(map(median, times.values()))
    large = [name for name in times if 100 * median(times[name]) >= SHOWN_PERCENT * whole]
    shown = {name: times[name] for name in sorted(large, key=lambda each: -median(times[each]))}
    rest = [sum(run.get(name, 0.0) for name in names if name not in shown) for run in runs]
    if any(rest):
        shown[OTHERS] = rest
    return tuple((name, spread(row, 1e3), 100 * median(row) / whole) for name, row in shown.items())


def _codes(photo: Path, folder: Path) -> dict[str, str]:
    estimate = ["nearfar", "estimate", str(photo), "-o", str(folder / "map.png"), "--force"]
    return {
        "import nearfar": "import nearfar",
        "nearfar --help": _RUN.format(words=["nearfar", "--help"]),
        "nearfar estimate": _RUN.format(
            words=[*estimate, "-m", MODEL, "--runtime", "onnxruntime"],
        ),
    }


def _in_turn(
    codes: Mapping[str, str], folder: Path, rounds: int
) -> dict[str, list[dict[str, float]]]:
    found: dict[str, list[dict[str, float]]] = {way: [] for way in codes}
    for turn in range(1 + rounds):
        for way in in_turn(codes, turn):
            answer = subprocess.run(
                [sys.executable, "-X", "importtime", "-c", codes[way]],
                env=environment(folder),
                check=True,
                capture_output=True,
                text=True,
            )
            if turn:
                found[way].append(own_times(answer.stderr))
    return found


if __name__ == "__main__":
    main(sys.argv[1:])
