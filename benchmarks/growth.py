"""How time and memory grow: with the photo, the clip, the folder, and the number of clients."""

import argparse
import math
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks import load, photos
from benchmarks.cold_start import MODEL, program
from benchmarks.load import Plan
from benchmarks.paired import Command, commands_in_turn, spread
from benchmarks.result import Cell, Curve, Growth, Ratio, Spread, Table, write
from benchmarks.served import serving
from benchmarks.video_rate import make_clip

MEGAPIXELS: Final = (0.1, 0.3, 1.0, 3.0, 10.0, 25.0, 50.0)
FRAMES: Final = (25, 100, 400)
PHOTOS: Final = (8, 32, 128, 512)
CLIENTS: Final = (1, 4, 16, 64)
ROUNDS: Final = 3
SECONDS: Final = 6.0
BOUND: Final = 1.1

EXPONENT_NOTE: Final = (
    "An exponent is the slope of the line through the points on logarithmic axes, over the upper"
    " half of the range, where what every run costs at the start counts least: 1 is linear, 0 is"
    " no growth. A bound of 1.1 leaves a tenth for what else the machine does."
)
SIZE_NOTE: Final = (
    "Photos, clips and folders are whole `nearfar` processes, with their peak memory. Clients ask"
    " one service for maps of photos of 640 x 480, ever more of them at once; time is the median"
    " until an answer, memory what the service has resident after each load."
)


@dataclass(frozen=True)
class Series:
    """What was measured as one thing grew.

    Attributes:
        name: of the plot's file.
        title: what grows.
        x: what is counted.
        ms: size -> times.
        mib: size -> memory.
    """

    name: str
    title: str
    x: str
    ms: Mapping[float, Spread]
    mib: Mapping[float, Spread]


def main(arguments: Sequence[str] = ()) -> None:
    """Measure and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="of the processes")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of each load")
    parser.add_argument("--part", type=float, default=1.0, help="of the sizes, for a quick look")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        folder, part = Path(name), given.part
        series = [
            _photos(folder, _scaled(MEGAPIXELS, part), given.rounds),
            _clips(folder, _scaled(FRAMES, part), given.rounds),
            _folders(folder, _scaled(PHOTOS, part), given.rounds),
            _clients(folder, _scaled(CLIENTS, part), given.seconds),
        ]
    write(
        "growth",
        title="How time and memory grow",
        question="Does anything grow faster than what is asked for: pixels, frames, photos,"
        " clients?",
        data=f"Photos, clips and folders made of the examples; {MODEL}, onnxruntime;"
        f" {given.rounds} rounds in turn; {given.seconds:g} s a load.",
        arguments=" ".join(arguments),
        ratios=[
            Ratio(what=f"exponent of {kind}, {each.title.lower()}", value=value, bound=BOUND)
            for each in series
            for kind, value in (("time", exponent(each.ms)), ("memory", exponent(each.mib)))
        ],
        tables=[_table(each) for each in series],
        notes=(EXPONENT_NOTE, SIZE_NOTE),
        plots=tuple(map(_plot, series)),
    )


def exponent(values: Mapping[float, Spread]) -> float:
    """Fit the power of growth over the upper half of the sizes, on logarithmic axes.

    Args:
        values: size -> what was measured; at least two sizes.

    Returns:
        e of values ~ size ** e.
    """
    sizes = sorted(values)
    middle = math.sqrt(sizes[0] * sizes[-1])
    upper = [size for size in sizes if size >= middle]
    chosen = upper if len(upper) > 1 else sizes[-2:]
    logs = np.log([values[size].median for size in chosen])
    return float(np.polyfit(np.log(chosen), logs, 1)[0])


def _scaled(sizes: Sequence[float], part: float) -> list[float]:
    return [size * part for size in sizes]


def _photos(folder: Path, megapixels: Iterable[float], rounds: int) -> Series:
    commands = {}
    for size in megapixels:
        height_px = round(math.sqrt(size * 1e6 * 3 / 4))
        photo = photos.photo(folder / f"{size:g}.jpg", (height_px * 4 // 3, height_px))
        commands[size] = _command("estimate", photo, folder / "map.png")
    return _measured("photos", "Pixels of a photo", "megapixels", commands, folder, rounds=rounds)


def _clips(folder: Path, counts: Iterable[float], rounds: int) -> Series:
    commands = {}
    for count in map(math.ceil, counts):
        clip = make_clip(folder / f"{count}.mp4", count)
        commands[float(count)] = _command("video", clip, folder / "out.mp4")
    return _measured("clips", "Frames of a clip", "frames", commands, folder, rounds=rounds)


def _folders(folder: Path, counts: Iterable[float], rounds: int) -> Series:
    commands = {}
    for count in map(math.ceil, counts):
        photos.many(folder / f"of-{count}", count)
        commands[float(count)] = _command("estimate", folder / f"of-{count}", folder / "maps")
    return _measured("folders", "Photos of a folder", "photos", commands, folder, rounds=rounds)


def _command(verb: str, source: Path, target: Path) -> Command:
    command: list[str | Path] = [program(), verb, source, "-o", target, "-m", MODEL]
    return [*command, "--runtime", "onnxruntime", "--force", "--quiet"]


def _measured(
    name: str, title: str, x: str, commands: Mapping[float, Command], folder: Path, *, rounds: int
) -> Series:
    named = {f"{size:g}": command for size, command in commands.items()}
    costs = commands_in_turn(named, folder, rounds=rounds, warmup=0)
    return Series(
        name,
        title,
        x,
        {size: spread([cost.s for cost in costs[f"{size:g}"]], 1e3) for size in commands},
        {size: spread([cost.peak_mib for cost in costs[f"{size:g}"]]) for size in commands},
    )


def _clients(folder: Path, counts: Iterable[float], seconds: float) -> Series:
    files = tuple(map(str, photos.many(folder / "asked", 50)))
    ms: dict[float, Spread] = {}
    mib: dict[float, Spread] = {}
    with serving(folder) as served:
        served.check(Path(files[0]))
        for count in map(math.ceil, counts):
            seen = load.run(Plan(served.port, "/v1/depth", files, count, seconds), folder)
            ms[count] = spread(seen.latencies_ms)
            mib[count] = spread([served.process().memory_mib])
    return Series("clients", "Clients at a time", "clients", ms, mib)


def _table(series: Series) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (f"{size:g}", series.ms[size], series.mib[size]) for size in series.ms
    ]
    return Table(title=series.title, columns=(series.x, "ms", "MiB"), rows=tuple(rows))


def _plot(series: Series) -> Growth:
    curves = [
        Curve(name=name, x=tuple(values), y=tuple(each.median for each in values.values()))
        for name, values in (("time, ms", series.ms), ("memory, MiB", series.mib))
    ]
    return Growth(
        name=series.name, title=series.title, x=series.x, y="ms, MiB", curves=tuple(curves)
    )


if __name__ == "__main__":
    main(sys.argv[1:])
