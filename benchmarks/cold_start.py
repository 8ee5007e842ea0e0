"""A whole `nearfar estimate` process against the least that a program can do."""

import importlib.util
import re
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Final

from benchmarks import photos
from benchmarks.paired import Command, Cost, commands_in_turn, environment, spread
from benchmarks.result import Cell, Ratio, Table, write
from nearfar.models.store import Store

ROUNDS: Final = 11
TIME_BOUND: Final = 1.5
MEMORY_BOUND: Final = 1.3
IMPORT_BOUND_MS: Final = 60
MODEL: Final = "nearfar-lite"
NOTE: Final = (
    "The bare script checks no hash, no orientation and no colour profile, and writes the"
    " network's small map; nearfar checks them, and writes a map of the photo's size."
)

_IMPORTED = re.compile(r"import time:\s+(\d+) \|\s+\d+ \|\s+(\w+)")
_SHOWN: Final = 10


def main() -> None:
    """Measure and write the result."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        photo = photos.photo(folder / "photo.jpg")
        commands = _commands(photo, folder)
        costs = commands_in_turn(commands, folder, rounds=ROUNDS)
        imports = commands_in_turn(
            {name: [sys.executable, "-c", f"import {name}"] for name in ("numpy", "nearfar")},
            folder,
            rounds=ROUNDS,
        )
        shares = _shares(commands["nearfar, onnxruntime"], folder)
    bare = costs["bare script"]
    ours = {name: cost for name, cost in costs.items() if name != "bare script"}
    ratios = []
    for name, cost in ours.items():
        bounded = name == "nearfar, onnxruntime"
        ratios.append(
            Ratio(
                what=f"time of {name}, over the bare script",
                value=_median_s(cost) / _median_s(bare),
                bound=TIME_BOUND if bounded else None,
            )
        )
        ratios.append(
            Ratio(
                what=f"peak memory of {name}, over the bare script",
                value=_median_mib(cost) / _median_mib(bare),
                bound=MEMORY_BOUND if bounded else None,
            )
        )
    numpy_s, nearfar_s = _median_s(imports["numpy"]), _median_s(imports["nearfar"])
    ratios += [
        Ratio(
            what="`import nearfar` beyond `import numpy`, both in a new process",
            value=(nearfar_s - numpy_s) * 1e3,
            bound=IMPORT_BOUND_MS,
            unit=" ms",
        ),
        Ratio(what="time of `import nearfar`, over `import numpy`", value=nearfar_s / numpy_s),
    ]
    write(
        "cold_start",
        title="One photo from a cold start",
        question="What does a whole `nearfar estimate` process cost beyond what no program"
        " can do without: loading numpy, OpenCV and onnxruntime, reading a JPEG, and running"
        " the same graph once?",
        data="One JPEG of 640 x 480, cut from examples/street.jpg; the bundled model; files in"
        " the system's cache, bytecode compiled before.",
        ratios=ratios,
        tables=[
            _table("Whole processes", costs),
            _table("Imports alone", imports),
            Table(
                title="Where nearfar's time to import goes (`python -X importtime`, which itself"
                " slows what it times)",
                columns=("package", "ms, itself", "of all imports %"),
                rows=shares,
            ),
        ],
        notes=(NOTE,),
    )


def program() -> Path:
    """Give the `nearfar` of the Python that runs this, or else the shell's.

    Raises:
        FileNotFoundError: there is none.
    """
    beside = shutil.which("nearfar", path=Path(sys.executable).parent)
    found = beside or shutil.which("nearfar")
    if found is None:
        raise FileNotFoundError("no command nearfar: install the package first")
    return Path(found)


def _commands(photo: Path, folder: Path) -> dict[str, Command]:
    model = Store().path(MODEL)
    if model is None:
        raise FileNotFoundError(f"{MODEL} is not in this package")
    bare = Path(__file__).parent / "bare.py"
    estimate: list[str | Path] = [
        program(),
        "estimate",
        photo,
        "-o",
        folder / "depth.png",
        "--force",
        "-m",
        MODEL,
    ]
    commands: dict[str, Command] = {
        "bare script": [sys.executable, bare, model, photo, folder / "bare.tiff"],
        "nearfar, onnxruntime": [*estimate, "--runtime", "onnxruntime"],
    }
    if importlib.util.find_spec("openvino"):
        commands["nearfar, openvino"] = [*estimate, "--runtime", "openvino"]
        commands["nearfar, auto"] = estimate
    return commands


def _shares(command: Command, folder: Path) -> tuple[tuple[Cell, ...], ...]:
    """Sum each top-level package's own time to import in a run of the nearfar command."""
    words = [str(word) for word in command]
    code = f"import sys; sys.argv = {words!r}; from nearfar.cli import main; main()"
    answer = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", code],
        env=environment(folder),
        check=True,
        capture_output=True,
        text=True,
    )
    total_us: dict[str, int] = defaultdict(int)
    for own_us, package in _IMPORTED.findall(answer.stderr):
        known = package not in sys.stdlib_module_names
        total_us[package if known else "Python's own library"] += int(own_us)
    every_us = sum(total_us.values())
    ranked = sorted(total_us.items(), key=lambda item: -item[1])[:_SHOWN]
    return tuple((name, us / 1e3, 100 * us / every_us) for name, us in ranked)


def _table(title: str, costs: dict[str, list[Cost]]) -> Table:
    return Table(
        title=title,
        columns=("process", "ms", "core ms", "peak MiB"),
        rows=tuple(
            (
                name,
                spread([cost.s for cost in row], 1e3),
                spread([cost.core_s for cost in row], 1e3),
                spread([cost.peak_mib for cost in row]),
            )
            for name, row in costs.items()
        ),
    )


def _median_s(costs: list[Cost]) -> float:
    return spread([cost.s for cost in costs]).median


def _median_mib(costs: list[Cost]) -> float:
    return spread([cost.peak_mib for cost in costs]).median


if __name__ == "__main__":
    main()
