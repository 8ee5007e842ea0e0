"""A track's packets to frames, damaged ones passed over."""

from typing import TYPE_CHECKING, Any, Final

from nearfar.optional import require
from nearfar.video.deinterlace import Deinterlace, Deinterlacer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

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
