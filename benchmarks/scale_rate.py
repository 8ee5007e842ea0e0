"""Any number of photos on Ray against a folder without it: rate, start, and memory as N grows."""

import argparse
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import psutil

from benchmarks import photos
from benchmarks.cold_start import MODEL, program
from benchmarks.paired import Command, environment, spread
from benchmarks.result import Cell, Ratio, Table, write

COUNT: Final = 500
ROUNDS: Final = 3
MORE: Final = 4
"""Times as many photos, to see what grows."""
BOUND: Final = 1.25
"""Of memory at four times the photos, over that at once the photos."""
LOOK_S: Final = 0.2
MILLION: Final = 1_000_000

WHOLE_NOTE: Final = (
    "Whole commands, from start to end. Memory is of the command and every process below it,"
    " looked at five times a second: proportional shares (PSS), so that what several map counts"
    " once; for `nearfar batch` the most of it is Ray's own."
)
MILLION_NOTE: Final = (
    "The hours of a million photos are extrapolated: seconds of {more} photos less seconds of"
    " {count}, over the photos between, so that the start counts once. Hours of this machine,"
    " times what an hour of one costs, are the price; n machines like this one take an n-th of"
    " the hours as long as what holds the photos keeps up, which was not measured."
)


class Looked:
    """What a run of a command took.

    Attributes:
        s: from start to end.
        peak_mib: most memory of all its processes at once.
        worker_mib: most memory of the largest of them below the command itself.
    """

    def __init__(self) -> None:
        self.s = self.peak_mib = self.worker_mib = 0.0


def main(arguments: Sequence[str] = ()) -> None:
    """Measure and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=COUNT, help="photos")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _photos(folder, given.count)
        seen = _in_turn(folder, given.rounds)
        more = {way: _run(_command(way, folder, "more"), folder) for way in ("batch", "estimate")}
    _write(given.count, seen, more, " ".join(arguments))


def _photos(folder: Path, count: int) -> None:
    once = photos.many(folder / "once", count)
    for n in range(MORE):
        (folder / "more" / str(n)).mkdir(parents=True)
        for path in once:
            (folder / "more" / str(n) / path.name).hardlink_to(path)


def _in_turn(folder: Path, rounds: int) -> dict[str, list[Looked]]:
    """Run both commands in turn; a round before those that count warms the disk."""
    seen: dict[str, list[Looked]] = {"batch": [], "estimate": []}
    for turn in range(rounds + 1):
        for way in sorted(seen, reverse=bool(turn % 2)):
            looked = _run(_command(way, folder, "once"), folder)
            if turn:
                seen[way].append(looked)
    return seen


def _command(way: str, folder: Path, which: str) -> Command:
    source, dest = folder / which, folder / "maps"
    shutil.rmtree(dest, ignore_errors=True)
    same = ["-m", MODEL, "--runtime", "onnxruntime", "--quiet"]
    if way == "estimate":
        return [program(), "estimate", source, "-r", "-o", dest, *same]
    return [program(), "batch", source, dest, *same]


def _run(command: Command, folder: Path) -> Looked:
    looked = Looked()
    began = time.perf_counter()
    with subprocess.Popen(command, env=environment(folder), stderr=subprocess.PIPE) as process:
        root = psutil.Process(process.pid)
        while process.poll() is None:
            own, *below = _memory_mib([root, *_children(root)]) or [0.0]
            looked.peak_mib = max(looked.peak_mib, own + sum(below))
            looked.worker_mib = max(looked.worker_mib, *below, 0.0)
            time.sleep(LOOK_S)
        looked.s = time.perf_counter() - began
        told = process.stderr.read().decode(errors="replace") if process.stderr else ""
    if process.returncode:
        raise RuntimeError(f"{command[1]} ended with status {process.returncode}: {told[-2000:]}")
    return looked


def _children(root: psutil.Process) -> list[psutil.Process]:
    try:
        return list(root.children(recursive=True))
    except psutil.NoSuchProcess:
        return []


def _memory_mib(processes: list[psutil.Process]) -> list[float]:
    found = []
    for process in processes:
        try:
            told = process.memory_full_info()
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
        found.append(getattr(told, "pss", told.uss) / 2**20)
    return found


def _write(
    count: int, seen: dict[str, list[Looked]], more: dict[str, Looked], arguments: str
) -> None:
    seconds = {way: spread([each.s for each in runs]) for way, runs in seen.items()}
    memory = {way: spread([each.peak_mib for each in runs]) for way, runs in seen.items()}
    between = (MORE - 1) * count
    each_s = {way: (more[way].s - seconds[way].median) / between for way in seen}
    largest = max(each.worker_mib for each in seen["batch"])
    rows: list[tuple[Cell, ...]] = []
    for way in ("estimate", "batch"):
        rows += [
            (f"nearfar {way}", count, seconds[way], count / seconds[way].median, memory[way]),
            (
                f"nearfar {way}",
                MORE * count,
                more[way].s,
                MORE * count / more[way].s,
                more[way].peak_mib,
            ),
        ]
    write(
        "scale_rate",
        title="Any number of photos on Ray",
        question="What does Ray cost on one machine, and does memory stay where it is when there"
        f" are {MORE} times the photos?",
        data=f"{count} JPEGs of 640 x 480, quality 90, as for a folder of photos, and {MORE} times"
        f" the same in as many folders; {MODEL}, onnxruntime; a local cluster, which is started"
        " and stopped with each run.",
        arguments=arguments,
        ratios=[
            Ratio(
                what="seconds a photo once it runs, nearfar batch over nearfar estimate",
                value=each_s["batch"] / each_s["estimate"],
            ),
            Ratio(
                what=f"memory at {MORE} times the photos, over that at once, nearfar batch",
                value=more["batch"].peak_mib / memory["batch"].median,
                bound=BOUND,
            ),
            Ratio(
                what="the same of its largest worker",
                value=more["batch"].worker_mib / largest,
                bound=BOUND,
            ),
            Ratio(
                what="a million photos on this machine, nearfar batch",
                value=each_s["batch"] * MILLION / 3600,
                unit=" hours",
            ),
        ],
        tables=[
            Table(
                title="Whole commands",
                columns=("", "photos", "s", "photos a second", "MiB"),
                rows=tuple(rows),
            )
        ],
        notes=(WHOLE_NOTE, MILLION_NOTE.format(count=count, more=MORE * count)),
    )


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
