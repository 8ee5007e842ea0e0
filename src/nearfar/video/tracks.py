"""The other tracks of one clip, carried over into another: sound, subtitles, and what it says."""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol, final

from nearfar.errors import VideoError
from nearfar.optional import require
from nearfar.video.container import (
    flags_of,
    is_art,
    is_still,
    opened,
    picture_of,
    text_of,
)
from nearfar.video.frames import ClipInfo
from nearfar.video.sound import SoundEncoder

if TYPE_CHECKING:
    from fractions import Fraction

    from av.container import OutputContainer

MP4_COPIED: Final = frozenset(
    {"aac", "ac3", "alac", "eac3", "flac", "mp3", "opus", "mov_text", "dvd_subtitle"}
)
"""What players take in an MP4; other sound is encoded anew as AAC."""

MP4_MOST_HZ: Final = 65_535
"""The field of MP4 for the rate has 16 bits."""

TOLD: Final = frozenset(
    {
        *("title", "artist", "album", "album_artist", "composer", "date", "creation_time"),
        *("comment", "description", "synopsis", "copyright", "genre", "show", "track"),
    }
)
"""What a clip says of itself and the result repeats; where it was filmed is not among it."""

_OF_A_TRACK: Final = frozenset({"language", "title"})
_EARLIEST_S: Final = -1.0


class _Carrier(Protocol):
    @property
    def warnings(self) -> Sequence[str]: ...

    def packets(self, packet: Any, /) -> Iterator[Any]: ...

    def rest(self) -> Iterator[Any]: ...


@dataclass
class _Copier:
    """Passes packets on as they are."""

    target: Any
    start: "Fraction"
    warnings: tuple[str, ...] = ()
    _before: Any = None
    _step: int = 0

    def packets(self, packet: Any) -> Iterator[Any]:
        base = packet.time_base
        if packet.pts is None or packet.dts is None or not base:
            return
        offset = round(self.start / base)
        packet.pts -= offset
        packet.dts -= offset
        if packet.pts * base >= _EARLIEST_S:
            self._last(packet)
            packet.stream = self.target
            yield packet

    def _last(self, packet: Any) -> None:
        """Give a packet of unknown length that of the one before, or MP4 leaves the last out."""
        if self._before is not None:
            self._step = packet.pts - self._before
        self._before = packet.pts
        if not packet.duration and self.target.type == "audio":
            packet.duration = max(0, self._step)

    def rest(self) -> Iterator[Any]:
        return iter(())


@final
class Tracks:
    """Muxes what accompanies the picture of a clip, as far as the picture has come.

    Every sound track is kept, copied where the container takes it so and encoded anew where
    not; subtitles and data are kept where the container takes them. Title and date are repeated.

    Args:
        clip: whose tracks they are.
        output: where they go; its header is not written yet.
        copied: names of codecs whose packets are passed on as they are; None copies all.

    """

    def __init__(
        self, clip: ClipInfo, output: "OutputContainer", *, copied: frozenset[str] | None
    ) -> None:
        self._lost: list[str] = []
        self._names: dict[int, str] = {}
        self._clip, self._output, self._copied = clip, output, copied
        self._source = opened(clip.path)
        self._carriers: dict[int, _Carrier] = {}
        output.metadata.update(_told(self._source.metadata, TOLD))
        picture = picture_of(clip.path, self._source).index
        tracks: list[Any] = list(self._source.streams)
        for track in tracks:
            is_silent = track.type == "video" and (is_art(track) or is_still(track))
            if track.index != picture and not is_silent:
                self._carry(track)
        self._packets = self._muxed()
        self._next: Any = None

    @property
    def warnings(self) -> list[str]:
        """What could not be kept, a sentence each; whole after the last packet."""
        told = [
            f"{self._names[index]}: {each}"
            for index, carrier in self._carriers.items()
            for each in carrier.warnings
        ]
        return [*self._lost, *told]

    def until(self, time_s: float) -> None:
        """Mux the tracks up to a time, in seconds from the start."""
        while True:
            self._next = self._next or next(self._packets, None)
            if self._next is None:
                return
            pts, base = self._next.pts, self._next.time_base
            if pts is not None and base and pts * base > time_s:
                return
            self._output.mux(self._next)
            self._next = None

    def close(self) -> None:
        """Close the clip."""
        self._packets.close()
        self._source.close()

    def _carry(self, track: Any) -> None:
        kind = {"audio": "sound", "subtitle": "subtitles"}.get(track.type, track.type)
        self._names[track.index] = (
            f"{self._clip.path}: track {track.index} ({kind}, {codec_of(track)})"
        )
        try:
            self._carriers[track.index] = carrier = self._carrier(track)
        except VideoError as error:
            self._lost.append(f"{self._names[track.index]}: {error}")
            return
        target = carrier.target
        target.metadata.update(_told(track.metadata, _OF_A_TRACK))
        target.disposition = flags_of(track)

    def _carrier(self, track: Any) -> "_Copier | SoundEncoder":
        if self._is_copied(track):
            try:
                return _Copier(self._output.add_stream_from_template(track), self._clip.start)
            except (ValueError, require("av").FFmpegError) as error:
                if track.type != "audio":
                    raise VideoError("can't be kept in a file of this kind") from error
        if track.type == "audio" and track.codec_context is not None:
            return SoundEncoder(track, self._clip.start, self._output)
        raise VideoError("can't be kept in a file of this kind")

    def _is_copied(self, track: Any) -> bool:
        if self._copied is None:
            return track.type in {"audio", "subtitle", "attachment"}
        if track.type not in {"audio", "subtitle"} or track.codec_context is None:
            return False
        is_slow = track.type != "audio" or track.codec_context.sample_rate <= MP4_MOST_HZ
        return codec_of(track) in self._copied and is_slow

    def _muxed(self) -> Generator[Any, None, None]:
        for packet in self._demuxed():
            yield from self._carriers[packet.stream.index].packets(packet)
        for carrier in self._carriers.values():
            yield from carrier.rest()

    def _demuxed(self) -> Generator[Any, None, None]:
        av = require("av")
        tracks = [self._source.streams[index] for index in self._carriers]
        if not tracks:
            return
        try:
            yield from self._source.demux(*tracks)
        except av.FFmpegError:
            return  # a file that is cut off: the reader of its picture says so


def codec_of(track: Any) -> str:
    """Name the codec of a track as FFmpeg does, whatever decodes it: `mp3`, not `mp3float`."""
    context = track.codec_context
    if context is None:
        return str(getattr(track, "name", None) or "unknown")
    return str(context.codec.canonical_name)


def _told(metadata: dict[str, str], kept: frozenset[str]) -> dict[str, str]:
    return {key.lower(): text_of(value) for key, value in metadata.items() if key.lower() in kept}
