"""One photo's way through the house, stage by stage."""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Final, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks import photos
from benchmarks.cold_start import MODEL
from benchmarks.paired import in_turn, spread
from benchmarks.result import Cell, Ratio, Table, write
from nearfar.depth import DepthMap
from nearfar.estimator import Estimator
from nearfar.io.images import ImageFile, encode_image
from nearfar.io.images.reader import Source
from nearfar.loading import load
from nearfar.runtimes.cpu import physical

Encode: TypeAlias = Callable[[DepthMap], bytes]

ROUNDS: Final = 41
WARMUP: Final = 3
SIZE_PX: Final = (1280, 720)
BOUND: Final = 25.0

STAGES: Final = ("decode", "prepare", "infer", "finish", "encode")
INFER: Final = STAGES.index("infer")

ENCODERS: Final[dict[str, Encode]] = {
    "16-bit PNG": lambda depth: depth.encode("png16"),
    "PNG in color": lambda depth: encode_image(depth.colorize(), ".png"),
    "JPEG in color": lambda depth: encode_image(depth.colorize(), ".jpg"),
}

NOTE: Final = (
    "Decode begins with the file's bytes and gives pixels as large as the network needs them;"
    " prepare resizes and normalises; finish brings the map to the photo's size and checks it;"
    " encode spreads and colors it where asked, and makes the file's bytes. With all cores,"
    " infer and OpenCV's share of the others have them all; one core is what a photo of a folder"
    " or of the service gets."
)


def main(arguments: Sequence[str] = ()) -> None:
    """Measure and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        content = photos.photo(Path(name) / "photo.jpg", SIZE_PX).read_bytes()
    threads = {"all cores": physical(), "one core": 1}
    estimators = {
        name: load(MODEL, runtime="onnxruntime", threads=count) for name, count in threads.items()
    }
    times = _in_turn(estimators, threads, content, given.rounds)
    write(
        "photo_way",
        title="One photo's way",
        question="Where does the time go between a photo's bytes and the bytes of its map?",
        data=f"A JPEG of {SIZE_PX[0]} x {SIZE_PX[1]}, quality 90, cut from examples/street.jpg;"
        f" {MODEL}, onnxruntime; no file is read or written.",
        arguments=" ".join(arguments),
        ratios=[
            outside(row, f"{output}, {cores}", bounded=cores == "all cores")
            for (cores, output), row in times.items()
        ],
        tables=[
            Table(
                title="The stages, in ms, and what part of the whole each is, in percent",
                columns=("cores", "output", *STAGES, "whole", *(f"{each} %" for each in STAGES)),
                rows=tuple((*key, *_cells(row)) for key, row in times.items()),
            )
        ],
        notes=(NOTE,),
    )


def walk(estimator: Estimator, source: Source, encode: Encode) -> list[float]:
    """Go a photo's whole way.

    Args:
        estimator: loaded.
        source: a JPEG's path or bytes.
        encode: makes a file's bytes of a map.

    Returns:
        Seconds of each of `STAGES`.
    """
    marks = [time.perf_counter()]
    with ImageFile(source) as file:
        image = estimator.decode(file)
        size_px = (file.width_px, file.height_px)
    marks.append(time.perf_counter())
    batch = estimator.prepare(image)
    marks.append(time.perf_counter())
    raw = estimator.session.run(batch)
    marks.append(time.perf_counter())
    depth = estimator.finish(raw[0], image, size_px=size_px)
    marks.append(time.perf_counter())
    encode(depth.relative())
    marks.append(time.perf_counter())
    return [float(s) for s in np.diff(marks)]


def shares(times: Sequence[Sequence[float]]) -> NDArray[np.float64]:
    """Tell what part of the whole each stage takes, by their medians, in percent.

    Args:
        times: of each round, the seconds of each stage.
    """
    medians = np.median(np.asarray(times, np.float64), axis=0)
    return np.asarray(100 * medians / medians.sum(), np.float64)


def outside(times: Sequence[Sequence[float]], what: str, *, bounded: bool) -> Ratio:
    """Tell of the largest stage beside infer what part of the whole it takes."""
    found = dict(zip(STAGES, shares(times), strict=True))
    del found[STAGES[INFER]]
    stage = max(found, key=lambda name: found[name])
    return Ratio(
        what=f"largest share outside the network, {what}: {stage}",
        value=float(found[stage]),
        bound=BOUND if bounded else None,
        unit=" %",
    )


@contextmanager
def opencv_threads(count: int) -> Iterator[None]:
    """Give OpenCV so many threads for a while."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(count)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


def _in_turn(
    estimators: Mapping[str, Estimator], threads: Mapping[str, int], content: bytes, rounds: int
) -> dict[tuple[str, str], list[list[float]]]:
    times: dict[tuple[str, str], list[list[float]]] = {
        (cores, output): [] for cores in estimators for output in ENCODERS
    }
    for turn in range(WARMUP + rounds):
        for cores, output in in_turn(times, turn):
            with opencv_threads(threads[cores]):
                taken = walk(estimators[cores], content, ENCODERS[output])
            if turn >= WARMUP:
                times[cores, output].append(taken)
    return times


def _cells(times: Sequence[Sequence[float]]) -> tuple[Cell, ...]:
    stages = [spread(row, 1e3) for row in zip(*times, strict=True)]
    whole = median(sum(row) for row in times) * 1e3
    return (*stages, whole, *map(float, shares(times)))


if __name__ == "__main__":
    main(sys.argv[1:])
