"""Turn a clip into depth: decode, infer, steady, render and encode in overlapping stages."""

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
from nearfar.video.temporal import AHEAD_S, Raw, Steadied, SteadyMap, SteadyRange, finish, stabilize

Item = TypeVar("Item")
Result = TypeVar("Result")

QUEUE: Final = 2
"""Items that wait between two stages; enough that neither idles while their times vary a little."""


class _StoppedError(Exception):
    """The run is over; a stage that meets this simply ends."""


class _Queue(Generic[Item]):
    """Bounded, and no one waits at it any more once the run is stopped."""

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

    def work(self, items: Iterable[Any], out: _Queue[Any]) -> None:
        items = iter(items)
        try:
            for item in items:
                out.put(item)
        except _StoppedError:
            pass
        except BaseException as error:  # noqa: BLE001 - raised again where the results are taken
            self.stop(error)
        else:
            out.close()
        finally:
            # a generator that is not exhausted would close its files only when it is collected
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
    """Run stages side by side.

    However the block is left, all stages have ended when it is: what a stage raised is raised
    in the block as the results are taken, and ends the other stages.

    Args:
        source: what the first stage takes; gone through in a thread of its own.
        stages: each takes an iterator and is one, mostly a generator function.
        size: items that may wait between two stages.

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
        threads.append(threading.Thread(target=run.work, args=(items, out), name=name, daemon=True))
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


def in_order(
    work: Callable[[Item], Result], items: Iterable[Item], workers: int
) -> Iterator[Result]:
    """Do the same work on many items, several at once.

    Args:
        work: called in the workers' threads.
        items: taken no more than `workers` ahead of the result that is due.
        workers: how many threads.

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


AHEAD_BYTES: Final = 128 * 2**20
"""Of the photos that wait while one looks ahead; large frames are looked ahead less far."""

Progress: TypeAlias = Callable[[int, int | None], None]
"""Called with the frames that are written, and all there are as far as that is known."""


@dataclass(frozen=True)
class VideoOptions(Options):
    """How a clip is read, and how its maps follow one another."""

    steady: bool = option(
        "Carry the range of depths from frame to frame, so that colors do not flicker.",
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
        SINGLE_THREADED_OPENCV,
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


@dataclass(frozen=True)
class ClipOrder:
    """A clip's job, without the clip.

    Attributes:
        kind: a name of `ShowName`, or that of an effect.
        show: what is made of each frame.
        following: how maps follow one another.
        estimating: how frames become depth.
        model: that is asked for by name; `auto` or None for the default one of clips.
    """

    kind: str
    show: Show
    following: VideoOptions = field(default_factory=VideoOptions)
    estimating: EstimateOptions = field(default_factory=EstimateOptions)
    model: str | None = None

    @property
    def what(self) -> str:
        """What the result's name says after the clip's: `depth`, or the effect."""
        return "depth" if self.kind in get_args(ShowName) else self.kind

    @property
    def suffix(self) -> str:
        """Of the result as one file: a sequence is a ZIP."""
        return ".zip" if self.show.format is None else self.show.suffix
