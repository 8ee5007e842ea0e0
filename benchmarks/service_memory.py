"""Whether the service's memory grows with the requests that it answers."""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks import load, photos
from benchmarks.cold_start import MODEL
from benchmarks.load import Plan
from benchmarks.result import Cell, Ratio, Table, write
from benchmarks.served import Served, serving

REQUESTS: Final = 10_000
STEP: Final = 500
"""Requests between two looks; the memory after the first of them is what counts as the start."""
CLIENTS: Final = 16
PHOTOS: Final = 200
BOUND: Final = 1.10

NOTE: Final = (
    "Memory is what is resident, as the service itself tells at /metrics, once all requests so far"
    " are answered. The clients connect anew for every step."
)


def main(arguments: Sequence[str] = ()) -> None:
    """Measure and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=REQUESTS)
    parser.add_argument("--step", type=int, default=STEP, help="requests between two looks")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = tuple(map(str, photos.many(folder / "photos", PHOTOS)))
        with serving(folder) as served:
            served.check(Path(files[0]))
            rows = _steps(served, files, folder, given.requests, given.step)
    first, last = rows[0], rows[-1]
    write(
        "service_memory",
        title="Memory of the service over many requests",
        question=f"Does the service need more memory after {given.requests:,} requests than after"
        f" the first {given.step:,}?",
        data=f"{PHOTOS} JPEGs of 640 x 480, quality 90, to 16-bit PNGs; {MODEL}, onnxruntime;"
        f" {CLIENTS} clients.",
        arguments=" ".join(arguments),
        ratios=[
            Ratio(
                what=f"memory at the end, over that after the first {given.step:,} requests",
                value=last[1] / first[1],
                bound=BOUND,
            ),
            Ratio(
                what="answers other than 200 and 429", value=sum(row[2] for row in rows), bound=0
            ),
        ],
        tables=[
            Table(
                title="Memory",
                columns=("requests answered", "MiB", "answers other than 200 and 429"),
                rows=tuple[tuple[Cell, ...], ...](rows),
            )
        ],
        notes=(NOTE,),
    )


def _steps(
    served: Served, files: tuple[str, ...], folder: Path, requests: int, step: int
) -> list[tuple[int, float, int]]:
    """Requests answered so far, MiB, and wrong answers of each step."""
    plan = Plan(served.port, "/v1/depth", files, CLIENTS, requests=step, warmup_s=0)
    rows, answered = [], 0
    while answered < requests:
        seen = load.run(plan, folder)
        answered += sum(seen.statuses.values())
        rows.append((answered, served.process().memory_mib, seen.wrong))
    return rows


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
