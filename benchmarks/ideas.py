"""Ideas for more speed, each measured with and without, whether it helped or not."""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from benchmarks import ideas_graph, ideas_photo
from benchmarks.cold_start import MODEL
from benchmarks.idea import Idea
from benchmarks.paired import calls_in_turn, spread
from benchmarks.result import Cell, Ratio, Table, write

ROUNDS: Final = 15

NOTE: Final = (
    "Under 1, the idea saves time. What is not used although it does either saves too little for"
    " what it costs in clarity or changes results, as its remark says."
)
UNPAIRED_NOTE: Final = (
    "Tried in earlier work and written down where they belong: openvino compiled for one size"
    " (docstring of its session), torch.compile and bfloat16 in training (docs/training.md),"
    " threads that spin between runs (a comment in onnxruntime's session). PyTorch as a third"
    " runtime of the ONNX files was slower than both and needed more memory; it was removed."
)


def main(arguments: Sequence[str] = ()) -> None:
    """Measure and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    given = parser.parse_args(arguments)
    ratios, rows = [], []
    with tempfile.TemporaryDirectory() as name:
        for idea in _all(Path(name)):
            ratio, row = measure(idea, given.rounds)
            ratios.append(ratio)
            rows.append(row)
            print(f"ideas: {idea.what}", flush=True)
    write(
        "ideas",
        title="What was tried",
        question="Which ideas make nearfar faster, and which do not?",
        data=f"Photos cut from the examples; {MODEL}, onnxruntime, all cores where nothing else is"
        f" said; {given.rounds} rounds, with and without in turn.",
        arguments=" ".join(arguments),
        ratios=ratios,
        tables=[
            Table(
                title="Each idea",
                columns=("idea", "used", "with it, ms", "without, ms", "remark"),
                rows=tuple(rows),
            )
        ],
        notes=(NOTE, UNPAIRED_NOTE),
    )


def measure(idea: Idea, rounds: int) -> tuple[Ratio, tuple[Cell, ...]]:
    """Measure one idea: the ratio of its times, and its row."""
    calls = {"with": idea.with_it, "without": idea.without}
    times = {way: spread(row, 1e3) for way, row in calls_in_turn(calls, rounds=rounds).items()}
    ratio = Ratio(
        what=f"time with: {idea.what}", value=times["with"].median / times["without"].median
    )
    used = "yes" if idea.used else "no"
    return ratio, (idea.what, used, times["with"], times["without"], idea.remark or None)


def _all(folder: Path) -> Iterator[Idea]:
    yield from ideas_photo.ideas(folder)
    yield from ideas_graph.ideas(folder)


if __name__ == "__main__":
    main(sys.argv[1:])
