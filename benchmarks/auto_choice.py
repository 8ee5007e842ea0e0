"""What `auto` takes, against each runtime by name: one photo, a folder, a clip, the service."""

import argparse
import importlib.util
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks import load, photos, tables
from benchmarks.cold_start import MODEL, program
from benchmarks.paired import Command, Cost, commands_in_turn, in_turn, spread
from benchmarks.result import Ratio, Table, write
from benchmarks.served import serving
from benchmarks.video_rate import make_clip
from nearfar.runtimes.cpu import physical
from nearfar.runtimes.table import RUNTIMES

BOUND: Final = 1.03
ROUNDS: Final = 3
COLD_ROUNDS: Final = 3
"""Whole processes of one photo are short: so many for each round of the others."""

COUNT: Final = 100
FRAMES: Final = 60
CLIENTS: Final = 8
SECONDS: Final = 3.0

AUTO: Final = "auto"
WAYS: Final = (*RUNTIMES, AUTO)
NOTE: Final = (
    "Each way has a first round that does not count; in that, `auto` measures what it then"
    " remembers. Where two runtimes are equally fast, the ratio differs from 1 by what the same"
    " command differs from itself: take more rounds (`--rounds`)."
)


def main(arguments: Sequence[str] = ()) -> None:
    """Measure and write the result."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.auto_choice", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="of each way")
    rounds = parser.parse_args(arguments).rounds
    missing = [name for name in RUNTIMES if importlib.util.find_spec(name) is None]
    if missing:
        sys.exit(f"nothing to choose from without {', '.join(missing)}: install it first")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        costs = _commands(folder, rounds)
        rates = _served(folder, rounds)
    taken_s = {
        what: {way: [each.s for each in row[way]] for way in WAYS} for what, row in costs.items()
    }
    taken_s["an answer of the service"] = {way: [1 / rate for rate in rates[way]] for way in WAYS}
    write(
        "auto_choice",
        title="What auto takes",
        question="Is `auto` as fast as the best runtime by name, for one photo from a cold start,"
        " a folder, a clip and the service?",
        data=f"JPEGs of 640 x 480, {COUNT} in the folder; a clip of {FRAMES} frames of 640 x 480;"
        f" {MODEL} as whole commands, everything else as it comes, {physical()} cores; the service"
        f" under {CLIENTS} clients for {SECONDS:g} s a round.",
        arguments=" ".join(arguments),
        ratios=[
            Ratio(
                what=f"time of auto, over the best by name, {what}",
                value=_over_best(row),
                bound=BOUND,
            )
            for what, row in taken_s.items()
        ],
        tables=[
            *(tables.costs(what.capitalize(), "runtime", row) for what, row in costs.items()),
            _rates(rates),
        ],
        notes=(NOTE,),
    )


def _commands(folder: Path, rounds: int) -> dict[str, dict[str, list[Cost]]]:
    """Run the whole commands: what is done -> runtime -> what each run took."""
    photo = photos.photo(folder / "photo.jpg")
    photos.many(folder / "photos", COUNT)
    clip = make_clip(folder / "clip.mp4", FRAMES)
    done: dict[str, tuple[list[str | Path], int]] = {
        "one photo": (["estimate", photo, "-o", folder / "depth.png"], rounds * COLD_ROUNDS),
        "a folder": (["estimate", folder / "photos", "-o", folder / "maps"], rounds),
        "a clip": (["video", clip, "-o", folder / "depth.mp4"], rounds),
    }
    same = ("--model", MODEL, "--force", "--quiet")
    costs = {}
    for what, (words, count) in done.items():
        commands: dict[str, Command] = {
            way: [program(), *words, *same, "--runtime", way] for way in WAYS
        }
        costs[what] = commands_in_turn(commands, folder, rounds=count)
    return costs


def _served(folder: Path, rounds: int) -> dict[str, list[float]]:
    """Load a service of each runtime in turn; return answers a second, a round each."""
    files = tuple(map(str, sorted((folder / "photos").iterdir())))
    rates: dict[str, list[float]] = {way: [] for way in WAYS}
    with ExitStack() as stack:
        ports = {}
        for way in WAYS:
            own = folder / f"served-{way}"
            own.mkdir()
            served = stack.enter_context(serving(own, runtime=way))
            served.check(Path(files[0]))
            ports[way] = served.port
        for turn in range(rounds):
            for way in in_turn(WAYS, turn):
                plan = load.Plan(ports[way], "/v1/depth", files, CLIENTS, SECONDS)
                seen = load.run(plan, folder)
                if seen.wrong:
                    raise RuntimeError(f"{way}: answers other than 200 and 429: {seen.statuses}")
                rates[way].append(seen.rate)
    return rates


def _over_best(taken_s: Mapping[str, Sequence[float]]) -> float:
    """Divide the median of `auto` by the least median of the others."""
    return median(taken_s[AUTO]) / min(median(taken_s[name]) for name in RUNTIMES)


def _rates(rates: Mapping[str, Sequence[float]]) -> Table:
    rows = tuple((way, spread(row)) for way, row in rates.items())
    return Table(title="The service", columns=("runtime", "answers a second"), rows=rows)


if __name__ == "__main__":
    main(sys.argv[1:])
