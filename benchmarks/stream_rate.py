"""A live stream of small frames, against the model that runs alone."""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from benchmarks import photos, tables
from benchmarks.child import ask
from benchmarks.cold_start import MODEL
from benchmarks.paired import in_turn
from benchmarks.photo_way import opencv_threads
from benchmarks.result import Ratio, write
from benchmarks.served import HOST, serving
from nearfar.config import EstimateOptions
from nearfar.estimator import Estimator
from nearfar.io.images import ImageFile
from nearfar.loading import load
from nearfar.runtimes.cpu import physical
from nearfar.service.stream.protocol import StreamOptions, encode
from nearfar.video.temporal import SteadyRange

FRAME_PX: Final = (256, 192)
FRAMES: Final = 100
SECONDS: Final = 10.0
ROUNDS: Final = 3
RATE_BOUND: Final = 0.85
LATENCY_BOUND: Final = 1.6

A_CORE: Final = "a frame a core, with decode and encode"

RATE_NOTE: Final = (
    "The model's own rate is the faster of two: one run at a time with all cores, and one run a"
    " core with one thread each, as the service runs it. Nothing is decoded or encoded there."
)
LATENCY_NOTE: Final = (
    "The client, which sends from another process on the same cores, keeps a frame more under way"
    " than there are workers, so that none waits for it. What the latency is compared with is"
    " measured under the same load: decode, prepare, run and encode of one frame while the other"
    " cores do the same. Against a frame that has the machine for itself, the last ratio tells."
)


@dataclass(frozen=True)
class Candidate:
    """A frame's way without the service.

    Attributes:
        estimator: of one thread a run.
        frames: encoded.
    """

    estimator: Estimator
    frames: list[bytes]

    def go(self, turn: int, steady: SteadyRange) -> None:
        """Decode, prepare, run and encode a frame."""
        with ImageFile(self.frames[turn % len(self.frames)]) as file:
            batch = self.estimator.prepare(self.estimator.decode(file))
        (raw,) = self.estimator.session.run(batch)
        encode(raw, steady.follow(raw, elapsed_s=1 / 30), StreamOptions())


def main(arguments: Sequence[str] = ()) -> None:
    """Measure and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="of all")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        frames = _frames(folder)
        with serving(folder, "--stream-fps", "1000") as served:
            address = f"ws://{HOST}:{served.port}/v1/stream"
            rates, latencies_ms = _in_turn(address, frames, folder, given.seconds, given.rounds)
    medians = {name: statistics.median(row) for name, row in rates.items()}
    ours, most = medians.pop("live stream"), medians.pop(A_CORE)
    best = max(medians, key=lambda name: medians[name])
    ms = {name: statistics.median(row) for name, row in latencies_ms.items()}
    stream_ms = ms["live stream"]
    write(
        "stream_rate",
        title="A live stream",
        question="How many of the frames that the model alone could do does one client get, and"
        " how late does each come?",
        data=f"{FRAMES} JPEGs of {FRAME_PX[0]} x {FRAME_PX[1]} to maps of bytes; {MODEL},"
        f" onnxruntime; {given.rounds} rounds of {given.seconds:g} s in turn; one WebSocket,"
        f" {physical() + 1} frames under way.",
        arguments=" ".join(arguments),
        ratios=[
            Ratio(
                what="frames a second of the live stream, over the model's own rate",
                value=ours / medians[best],
                bound=RATE_BOUND,
                at_least=True,
            ),
            Ratio(
                what="the same, over the rate of bare loops that decode and encode too",
                value=ours / most,
                at_least=True,
            ),
            Ratio(
                what="latency of a frame, over one inference with decode and encode",
                value=stream_ms / ms[A_CORE],
                bound=LATENCY_BOUND,
            ),
            Ratio(
                what="the same, over those of a frame alone on the machine",
                value=stream_ms / ms["a frame, alone"],
            ),
        ],
        tables=[
            tables.spreads("Rates", ("", "a second"), rates),
            tables.spreads("Times of a frame; medians, a round each", ("", "ms"), latencies_ms),
        ],
        notes=(RATE_NOTE, LATENCY_NOTE),
    )


def _frames(folder: Path) -> list[bytes]:
    frames = []
    for path in photos.many(folder / "photos", FRAMES):
        picture = np.asarray(cv2.imread(str(path)))
        small = cv2.resize(picture, FRAME_PX, interpolation=cv2.INTER_AREA)
        frames.append(cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 80])[1].tobytes())
    return frames


def _in_turn(
    address: str, frames: list[bytes], folder: Path, seconds: float, rounds: int
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Measure rates and latencies, each by name, a round each; every second goes backwards."""
    cores, options = physical(), EstimateOptions(input_size_px=StreamOptions().input_size_px)
    many, single = (
        load(MODEL, runtime="onnxruntime", threads=threads, input_size_px=options.input_size_px)
        for threads in (cores, 1)
    )
    with ImageFile(frames[0]) as file:
        batch = single.prepare(single.decode(file))
    way = Candidate(single, frames)
    steady = [SteadyRange() for _ in range(cores)]
    film = folder / "frames"
    film.mkdir()
    for number, frame in enumerate(frames):
        (film / f"{number:04d}.jpg").write_bytes(frame)
    rates: dict[str, list[float]] = {}
    latencies_ms: dict[str, list[float]] = {}

    def alone(name: str, threads: int, work: Callable[[int], object]) -> None:
        taken_ms = _repeat(work, threads, seconds)
        rates.setdefault(name, []).append(sum(map(len, taken_ms)) / seconds)
        of_all = [ms for row in taken_ms for ms in row]
        latencies_ms.setdefault(name, []).append(statistics.median(of_all))

    def stream() -> None:
        told = ask("benchmarks.stream_load", address, film, str(seconds), str(cores + 1))
        taken_ms = [float(ms) for ms in told.split()]
        rates.setdefault("live stream", []).append(len(taken_ms) / seconds)
        latencies_ms.setdefault("live stream", []).append(statistics.median(taken_ms))

    works: list[Callable[[], None]] = [
        stream,
        lambda: alone("one run, all cores", 1, lambda _: many.session.run(batch)),
        lambda: alone("one run a core", cores, lambda _: single.session.run(batch)),
        lambda: alone(A_CORE, cores, lambda n: way.go(n, steady[n % cores])),
        lambda: alone("a frame, alone", 1, lambda n: way.go(n, steady[0])),
    ]
    with opencv_threads(1):  # as in the service, whose workers are the threads
        for turn in range(rounds):
            for work in in_turn(works, turn):
                work()
    shown = ("live stream", "one run, all cores", "one run a core", A_CORE)
    return (
        {name: rates[name] for name in shown},
        latencies_ms,
    )


def _repeat(work: Callable[[int], object], threads: int, seconds: float) -> list[list[float]]:
    """Do work over and over in so many threads; give the milliseconds of each time."""

    def again(number: int) -> list[float]:
        taken_ms, end_s = [], time.perf_counter() + seconds
        turn = number
        while (began_s := time.perf_counter()) < end_s:
            work(turn)
            taken_ms.append((time.perf_counter() - began_s) * 1000)
            turn += threads
        return taken_ms

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(again, range(threads)))


if __name__ == "__main__":
    main(sys.argv[1:])
