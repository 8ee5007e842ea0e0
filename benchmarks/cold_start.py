"""A whole `nearfar estimate` process against the least that a program can do."""

import importlib.util
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Final

from benchmarks import photos, tables
from benchmarks.paired import Command, Cost, commands_in_turn, spread
from benchmarks.result import Ratio, write
from nearfar.models.registry import ModelRegistry

ROUNDS: Final = 11
TIME_BOUND: Final = 1.5
MEMORY_BOUND: Final = 1.3
IMPORT_BOUND_MS: Final = 60
MODEL: Final = "nearfar-lite"
NOTE: Final = (
    "The bare script checks no hash, no orientation and no color profile, and writes the"
    " network's small map; nearfar checks them, and writes a map of the photo's size."
)


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
            tables.costs("Whole processes", "process", costs),
            tables.costs("Imports alone", "process", imports),
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
    model = ModelRegistry().path(MODEL)
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


def _median_s(costs: list[Cost]) -> float:
    return spread([cost.s for cost in costs]).median


def _median_mib(costs: list[Cost]) -> float:
    return spread([cost.peak_mib for cost in costs]).median


if __name__ == "__main__":
    main()
