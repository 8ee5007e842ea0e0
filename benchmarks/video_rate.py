"""How much of a network's own rate a clip gets, and what memory a clip ten times as long takes."""

import sys
import tempfile
import time
from fractions import Fraction
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

import av
import numpy as np

from benchmarks.cold_start import MODEL
from benchmarks.paired import calls_in_turn, commands_in_turn
from benchmarks.photos import photo
from benchmarks.result import Ratio, write
from benchmarks.tables import spreads
from nearfar.io.images import read_image
from nearfar.loading import load
from nearfar.runtimes.cpu import physical
from nearfar.video.pipeline import VideoOptions, convert, map_in_order
from nearfar.video.renderers import show

if TYPE_CHECKING:
    from collections.abc import Callable

SIZE_PX: Final = (640, 360)
FRAMES: Final = 250
LONGER: Final = 10
ROUNDS: Final = 9
MEMORY_ROUNDS: Final = 3
RATE_BOUND: Final = 0.85
MEMORY_BOUND: Final = 1.05

NOTE: Final = (
    "The network alone: bare runs on a prepared frame, by as many workers. All cores are at work"
    " all the time, so the rate can't come to more than what the network takes of the work of a"
    " frame; the rest decodes the clip, makes the small photo, follows the movement, colors the"
    " map and encodes it."
)


def main() -> None:
    """Measure and write the result."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        short = make_clip(folder / "short.mp4", FRAMES)
        long = make_clip(folder / "long.mp4", LONGER * FRAMES)
        times, work_ms = _times(short)
        nearfar = Path(sys.executable).with_name("nearfar")
        words = ("--model", MODEL, "--runtime", "onnxruntime", "--force", "--quiet")
        costs = commands_in_turn(
            {
                clip.stem: [nearfar, "video", clip, "-o", folder / f"{clip.stem}-out.mp4", *words]
                for clip in (short, long)
            },
            folder,
            rounds=MEMORY_ROUNDS,
        )
    rates = {way: [FRAMES / s for s in taken] for way, taken in times.items()}
    own = median(rates["network alone"])
    peaks = {way: [cost.peak_mib for cost in taken] for way, taken in costs.items()}
    write(
        "video_rate",
        title="Video",
        question="What part of the network's own rate does a clip get, from its file to the file"
        " of its depth, and does memory grow with its length?",
        data=f"A pan over examples/street.jpg, {SIZE_PX[0]} x {SIZE_PX[1]}, {FRAMES} frames, and"
        f" one of {LONGER * FRAMES}; {MODEL}, onnxruntime, {physical()} workers of one thread.",
        ratios=[
            *(
                Ratio(
                    what=f"rate of {way}, over the network alone",
                    value=median(rate) / own,
                    bound=RATE_BOUND if way == "nearfar video" else None,
                    at_least=True,
                )
                for way, rate in rates.items()
                if way != "network alone"
            ),
            Ratio(
                what="the network's part of the work of a frame",
                value=median(work_ms["network alone"]) / median(work_ms["nearfar video"]),
            ),
            Ratio(
                what=f"peak memory of a clip {LONGER} times as long, over that of the clip",
                value=median(peaks["long"]) / median(peaks["short"]),
                bound=MEMORY_BOUND,
            ),
        ],
        tables=[
            spreads("Rates", ("way", "frames a second"), rates),
            spreads("Work of a frame, of all cores", ("way", "ms"), work_ms),
            spreads("Peak memory of the whole command", ("clip", "MiB"), peaks),
        ],
        notes=(NOTE,),
    )


def make_clip(path: Path, frames: int) -> Path:
    """Write a pan over a photo, forth and back, 25 frames a second."""
    width, height = SIZE_PX
    image = read_image(photo(path.with_suffix(".jpg")))
    reach = image.shape[0] - height
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number in range(frames):
            top = abs(number % (2 * reach) - reach)
            part = np.ascontiguousarray(image[top : top + height, :width])
            frame = av.VideoFrame.from_ndarray(part, "rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def _times(clip: Path) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Give of each way the seconds of each round, and the work in it, in ms a frame."""
    workers = physical()
    estimator = load(MODEL, runtime="onnxruntime", threads=1, callers=workers)
    image = np.zeros((SIZE_PX[1], SIZE_PX[0], 3), np.uint8)
    batch = estimator.prepare(image)
    target = clip.with_name("out.mp4")

    def alone() -> None:
        for _ in map_in_order(lambda _: estimator.session.run(batch), range(FRAMES), workers):
            pass

    def video(options: VideoOptions) -> object:
        return convert(
            clip, target, estimator, show("color"), options=options, workers=workers, overwrite=True
        )

    calls: dict[str, Callable[[], object]] = {
        "network alone": alone,
        "nearfar video": lambda: video(VideoOptions()),
        "nearfar video --no-smooth": lambda: video(VideoOptions(smooth=False)),
    }
    work_ms: dict[str, list[float]] = {way: [] for way in calls}

    def counted(way: str) -> None:
        began_s = time.process_time()
        calls[way]()
        work_ms[way].append((time.process_time() - began_s) / FRAMES * 1e3)

    times = calls_in_turn({way: partial(counted, way) for way in calls}, rounds=ROUNDS)
    return times, work_ms


if __name__ == "__main__":
    main()
