"""A clip's way: decode, infer, steady, render, encode, side by side and in bounded memory."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from nearfar.config import Options, option
from nearfar.errors import CancelledError
from nearfar.estimator import Estimator
from nearfar.io.images import Image
from nearfar.parallel import OWN_THREADS
from nearfar.video.deinterlace import Deinterlace
from nearfar.video.frame import Frame
from nearfar.video.frames import TICKS, Clip, read_clip
from nearfar.video.shows import Heat, Show
from nearfar.video.stabilize import AHEAD_S, Raw, Steadied, stabilize
from nearfar.video.stages import in_order, overlapped
from nearfar.video.steady import SteadyRange
from nearfar.video.steadymap import SteadyMap, finish

AHEAD_BYTES: Final = 128 * 2**20
"""Of the photos that wait while one looks ahead; large frames are looked ahead less far."""

Progress: TypeAlias = Callable[[int, int | None], None]
"""Called with the frames that are written, and all there are as far as that is known."""


@dataclass(frozen=True)
class VideoOptions(Options):
    """How a clip is read, and how its maps follow one another."""

    steady: bool = option(
        "Carry the range of depths from frame to frame, so that colours do not flicker.",
        default=True,
    )
    smooth: bool = option(
        "Also smooth the maps along the movement in the picture (optical flow).", default=True
    )
    deinterlace: Deinterlace = option(
        "Make interlaced frames whole: where the clip says they are, always, or never.",
        default="auto",
    )


@dataclass(frozen=True)
class Done:
    """What came of a clip.

    Attributes:
        output: the file or folder.
        frames: how many.
        seconds: the work took.
        warnings: what was wrong with the clip, a sentence each.
    """

    output: Path
    frames: int
    seconds: float
    warnings: tuple[str, ...]


def convert(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    estimator: Estimator,
    show: Show,
    *,
    options: VideoOptions | None = None,
    workers: int = 1,
    overwrite: bool = False,
    progress: Progress | None = None,
    cancelled: threading.Event | None = None,
) -> Done:
    """Make a result of every frame of a clip.

    Memory does not grow with the clip's length. Whatever fails, in whatever stage, ends all of
    them, is raised here, and leaves nothing at `target` that was not there before.

    Args:
        source: the clip.
        target: the file, or the folder of a sequence.
        estimator: the loaded model.
        show: what is made of each frame, of `shows.show` or `shows.show_effect`.
        options: how the clip is read, and how maps follow one another.
        workers: threads that infer at once, and as many that render.
        overwrite: replace what is there.
        progress: called in this thread after each frame.
        cancelled: set it from any thread to give up.

    Raises:
        CancelledError: `cancelled` was set.
        UsageError: as of `Show.refuse`.
        NearfarError: whatever a stage met: a clip that can't be read, a network that failed, an
            output that can't be written.
    """
    began_s, target = time.perf_counter(), Path(target)
    show.refuse(target, overwrite=overwrite)
    options = options or VideoOptions()
    clip, frames = read_clip(source, deinterlace=options.deinterlace), 0
    with (
        OWN_THREADS,
        show.writer(target, clip.info, overwrite=overwrite) as writer,
        overlapped(
            clip,
            lambda items: _inferred(items, estimator, workers),
            lambda items: _steadied(items, clip, options),
            lambda items: _rendered(items, estimator, show, workers),
        ) as results,
    ):
        for ticks, made in results:
            if cancelled is not None and cancelled.is_set():
                raise CancelledError(f"{source}: given up after {frames} frames, as was asked")
            writer.write(ticks, made)
            frames += 1
            if progress is not None:
                progress(frames, clip.info.count)
    seconds = time.perf_counter() - began_s
    return Done(target, frames, seconds, (*clip.warnings, *writer.warnings))


def steady_maps(
    clip: Clip, estimator: Estimator, *, options: VideoOptions | None = None, workers: int = 1
) -> Iterator[tuple[Frame, SteadyMap]]:
    """Give each frame of a clip with its map, as `convert` makes them.

    Args:
        clip: of `frames.read_clip`.
        estimator: the loaded model.
        options: how maps follow one another.
        workers: threads that infer at once.

    Raises:
        NearfarError: as of `convert`.
    """
    with overlapped(
        clip,
        lambda items: _inferred(items, estimator, workers),
        lambda items: _steadied(items, clip, options or VideoOptions()),
    ) as steadied:
        for each in steadied:
            yield each.ticket, finish(estimator, each.raw, each.ticket.image, each.limits)


def _inferred(frames: Iterator[Frame], estimator: Estimator, workers: int) -> Iterator[Raw[Frame]]:
    # one by one: on a CPU frames that go together take no less time, and more memory and cache
    def work(frame: Frame) -> Raw[Frame]:
        photo = _fed(frame, estimator)
        (raw,) = estimator.session.run(estimator.prepare(photo))
        estimator.check(raw)
        return Raw(frame, photo, raw, frame.ticks / TICKS)

    yield from in_order(work, frames, workers)


def _fed(frame: Frame, estimator: Estimator) -> Image:
    """Give the photo as the network is fed it where averages of areas lead there, or else whole."""
    size_px = estimator.fed_px(frame.size_px)
    is_smaller = size_px[0] <= frame.size_px[0] and size_px[1] <= frame.size_px[1]
    is_kept = estimator.fed_px(size_px) == size_px
    if estimator.spec.input.interpolation == "area" and is_smaller and is_kept:
        return frame.small(size_px)
    return frame.image


def _steadied(
    raws: Iterator[Raw[Frame]], clip: Clip, options: VideoOptions
) -> Iterator[Steadied[Frame]]:
    if options.steady:
        width, height = clip.info.size_px
        most = AHEAD_BYTES // (3 * width * height)
        ahead = max(1, min(most, round(AHEAD_S * clip.info.fps)))
        yield from stabilize(raws, ahead=ahead, smooth=options.smooth)
        return
    for each in raws:
        yield Steadied(each.ticket, each.raw, SteadyRange().follow(each.raw))


def _rendered(
    steadied: Iterator[Steadied[Frame]], estimator: Estimator, show: Show, workers: int
) -> "Iterator[tuple[int, object]]":
    if isinstance(show.make, Heat) and not estimator.options.refine:
        for each in steadied:  # to hand it to a worker would take as long as the work
            nearness = each.limits.spread(each.raw)
            yield each.ticket.ticks, show.make.small(nearness, each.ticket.size_px)
        return

    def work(each: Steadied[Frame]) -> tuple[int, object]:
        frame = each.ticket
        photo = frame.image
        depth = finish(estimator, each.raw, photo, each.limits)
        return frame.ticks, show.make(photo, depth)

    yield from in_order(work, steadied, workers)
