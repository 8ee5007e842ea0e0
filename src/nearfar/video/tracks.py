"""Carry the other tracks of a clip over into another: sound, subtitles, and metadata."""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final, Protocol, final

import numpy as np

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
from nearfar.video.reader import ClipInfo

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.audio.layout import AudioLayout
    from av.audio.stream import AudioStream
    from av.container import OutputContainer

AAC_HZ: Final = frozenset(
    {96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000}
)
"""Rates of AAC (ISO/IEC 14496-3, table 1.18); other sound is resampled to `USUAL_HZ`."""

USUAL_HZ: Final = 48_000

LAYOUTS: Final = {
    "mono": frozenset({"FC"}),
    "stereo": frozenset({"FL", "FR"}),
    "3.0": frozenset({"FL", "FR", "FC"}),
    "4.0": frozenset({"FL", "FR", "FC", "BC"}),
    "5.0": frozenset({"FL", "FR", "FC", "BL", "BR"}),
    "5.1": frozenset({"FL", "FR", "FC", "LFE", "BL", "BR"}),
    "7.1": frozenset({"FL", "FR", "FC", "LFE", "BL", "BR", "SL", "SR"}),
}
"""Layouts that AAC names by a number, which every player knows -> their channels."""

_BY_COUNT: Final = {
    1: "mono",
    2: "stereo",
    3: "3.0",
    4: "4.0",
    5: "5.0",
    6: "5.1",
    7: "6.1",
    8: "7.1",
}
"""What so many channels are where nothing is said of their places, as in PCM of Matroska."""

_MOST: Final = 8
_AS_BACK: Final = {"SL": "BL", "SR": "BR"}
_FAULTY: Final = (17, 1)


def refuse_to_decode() -> str | None:
    """Say why sound must not be decoded with this PyAV; None where it may be.

    PyAV 17.1, 18.0 and 18.1 free the channel layout of a frame twice where its channels stand
    in an order of their own, as in MOV with 7.1 channels: that ends the process.
    """
    version = str(require("av").__version__)
    numbers = tuple(int(each) for each in version.split(".")[:2] if each.isdecimal())
    if numbers < _FAULTY:
        return None
    return f"PyAV {version} may crash on it: pip install 'av<17.1'"


def layout_for(layout: "AudioLayout") -> tuple[str, bool]:
    """Choose the layout of AAC for one of sound.

    Returns:
        Its name, and whether every channel has a place of its own in it.
    """
    if not is_placed(layout):
        name = _BY_COUNT.get(layout.nb_channels, "7.1")
        return ("7.1", False) if name not in LAYOUTS else (name, layout.nb_channels <= _MOST)
    count, names = layout.nb_channels, {each.name for each in layout.channels}
    as_back = {_AS_BACK.get(each, each) for each in names}
    for name, channels in LAYOUTS.items():
        if any(len(each) == count and each <= channels for each in (names, as_back)):
            return name, True
    return ("7.1" if count > len(LAYOUTS["5.1"]) else "5.1" if count > 2 else "stereo"), False


def is_placed(layout: "AudioLayout") -> bool:
    """Say whether the places of the channels are given; `6 channels` gives none."""
    return "(" in layout.name or not layout.name.endswith(" channels")


@final
class SoundEncoder:
    """Encodes a sound track into an output as AAC.

    Args:
        track: whose packets are given.
        start: time stamp of the clip's first moment, which becomes 0.
        output: where the sound goes; its header is not written yet.

    Attributes:
        target: the track in the output.
        warnings: what became of the sound, each to follow its name; none where nothing is lost.

    Raises:
        VideoError: nothing can be decoded of it.
    """

    def __init__(self, track: "AudioStream", start: Fraction, output: "OutputContainer") -> None:
        self.warnings: list[str] = []
        self._start = start
        if reason := refuse_to_decode():
            raise VideoError(reason)
        context = track.codec_context
        if not context.sample_rate or not context.layout.nb_channels:
            raise VideoError("of a kind that can't be decoded")
        self._layout, is_whole = layout_for(context.layout)
        self._rate = context.sample_rate if context.sample_rate in AAC_HZ else USUAL_HZ
        if not is_whole:
            count = context.layout.nb_channels
            self.warnings.append(f"its {count} channels were mixed to {self._layout}")
        target: Any = output.add_stream("aac", rate=self._rate, layout=self._layout)
        self.target: AudioStream = target
        self._form: _Form | None = None
        self._is_lost = False

    def packets(self, packet: Any) -> Iterator[Any]:
        """Encode what a packet holds; where it is damaged, silence is what is left of it."""
        av = require("av")
        try:
            frames = packet.decode()
        except av.FFmpegError:
            return
        for frame in frames:
            if frame.pts is None or not frame.samples or frame.time_base is None:
                continue
            frame.pts -= round(self._start / Fraction(frame.time_base))
            yield from self._encoded(frame)

    def rest(self) -> Iterator[Any]:
        """Give what is still held."""
        yield from self._encoded(None)
        yield from self.target.encode(None)

    def _encoded(self, frame: "AudioFrame | None") -> Iterator[Any]:
        if self._is_lost:
            return
        try:
            for each in self._formed(frame):
                yield from self.target.encode(each)
        except (ValueError, require("av").FFmpegError) as error:
            self._is_lost = True
            self.warnings.append(f"it is lost from where it can't be encoded ({error})")

    def _formed(self, frame: "AudioFrame | None") -> "Iterator[AudioFrame]":
        form = self._form
        if form is not None and (frame is None or form.shape != _shape(frame)):
            yield from form(None)
            form = self._form = None
        if frame is not None:
            form = self._form = form or _Form(frame, self._layout, self._rate)
            yield from form(frame)


class _Form:
    """Brings frames of one shape to a layout and a rate, as packed floats."""

    def __init__(self, frame: "AudioFrame", layout: str, rate: int) -> None:
        self.shape = _shape(frame)
        resampler: Any = require("av").AudioResampler
        # not planar: PyAV does not find the end of eight planes
        self._last = resampler(format="flt", layout=layout, rate=rate)
        self._packer: Any = None
        if not is_placed(frame.layout):
            name, own_rate = frame.layout.name, frame.sample_rate
            self._packer = resampler(format="flt", layout=name, rate=own_rate)

    def __call__(self, frame: "AudioFrame | None") -> "Iterator[AudioFrame]":
        if self._packer is None:
            yield from self._last.resample(frame)
            return
        for packed in self._packer.resample(frame):
            yield from self._last.resample(_placed(packed))
        if frame is None:
            yield from self._last.resample(None)


def _placed(frame: "AudioFrame") -> "AudioFrame":
    """Give packed channels their usual places; more than eight have none."""
    count = frame.layout.nb_channels
    samples = frame.to_ndarray().reshape(-1, count)[:, :_MOST]
    name = _BY_COUNT[samples.shape[1]]
    packed = np.ascontiguousarray(samples).reshape(1, -1)
    made: AudioFrame = require("av").AudioFrame.from_ndarray(packed, "flt", name)
    made.sample_rate, made.pts, made.time_base = frame.sample_rate, frame.pts, frame.time_base
    return made


def _shape(frame: "AudioFrame") -> tuple[str, str, int]:
    return frame.format.name, frame.layout.name, frame.sample_rate


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
