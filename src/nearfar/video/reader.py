"""Decode the frames of a clip in presentation order, converted for display."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from nearfar.errors import VideoError
from nearfar.optional import require
from nearfar.video.container import open_clip, square_px, video_stream_of
from nearfar.video.frame import Deinterlace, Deinterlacer, Frame, FrameConverter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import av
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

_WITH_ALPHA: Final = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
"""Codec -> decoder that supports WebM's alpha channel; FFmpeg's native ones do not."""


def decode_frames(
    container: "InputContainer", stream: "VideoStream", deinterlace: Deinterlace, threads: int
) -> "Iterator[VideoFrame | None]":
    """Yield the frames of a stream, and None for each damaged packet."""
    deinterlacer = Deinterlacer(deinterlace)
    for frame in _decode_packets(container, stream, threads):
        if frame is None:
            yield None
        else:
            yield from deinterlacer.push(frame)
    yield from deinterlacer.flush()


def _decode_packets(
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
    alpha_mode = {key.lower(): value for key, value in stream.metadata.items()}.get("alpha_mode")
    if name is None or alpha_mode != "1" or name not in av.codecs_available:
        stream.thread_type = "AUTO"
        stream.codec_context.thread_count = threads
        return lambda packet: packet.decode()
    context: Any = av.CodecContext.create(name, "r")
    context.thread_count = threads
    context.extradata = stream.codec_context.extradata
    return lambda packet: context.decode(packet if packet.size else None)


TICKS: Final = 90_000
"""Time base in ticks per second; most common frame rates have a whole number of ticks."""

DEFAULT_FPS: Final = 25.0
"""Frame rate of a clip without a stated one."""

_STEP: Final = TICKS // 1000 + 1
"""Minimum distance of two frames, enforced for equal or decreasing time stamps: Matroska has ms."""

_SHORT_S: Final = 0.5
_SHORT_FRAMES: Final = 3
_MAX_PIXELS: Final = 100_000_000
_THREADS: Final = 4
_PIXELS_A_THREAD: Final = 2**19


@dataclass(frozen=True)
class ClipInfo:
    """Properties of a clip from its headers.

    Attributes:
        path: of the file.
        size_px: width and height with square pixels; upright only if the orientation is known
            before the first frame.
        fps: average frames per second.
        count: number of frames, as stated or estimated; None if unknown.
        duration_s: duration of the video stream; None if unknown.
        start: time stamp of the start of the clip, in seconds.
        has_sound: whether there is an audio stream.
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
    """An open_clip clip.

    Attributes:
        info: its properties.
        deinterlace: which frames are deinterlaced.
        warnings: sentences about its problems; complete after the last frame.
    """

    info: ClipInfo
    deinterlace: Deinterlace = "auto"
    warnings: list[str] = field(default_factory=list)

    def __iter__(self) -> Iterator[Frame]:
        """Decode the clip from its start.

        Frames keep their time stamps, also with variable frame rate. They are converted for
        display: upright, with square pixels, HDR tone mapped to BT.709, transparency blended with
        white, and all scaled to the size of the first. Damaged packets are skipped; these, a
        truncated file and changes of size are reported in `warnings`.

        Raises:
            VideoError: no frame could be decoded, or frames are too large.
        """
        del self.warnings[:]
        end_ticks, count, damaged, size_px, resized = -_STEP, 0, 0, None, None
        with open_clip(self.info.path) as container:
            stream = video_stream_of(self.info.path, container)
            converter = FrameConverter(stream.sample_aspect_ratio)
            threads = threads_for(self.info.size_px)
            for each in decode_frames(container, stream, self.deinterlace, threads):
                if each is None:
                    damaged += 1
                    continue
                end_ticks = max(self._ticks(each, count), end_ticks + _STEP)
                frame_px = converter.size_px(each)
                if frame_px != size_px:
                    _check_size(self.info.path, frame_px)
                    size_px = size_px or frame_px
                    resized = count if frame_px != size_px and resized is None else resized
                yield Frame(count, end_ticks, each, converter, size_px)
                count += 1
        if not count:
            raise VideoError(f"{self.info.path}: none of its frames can be decoded")
        if resized is not None and size_px is not None:
            self.warnings.append(
                f"{self.info.path}: the frame size changes at frame {resized}: the following frames"
                f" were scaled to {size_px[0]} x {size_px[1]}"
            )
        self._report_problems(end_ticks / TICKS, count, damaged)

    def _ticks(self, frame: "av.VideoFrame", count: int) -> int:
        if frame.pts is None or frame.time_base is None:
            return round(count * TICKS / self.info.fps)
        return round((frame.pts * Fraction(frame.time_base) - self.info.start) * TICKS)

    def _report_problems(self, last_s: float, count: int, damaged: int) -> None:
        info = self.info
        if damaged:
            self.warnings.append(f"{info.path}: {damaged} damaged packets were skipped")
        slack_s = max(_SHORT_S, _SHORT_FRAMES / info.fps)
        if info.duration_s is not None and last_s + slack_s < info.duration_s:
            self.warnings.append(
                f"{info.path}: ends after {last_s:.1f} of {info.duration_s:.1f} s: the file is"
                f" truncated; its {count} frames were converted"
            )


def read_clip(path: str | os.PathLike[str], *, deinterlace: Deinterlace = "auto") -> Clip:
    """Open a clip of any format that FFmpeg reads, and read its properties.

    Args:
        path: the file.
        deinterlace: which frames are deinterlaced.

    Raises:
        ImageNotFoundError: the file does not exist or can't be open_clip.
        VideoError: it is not a video, has no video stream, or is too large.
        MissingExtraError: PyAV is not installed.
    """
    path = Path(path)
    with open_clip(path) as container:
        stream = video_stream_of(path, container)
        context = stream.codec_context
        if context.width < 1 or context.height < 1 or context.codec is None:
            raise VideoError(f"{path}: its video codec is not supported")
        size_px = square_px((context.width, context.height), stream.sample_aspect_ratio)
        _check_size(path, size_px)
        fps = float(stream.average_rate or stream.guessed_rate or DEFAULT_FPS)
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
    """Return the number of threads for decoding or encoding frames of this width and height.

    More threads cost up to twice the processor time, which the network then lacks.
    """
    return min(_THREADS, os.cpu_count() or 1, 1 + size_px[0] * size_px[1] // _PIXELS_A_THREAD)


def _duration_s(container: "InputContainer", stream: "VideoStream") -> float | None:
    if stream.duration and stream.time_base:
        return float(stream.duration * Fraction(stream.time_base))
    return container.duration / 1_000_000 if container.duration else None


def _check_size(path: Path, size_px: tuple[int, int]) -> None:
    width, height = size_px
    if width * height > _MAX_PIXELS:
        raise VideoError(f"{path}: frames of {width} x {height} are too large")
