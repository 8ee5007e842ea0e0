"""The frames of a clip, one after the other, as a viewer would see them."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from nearfar.errors import ImageNotFoundError, VideoError
from nearfar.extras import require
from nearfar.video.frame import Frame, Scalers

if TYPE_CHECKING:
    import av
    from av.container import InputContainer
    from av.video.stream import VideoStream

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
        size_px: width and height, upright as far as that is known before the first frame.
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
        warnings: what was wrong with it, a sentence each; whole after the last frame.
    """

    info: ClipInfo
    warnings: list[str] = field(default_factory=list)

    def __iter__(self) -> Iterator[Frame]:
        """Decode the clip from its start.

        Frames keep their times, also where these are uneven. A rotation that the clip asks for
        is carried out. Damaged parts are passed over, and told in `warnings`, as is a file that
        ends before it should.

        Raises:
            VideoError: not one frame could be decoded, or frames are too large.
        """
        del self.warnings[:]
        end_ticks, count, damaged, size_px = -_STEP, 0, 0, None
        with _opened(self.info.path) as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            stream.codec_context.thread_count = threads_for(self.info.size_px)
            scalers = Scalers()
            for decoded in _decoded(container, stream):
                if decoded is None:
                    damaged += 1
                    continue
                end_ticks = max(self._ticks(decoded, count), end_ticks + _STEP)
                frame = Frame(count, end_ticks, decoded, scalers)
                size_px = size_px or frame.size_px
                if frame.size_px != size_px:
                    raise VideoError(
                        f"{self.info.path}: its frames change their size at frame {count}:"
                        " cut it there"
                    )
                yield frame
                count += 1
        if not count:
            raise VideoError(f"{self.info.path}: no frame of it can be decoded")
        self._judge(end_ticks / TICKS, count, damaged)

    def _ticks(self, decoded: "av.VideoFrame", count: int) -> int:
        if decoded.pts is None or decoded.time_base is None:
            return round(count * TICKS / self.info.fps)
        return round((decoded.pts * Fraction(decoded.time_base) - self.info.start) * TICKS)

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


def read_clip(path: str | os.PathLike[str]) -> Clip:
    """Open a clip of any format that FFmpeg reads, and ask it what it is.

    Args:
        path: the file.

    Raises:
        ImageNotFoundError: no such file, or it can't be opened.
        VideoError: it is no clip, has no picture, or is too large.
        MissingExtraError: PyAV is not installed.
    """
    path = Path(path)
    with _opened(path) as container:
        if not container.streams.video:
            raise VideoError(f"{path}: there is no picture in it, only sound")
        stream = container.streams.video[0]
        context = stream.codec_context
        if context.width < 1 or context.height < 1 or stream.codec_context.codec is None:
            raise VideoError(f"{path}: its picture is of a kind that can't be decoded")
        if context.width * context.height > _MAX_PIXELS:
            raise VideoError(f"{path}: frames of {context.width} x {context.height} are too large")
        fps = float(stream.average_rate or stream.guessed_rate or USUAL_FPS)
        duration_s = _duration_s(container, stream)
        count = stream.frames or (round(duration_s * fps) if duration_s else None)
        return Clip(
            ClipInfo(
                path=path,
                size_px=(context.width, context.height),
                fps=fps,
                count=count,
                duration_s=duration_s,
                start=Fraction(container.start_time or 0, 1_000_000),
                has_sound=bool(container.streams.audio),
            )
        )


def threads_for(size_px: tuple[int, int]) -> int:
    """Give how many threads shall decode, or encode, frames of this width and height.

    Several do more work than one, up to twice as much, which they take from the network.
    """
    return min(_THREADS, os.cpu_count() or 1, 1 + size_px[0] * size_px[1] // _PIXELS_A_THREAD)


def _opened(path: Path) -> "InputContainer":
    av = require("av")
    try:
        with path.open("rb"):
            pass
    except OSError as error:
        raise ImageNotFoundError(f"can't open {path}: {error.strerror or error}") from error
    try:
        container: InputContainer = av.open(os.fspath(path), metadata_errors="replace")
    except av.FFmpegError as error:
        raise VideoError(
            f"{path}: no clip that can be read, or cut off before its index ({error.strerror})"
        ) from error
    return container


def _duration_s(container: "InputContainer", stream: "VideoStream") -> float | None:
    if stream.duration and stream.time_base:
        return float(stream.duration * Fraction(stream.time_base))
    return container.duration / 1_000_000 if container.duration else None


def _decoded(container: "InputContainer", stream: "VideoStream") -> "Iterator[Any]":
    """Give the frames, and None for each part that is damaged."""
    av = require("av")
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
            yield from packet.decode()
        except av.EOFError:
            return
        except av.FFmpegError:
            yield None
