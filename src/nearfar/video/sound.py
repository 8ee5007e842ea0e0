"""The sound of one clip, carried over into another."""

from collections.abc import Generator, Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from nearfar.extras import require

if TYPE_CHECKING:
    from av.container import OutputContainer

MP4_SOUND: Final = frozenset({"aac", "ac3", "alac", "eac3", "flac", "mp3", "opus"})
"""What players take in an MP4; other sound is encoded anew as AAC."""

_EARLIEST_S: Final = -1.0


class Sound:
    """Muxes the first sound track of a clip into an output, as far as the picture has come.

    Args:
        path: the clip.
        start: time stamp of its first moment, which becomes 0.
        output: where the sound goes; its header is not written yet.
        copied: names of codecs whose packets are passed on as they are; None copies all.
    """

    def __init__(
        self,
        path: Path,
        start: Fraction,
        output: "OutputContainer",
        *,
        copied: frozenset[str] | None,
    ) -> None:
        av = require("av")
        self._output = output
        self._start = start
        self._source = av.open(str(path), metadata_errors="replace")
        self._track = self._source.streams.audio[0]
        if copied is None or self._track.codec_context.name in copied:
            self._target = output.add_stream_from_template(self._track)
            self._packets = self._copied()
        else:
            self._target = output.add_stream("aac", rate=self._track.codec_context.sample_rate)
            self._packets = self._encoded()
        self._next: Any = None

    def until(self, time_s: float) -> None:
        """Mux the sound up to a time, in seconds from the start."""
        while True:
            self._next = self._next or next(self._packets, None)
            if self._next is None:
                return
            if self._next.pts * Fraction(self._next.time_base) > time_s:
                return
            self._output.mux(self._next)
            self._next = None

    def close(self) -> None:
        """Close the clip."""
        self._packets.close()
        self._source.close()

    def _copied(self) -> Generator[Any, None, None]:
        for packet in self._demuxed():
            base = Fraction(packet.time_base)
            offset = round(self._start / base)
            packet.pts -= offset
            packet.dts -= offset
            if packet.pts * base < _EARLIEST_S:
                continue
            packet.stream = self._target
            yield packet

    def _demuxed(self) -> Iterator[Any]:
        av = require("av")
        try:
            for packet in self._source.demux(self._track):
                if packet.pts is not None and packet.dts is not None:
                    yield packet
        except av.FFmpegError:
            return  # a file that is cut off: the reader of its picture says so

    def _encoded(self) -> Generator[Any, None, None]:
        av = require("av")
        for packet in self._demuxed():
            try:
                frames = packet.decode()
            except av.FFmpegError:
                continue  # damaged: silence is what is left of it
            for frame in frames:
                if frame.pts is None:
                    continue
                frame.pts -= round(self._start / Fraction(frame.time_base))
                yield from self._target.encode(frame)
        yield from self._target.encode(None)
