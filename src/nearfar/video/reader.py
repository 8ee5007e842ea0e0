"""Decode the frames of a clip, one after the other, as a viewer would see them."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from nearfar.errors import VideoError
from nearfar.optional import require
from nearfar.video.container import opened, picture_of, square_px
from nearfar.video.frame import Deinterlace, Deinterlacer, Frame, View

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import av
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

_WITH_ALPHA: Final = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
"""Codec -> decoder that sees the alpha of WebM; FFmpeg's own do not."""


def decoded(
    container: "InputContainer", stream: "VideoStream", deinterlace: Deinterlace, threads: int
) -> "Iterator[VideoFrame | None]":
    """Give the frames of a track, and None for each part that is damaged."""
    deinterlacer = Deinterlacer(deinterlace)
    for frame in _raw(container, stream, threads):
        if frame is None:
            yield None
        else:
            yield from deinterlacer.take(frame)
    yield from deinterlacer.rest()


def _raw(
    container: "InputContainer", stream: "VideoStream", threads: int
) -> "Iterator[VideoFrame | None]":
    av = require("av")
    decode = _decoder(stream, threads)
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except av.FFmpegError:
            yield None
            return
        if packet is None:
            return
        try:
            yield from decode(packet)
        except av.EOFError:
            return
        except av.FFmpegError:
            yield None


def _decoder(stream: "VideoStream", threads: int) -> "Callable[[Any], Iterable[VideoFrame]]":
    av = require("av")
    name = _WITH_ALPHA.get(stream.codec_context.name)
    says_alpha = {key.lower(): value for key, value in stream.metadata.items()}.get("alpha_mode")
    if name is None or says_alpha != "1" or name not in av.codecs_available:
        stream.thread_type = "AUTO"
        stream.codec_context.thread_count = threads
        return lambda packet: packet.decode()
    context: Any = av.CodecContext.create(name, "r")
    context.thread_count = threads
    context.extradata = stream.codec_context.extradata
    return lambda packet: context.decode(packet if packet.size else None)


TICKS: Final = 90_000
"""Parts of a second in which times are counted: whole for all common rates but 23.976."""

USUAL_FPS: Final = 25.0
"""Of a clip that says nothing of its rate."""

_STEP: Final = TICKS // 1000 + 1
"""Frames that a clip shows at once, or in no order, are this far apart: Matroska counts in ms."""

_SHORT_S: Final = 0.5
_SHORT_FRAMES: Final = 3
_MAX_PIXELS: Final = 100_000_000
_THREADS: Final = 4
_PIXELS_A_THREAD: Final = 2**19


@dataclass(frozen=True)
class ClipInfo:
    """What a clip says of itself before it is decoded.

    Attributes:
        path: where it lies.
        size_px: width and height with square pixels, upright as far as that is known before the
            first frame.
        fps: frames a second, on the average.
        count: number of frames, as said or worked out; None where neither can be.
        duration_s: length of the picture; None when not said.
        start: time stamp of the clip's first moment, in seconds.
        has_sound: whether there is a sound track.
    """

    path: Path
    size_px: tuple[int, int]
    fps: float
    count: int | None
    duration_s: float | None
    start: Fraction
    has_sound: bool


@dataclass(eq=False)
class Clip:
    """A clip that is read.

    Attributes:
        info: of it.
        deinterlace: whether interlaced frames are made whole.
        warnings: what was wrong with it, a sentence each; whole after the last frame.
    """

    info: ClipInfo
    deinterlace: Deinterlace = "auto"
    warnings: list[str] = field(default_factory=list)

    def __iter__(self) -> Iterator[Frame]:
        """Decode the clip from its start.

        Frames keep their times, also where these are uneven. They come as they are shown:
        turned and mirrored as the clip asks for, with square pixels, HDR as BT.709, what is
        transparent over white, and all of the size of the first. Damaged parts are passed over,
        and told in `warnings`, as are a file that ends before it should and sizes that change.

        Raises:
            VideoError: not one frame could be decoded, or frames are too large.
        """
        del self.warnings[:]
        end_ticks, count, damaged, size_px, resized = -_STEP, 0, 0, None, None
        with opened(self.info.path) as container:
            stream = picture_of(self.info.path, container)
            view = View(stream.sample_aspect_ratio)
            threads = threads_for(self.info.size_px)
            for each in decoded(container, stream, self.deinterlace, threads):
                if each is None:
                    damaged += 1
                    continue
                end_ticks = max(self._ticks(each, count), end_ticks + _STEP)
                own_px = view.size_px(each)
                if own_px != size_px:
                    _refuse_too_large(self.info.path, own_px)
                    size_px = size_px or own_px
                    resized = count if own_px != size_px and resized is None else resized
                yield Frame(count, end_ticks, each, view, size_px)
                count += 1
        if not count:
            raise VideoError(f"{self.info.path}: no frame of it can be decoded")
        if resized is not None and size_px is not None:
            self.warnings.append(
                f"{self.info.path}: its frames change their size at frame {resized}: those that"
                f" follow were scaled to {size_px[0]} x {size_px[1]}"
            )
        self._judge(end_ticks / TICKS, count, damaged)

    def _ticks(self, frame: "av.VideoFrame", count: int) -> int:
        if frame.pts is None or frame.time_base is None:
            return round(count * TICKS / self.info.fps)
        return round((frame.pts * Fraction(frame.time_base) - self.info.start) * TICKS)

    def _judge(self, last_s: float, count: int, damaged: int) -> None:
        info = self.info
        if damaged:
            self.warnings.append(f"{info.path}: {damaged} damaged parts were passed over")
        slack_s = max(_SHORT_S, _SHORT_FRAMES / info.fps)
        if info.duration_s is not None and last_s + slack_s < info.duration_s:
            self.warnings.append(
                f"{info.path}: ends after {last_s:.1f} of {info.duration_s:.1f} s: the file is cut"
                f" off; its {count} frames were taken"
            )


def read_clip(path: str | os.PathLike[str], *, deinterlace: Deinterlace = "auto") -> Clip:
    """Open a clip of any format that FFmpeg reads, and ask it what it is.

    Args:
        path: the file.
        deinterlace: whether interlaced frames are made whole.

    Raises:
        ImageNotFoundError: no such file, or it can't be opened.
        VideoError: it is no clip, has no picture, or is too large.
        MissingExtraError: PyAV is not installed.
    """
    path = Path(path)
    with opened(path) as container:
        stream = picture_of(path, container)
        context = stream.codec_context
        if context.width < 1 or context.height < 1 or context.codec is None:
            raise VideoError(f"{path}: its picture is of a kind that can't be decoded")
        size_px = square_px((context.width, context.height), stream.sample_aspect_ratio)
        _refuse_too_large(path, size_px)
        fps = float(stream.average_rate or stream.guessed_rate or USUAL_FPS)
        duration_s = _duration_s(container, stream)
        count = stream.frames or (round(duration_s * fps) if duration_s else None)
        return Clip(
            ClipInfo(
                path=path,
                size_px=size_px,
                fps=fps,
                count=count,
                duration_s=duration_s,
                start=Fraction(container.start_time or 0, 1_000_000),
                has_sound=bool(container.streams.audio),
            ),
            deinterlace,
        )


def threads_for(size_px: tuple[int, int]) -> int:
    """Give how many threads shall decode, or encode, frames of this width and height.

    Several do more work than one, up to twice as much, which they take from the network.
    """
    return min(_THREADS, os.cpu_count() or 1, 1 + size_px[0] * size_px[1] // _PIXELS_A_THREAD)


def _duration_s(container: "InputContainer", stream: "VideoStream") -> float | None:
    if stream.duration and stream.time_base:
        return float(stream.duration * Fraction(stream.time_base))
    return container.duration / 1_000_000 if container.duration else None


def _refuse_too_large(path: Path, size_px: tuple[int, int]) -> None:
    width, height = size_px
    if width * height > _MAX_PIXELS:
        raise VideoError(f"{path}: frames of {width} x {height} are too large")
