"""Convert a clip to depth: decode, infer, stabilize, render and encode in parallel stages."""

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Generic, TypeAlias, TypeVar, get_args

from nearfar.config import EstimateOptions, Options, option
from nearfar.errors import CancelledError
from nearfar.estimator import Estimator
from nearfar.io.images import Image
from nearfar.parallel import SINGLE_THREADED_OPENCV
from nearfar.video.frame import Deinterlace, Frame
from nearfar.video.reader import TICKS, Clip, read_clip
from nearfar.video.renderers import Heat, Show, ShowName
from nearfar.video.temporal import (
    LOOK_AHEAD_S,
    Raw,
    Stabilized,
    SteadyMap,
    SteadyRange,
    finish,
    stabilize,
)

Item = TypeVar("Item")
Result = TypeVar("Result")

QUEUE: Final = 2
"""Number of items queued between two stages, so that varying run times do not stall them."""


class _StoppedError(Exception):
    """Raised in the stages of a stopped run, which then end."""


class _Queue(Generic[Item]):
    """A bounded queue whose waiting threads are released when the run is stopped."""

    def __init__(self, size: int) -> None:
        self._items: deque[Item] = deque()
        self._size = size
        self._is_closed = self._is_stopped = False
        self._changed = threading.Condition()

    def put(self, item: Item) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._is_stopped or len(self._items) < self._size)
            if self._is_stopped:
                raise _StoppedError
            self._items.append(item)
            self._changed.notify_all()

    def close(self) -> None:
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def stop(self) -> None:
        with self._changed:
            self._is_stopped = True
            self._items.clear()
            self._changed.notify_all()

    def __iter__(self) -> Iterator[Item]:
        while True:
            with self._changed:
                self._changed.wait_for(
                    lambda: self._is_stopped or self._is_closed or bool(self._items)
                )
                if self._is_stopped:
                    raise _StoppedError
                if not self._items:
                    return
                item = self._items.popleft()
                self._changed.notify_all()
            yield item


class _Run:
    """The queues of one run, and the first error of any stage."""

    def __init__(self) -> None:
        self.error: BaseException | None = None
        self._queues: list[_Queue[Any]] = []
        self._lock = threading.Lock()

    def queue(self, size: int) -> _Queue[Any]:
        queue: _Queue[Any] = _Queue(size)
        self._queues.append(queue)
        return queue

    def stop(self, error: BaseException | None = None) -> None:
        with self._lock:
            self.error = self.error or error
        for queue in self._queues:
            queue.stop()

    def run_stage(self, items: Iterable[Any], out: _Queue[Any]) -> None:
        items = iter(items)
        try:
            for item in items:
                out.put(item)
        except _StoppedError:
            pass
        except BaseException as error:  # noqa: BLE001 - raised again in the consumer's thread
            self.stop(error)
        else:
            out.close()
        finally:
            # otherwise an unfinished generator closes its files only at garbage collection
            close = getattr(items, "close", None)
            if close is not None:
                with suppress(_StoppedError):
                    close()


@contextmanager
def overlapped(
    source: Iterable[Any],
    *stages: Callable[[Iterator[Any]], Iterator[Any]],
    size: int = QUEUE,
) -> Iterator[Iterator[Any]]:
    """Run stages in parallel, one thread each.

    All stages have ended when the block is left, in any way. An error in a stage ends the other
    stages and is raised in the block when the results are consumed.

    Args:
        source: input of the first stage; iterated in a thread.
        stages: functions from iterator to iterator, usually generator functions.
        size: number of items queued between two stages.

    Yields:
        The results of the last stage.
    """
    run = _Run()
    items: Iterable[Any] = source
    threads = []
    for number, stage in enumerate((None, *stages)):
        if stage is not None:
            items = stage(iter(items))
        out = run.queue(size)
        name = f"nearfar-stage-{number}"
        threads.append(
            threading.Thread(target=run.run_stage, args=(items, out), name=name, daemon=True)
        )
        items = out
    for thread in threads:
        thread.start()
    try:
        yield _results(run, items)
    finally:
        run.stop()
        for thread in threads:
            thread.join()


def _results(run: _Run, items: Iterable[Any]) -> Iterator[Any]:
    with suppress(_StoppedError):
        yield from items
    if run.error is not None:
        raise run.error


def map_in_order(
    work: Callable[[Item], Result], items: Iterable[Item], workers: int
) -> Iterator[Result]:
    """Map a function over items in several threads, and yield the results in order.

    Args:
        work: called in the worker threads.
        items: consumed at most `workers` items ahead of the next result.
        workers: number of threads.

    Yields:
        The results in the order of `items`.
    """
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="nearfar-worker") as pool:
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) > workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


LOOK_AHEAD_BYTES: Final = 128 * 2**20
"""Memory for photos during look-ahead; with large frames the look-ahead is shorter."""

Progress: TypeAlias = Callable[[int, int | None], None]
"""Called with the number of written frames, and the total as far as known."""


@dataclass(frozen=True)
class VideoOptions(Options):
    """How a clip is read, and how its maps are stabilized."""

    steady: bool = option(
        "Stabilize the range of depths from frame to frame, so that colors do not flicker.",
        default=True,
    )
    smooth: bool = option("Also smooth the maps along the optical flow.", default=True)
    deinterlace: Deinterlace = option(
        "Deinterlace frames that are marked as interlaced (auto), all frames, or none.",
        default="auto",
    )


@dataclass(frozen=True)
class Done:
    """Result of a conversion.

    Attributes:
        output: the file or folder.
        frames: number of frames.
        seconds: duration of the conversion.
        warnings: sentences about problems of the clip.
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
    """Convert every frame of a clip.

    Memory use does not depend on the clip's length. An error in any stage ends all of them, is
    raised here, and leaves `target` unchanged.

    Args:
        source: the clip.
        target: the file, or the folder of an image sequence.
        estimator: the loaded model.
        show: kind of output, from `renderers.show` or `renderers.show_effect`.
        options: how the clip is read, and how its maps are stabilized.
        workers: number of threads for inference, and of threads for rendering.
        overwrite: replace an existing result.
        progress: called in this thread after each frame.
        cancelled: set it from any thread to cancel.

    Raises:
        CancelledError: `cancelled` was set.
        UsageError: see `Show.refuse`.
        NearfarError: an error in a stage: a clip that can't be read, a failed inference, an
            output that can't be written.
    """
    began_s, target = time.perf_counter(), Path(target)
    show.refuse(target, overwrite=overwrite)
    options = options or VideoOptions()
    clip, frames = read_clip(source, deinterlace=options.deinterlace), 0
    with (
        SINGLE_THREADED_OPENCV,
        show.writer(target, clip.info, overwrite=overwrite) as writer,
        overlapped(
            clip,
            lambda items: _infer(items, estimator, workers),
            lambda items: _stabilize(items, clip, options),
            lambda items: _render(items, estimator, show, workers),
        ) as results,
    ):
        for ticks, rendered in results:
            if cancelled is not None and cancelled.is_set():
                raise CancelledError(f"{source}: cancelled after {frames} frames")
            writer.write(ticks, rendered)
            frames += 1
            if progress is not None:
                progress(frames, clip.info.count)
    seconds = time.perf_counter() - began_s
    return Done(target, frames, seconds, (*clip.warnings, *writer.warnings))


def steady_maps(
    clip: Clip, estimator: Estimator, *, options: VideoOptions | None = None, workers: int = 1
) -> Iterator[tuple[Frame, SteadyMap]]:
    """Yield each frame of a clip with its map, as `convert` computes it.

    Args:
        clip: from `reader.read_clip`.
        estimator: the loaded model.
        options: how the maps are stabilized.
        workers: number of threads for inference.

    Raises:
        NearfarError: see `convert`.
    """
    with overlapped(
        clip,
        lambda items: _infer(items, estimator, workers),
        lambda items: _stabilize(items, clip, options or VideoOptions()),
    ) as stabilized:
        for each in stabilized:
            yield each.ticket, finish(estimator, each.raw, each.ticket.image, each.limits)


def _infer(frames: Iterator[Frame], estimator: Estimator, workers: int) -> Iterator[Raw[Frame]]:
    # no batches: on a CPU they are not faster, and need more memory and cache
    def work(frame: Frame) -> Raw[Frame]:
        photo = _network_input(frame, estimator)
        (raw,) = estimator.session.run(estimator.prepare(photo))
        estimator.check(raw)
        return Raw(frame, photo, raw, frame.ticks / TICKS)

    yield from map_in_order(work, frames, workers)


def _network_input(frame: Frame, estimator: Estimator) -> Image:
    """Return the photo scaled to the network's input if area averaging can do that, else whole."""
    size_px = estimator.fed_px(frame.size_px)
    is_smaller = size_px[0] <= frame.size_px[0] and size_px[1] <= frame.size_px[1]
    is_stable = estimator.fed_px(size_px) == size_px
    if estimator.spec.input.interpolation == "area" and is_smaller and is_stable:
        return frame.small(size_px)
    return frame.image


def _stabilize(
    raws: Iterator[Raw[Frame]], clip: Clip, options: VideoOptions
) -> Iterator[Stabilized[Frame]]:
    if options.steady:
        width, height = clip.info.size_px
        limit = LOOK_AHEAD_BYTES // (3 * width * height)
        ahead = max(1, min(limit, round(LOOK_AHEAD_S * clip.info.fps)))
        yield from stabilize(raws, ahead=ahead, smooth=options.smooth)
        return
    for each in raws:
        yield Stabilized(each.ticket, each.raw, SteadyRange().follow(each.raw))


def _render(
    stabilized: Iterator[Stabilized[Frame]], estimator: Estimator, show: Show, workers: int
) -> "Iterator[tuple[int, object]]":
    if isinstance(show.make, Heat) and not estimator.options.refine:
        for each in stabilized:  # passing it to a worker would take as long as rendering
            nearness = each.limits.spread(each.raw)
            yield each.ticket.ticks, show.make.small(nearness, each.ticket.size_px)
        return

    def work(each: Stabilized[Frame]) -> tuple[int, object]:
        frame = each.ticket
        photo = frame.image
        depth = finish(estimator, each.raw, photo, each.limits)
        return frame.ticks, show.make(photo, depth)

    yield from map_in_order(work, stabilized, workers)


@dataclass(frozen=True)
class ClipOrder:
    """A conversion job, without the clip.

    Attributes:
        kind: a `ShowName`, or the name of an effect.
        show: kind of output.
        following: how the maps are stabilized.
        estimating: how depth is estimated.
        model: name of the model; `auto` or None for the default model for clips.
    """

    kind: str
    show: Show
    following: VideoOptions = field(default_factory=VideoOptions)
    estimating: EstimateOptions = field(default_factory=EstimateOptions)
    model: str | None = None

    @property
    def what(self) -> str:
        """Part of the result's file name after the clip's: `depth`, or the effect."""
        return "depth" if self.kind in get_args(ShowName) else self.kind

    @property
    def suffix(self) -> str:
        """Suffix of the result as one file; an image sequence becomes a ZIP archive."""
        return ".zip" if self.show.format is None else self.show.suffix
