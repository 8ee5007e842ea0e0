"""What the garbage collector costs a `nearfar estimate` process, and what its settings save."""

import sys
import tempfile
from pathlib import Path
from typing import Final

from benchmarks import photos, tables
from benchmarks.cold_start import MODEL
from benchmarks.paired import Command, commands_in_turn, spread
from benchmarks.result import Ratio, write

ROUNDS: Final = 21
OURS: Final = "as nearfar sets it"

_LEFT_OUT: Final = {
    OURS: (),
    "collecting while it imports": ("set_threshold",),
    "collecting as it ends": ("freeze",),
    "as Python sets it": ("set_threshold", "freeze"),
}
"""Way -> the calls of `gc` that do nothing there."""


def main() -> None:
    """Measure and write the result."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        photo = photos.photo(folder / "photo.jpg")
        commands = {way: _command(photo, folder, out) for way, out in _LEFT_OUT.items()}
        costs = commands_in_turn(commands, folder, rounds=ROUNDS)
    s = {way: spread([cost.s for cost in row]) for way, row in costs.items()}
    core_s = {way: spread([cost.core_s for cost in row]) for way, row in costs.items()}
    write(
        "collector",
        title="The garbage collector and a cold start",
        question="A process that lives for half a second makes more objects than garbage."
        " What does it save that the command line neither collects while it imports nor once"
        " more as it ends?",
        data="`nearfar estimate` on one JPEG of 640 x 480, cut from examples/street.jpg; the"
        " bundled model in onnxruntime; files in the system's cache.",
        ratios=[
            Ratio(what=f"{kind} {OURS}, over {way}", value=of[OURS].median / of[way].median)
            for way in _LEFT_OUT
            if way != OURS
            for kind, of in (("time", s), ("core time", core_s))
        ],
        tables=[tables.costs("Whole processes", "collector", costs)],
        notes=("Where other programs run too, core time is the steadier of the two.",),
    )


def _command(photo: Path, folder: Path, left_out: tuple[str, ...]) -> Command:
    code = ["import gc", *(f"gc.{name} = lambda *_: None" for name in left_out)]
    code.append("from nearfar.cli import main; main()")
    command: list[str | Path] = [sys.executable, "-c", "\n".join(code), "estimate", photo]
    return [*command, "-o", folder / "map.png", "--force", "-m", MODEL, "--runtime", "onnxruntime"]


if __name__ == "__main__":
    main()
