"""What pays in training: short runs of `nearfar train`, alike but for one thing, of equal work.

The data is yours to bring: folders as `nearfar train` reads them. An arm that is lighter a
picture sees more pictures, so that all compute as much: multiply-accumulates are counted, not
seconds, and whatever else the machine does changes nothing.
"""

import argparse
import csv
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.result import Cell, Table, write
from nearfar.datasets import open_folder
from nearfar.training.data.batches import SIZES
from nearfar.training.nets.midas_small import count_macs_per_px
from nearfar.training.nets.nearfar_lite import NearfarLite

BATCH: Final = 8
SMALL: Final = sum(w * h for w, h in SIZES.values()) / sum(w * h for w, h in SIZES)

_NOTE: Final = (
    "Each arm computes as much as {steps} steps of {batch} pictures at full size, from ImageNet"
    " weights, with a whole schedule. So short a training favours what learns fast. A single run"
    " an arm: differences below a point may be chance."
)


@dataclass(frozen=True)
class Arm:
    """One thing tried.

    Attributes:
        what: in words.
        flags: of `nearfar train`.
        size: pixels a picture, over those of the first arm.
        variant: of the encoder.
        reweighed: factors on the weights of sets.
    """

    what: str
    flags: tuple[str, ...] = ()
    size: float = 1.0
    variant: str = "lite2"
    reweighed: tuple[tuple[str, float], ...] = ()


_HALF: Final = ("--low-res", "1")
ARMS: Final = {
    "base": Arm("as `nearfar train` does by itself"),
    "small": Arm("half the pixels, more pictures", _HALF, SMALL),
    "fast": Arm(
        "small, and twice the rates",
        (*_HALF, "--encoder-lr", "4e-4", "--decoder-lr", "2e-3"),
        SMALL,
    ),
    "faster": Arm(
        "small, and four times the rates",
        (*_HALF, "--encoder-lr", "8e-4", "--decoder-lr", "4e-3"),
        SMALL,
    ),
    "ratio": Arm(
        "the same, and relative errors",
        (*_HALF, "--encoder-lr", "8e-4", "--decoder-lr", "4e-3", "--ratio-weight", "1"),
        SMALL,
    ),
    "lite0": Arm("small, and the lighter encoder", (*_HALF, "--network", "lite0"), SMALL, "lite0"),
    "edges": Arm("small, and twice the gradient loss", (*_HALF, "--gradient-weight", "0.5"), SMALL),
    "plain": Arm("small, without the gradient loss", (*_HALF, "--gradient-weight", "0"), SMALL),
    "untrimmed": Arm("small, and no pixel left out", (*_HALF, "--trim", "0"), SMALL),
    "rendered": Arm("small, and rendered pictures", _HALF, SMALL, "lite2", (("stk_render", 2.5),)),
}


def main() -> None:
    """Train every arm, and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--train", nargs="+", required=True, metavar="FOLDER=WEIGHT")
    parser.add_argument("--val", nargs="+", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--steps", type=int, default=200, help="of 8 pictures, in the first arm")
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=list(ARMS))
    parser.add_argument("--out", type=Path, default=Path("runs/recipes"))
    parser.add_argument("--cache", type=Path, default=Path("runs/cache"))
    given = parser.parse_args()
    rows: list[tuple[Cell, ...]] = []
    columns: tuple[str, ...] = ()
    for name in given.arms:
        found, steps = _trained(name, given)
        columns = ("arm", "pictures", *found)
        rows.append((ARMS[name].what, steps * BATCH, *found.values()))
    write(
        "recipes",
        title="What pays in training",
        question="What does a training of the same work gain, if one thing is changed?",
        data=f"{', '.join(Path(each).name for each in given.train)}; judged on"
        f" {', '.join(path.name for path in given.val)}",
        arguments="--train FOLDER=WEIGHT... --val FOLDER...",
        ratios=[],
        tables=[Table(title="Arms", columns=columns, rows=tuple(rows))],
        notes=(_NOTE.format(steps=given.steps, batch=BATCH),),
    )


def _trained(name: str, given: argparse.Namespace) -> tuple[dict[str, float], int]:
    """Train one arm, or read what an earlier run of it left."""
    arm = ARMS[name]
    work = count_macs_per_px(NearfarLite(arm.variant)) / count_macs_per_px(NearfarLite())  # type: ignore[arg-type]
    steps = round(given.steps / (work * arm.size))
    sets = [_reweighed(text, arm) for text in given.train]
    epoch = sum(len(open_folder(Path(path)).pairs) * weight for path, weight in sets) / BATCH
    curves = given.out / name / "curves.csv"
    if not (given.out / name / "network.onnx").exists():
        command = [
            *(str(Path(sys.executable).with_name("nearfar")), "train"),
            *(f"{path}={weight:g}" for path, weight in sets),
            *("--val", *map(str, given.val), "--out", name, "--force"),
            *("--runs", str(given.out), "--cache", str(given.cache)),
            *("--epochs", str((steps + 0.25) / round(epoch)), *arm.flags),
        ]
        home = {"NEARFAR_HOME": str(given.out / "home")}  # arms are no models of the user's
        subprocess.run(command, env={**os.environ, **home}, check=True)
    with curves.open(encoding="utf-8") as file:
        numbers = {
            what.removeprefix("val/").replace("/", " "): round(float(value), 4)
            for _, what, value in csv.reader(file)
            if what.startswith("val/")
        }
    return numbers, steps


def _reweighed(text: str, arm: Arm) -> tuple[str, float]:
    path, _, weight = text.rpartition("=") if "=" in text else (text, "", "1")
    return path, float(weight) * dict(arm.reweighed).get(Path(path).name, 1.0)


if __name__ == "__main__":
    main()
