"""Copy or re-encode the other streams of a clip: audio, subtitles, and metadata."""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final, Protocol, final

import numpy as np

from nearfar.errors import VideoError
from nearfar.optional import require
from nearfar.video.container import (
    decode_text,
    disposition_of,
    is_cover_art,
    is_still,
    open_clip,
    video_stream_of,
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
"""Sample rates of AAC (ISO/IEC 14496-3, table 1.18); other audio is resampled to `DEFAULT_HZ`."""

DEFAULT_HZ: Final = 48_000

LAYOUTS: Final = {
    "mono": frozenset({"FC"}),
    "stereo": frozenset({"FL", "FR"}),
    "3.0": frozenset({"FL", "FR", "FC"}),
    "4.0": frozenset({"FL", "FR", "FC", "BC"}),
    "5.0": frozenset({"FL", "FR", "FC", "BL", "BR"}),
    "5.1": frozenset({"FL", "FR", "FC", "LFE", "BL", "BR"}),
    "7.1": frozenset({"FL", "FR", "FC", "LFE", "BL", "BR", "SL", "SR"}),
}
"""Channel layouts with a number in AAC, supported by all players -> their channels."""

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
"""Layouts for audio without stated channel positions, by channel count, as in Matroska PCM."""

_MAX_CHANNELS: Final = 8
_SIDE_AS_BACK: Final = {"SL": "BL", "SR": "BR"}
_FIRST_BROKEN_PYAV: Final = (17, 1)


def decoding_problem() -> str | None:
    """Return why audio must not be decoded with this version of PyAV; None if it may.

    PyAV 17.1, 18.0 and 18.1 free the channel layout of a frame twice if it has a custom channel
    order, as in MOV with 7.1 channels, which crashes the process.
    """
    version = str(require("av").__version__)
    numbers = tuple(int(each) for each in version.split(".")[:2] if each.isdecimal())
    if numbers < _FIRST_BROKEN_PYAV:
        return None
    return f"PyAV {version} may crash on it: pip install 'av<17.1'"


def layout_for(layout: "AudioLayout") -> tuple[str, bool]:
    """Choose the AAC layout for a channel layout.

    Returns:
        Its name, and whether it has a position for every channel.
    """
    if not has_positions(layout):
        name = _BY_COUNT.get(layout.nb_channels, "7.1")
        return (
            ("7.1", False) if name not in LAYOUTS else (name, layout.nb_channels <= _MAX_CHANNELS)
        )
    count, names = layout.nb_channels, {each.name for each in layout.channels}
    as_back = {_SIDE_AS_BACK.get(each, each) for each in names}
    for name, channels in LAYOUTS.items():
        if any(len(each) == count and each <= channels for each in (names, as_back)):
            return name, True
    return ("7.1" if count > len(LAYOUTS["5.1"]) else "5.1" if count > 2 else "stereo"), False


def has_positions(layout: "AudioLayout") -> bool:
    """Return whether the channels have positions; `6 channels` has none."""
    return "(" in layout.name or not layout.name.endswith(" channels")


@final
class SoundEncoder:
    """Encodes an audio stream into an output as AAC.

    Args:
        track: stream of the packets.
        start: time stamp of the start of the clip, which becomes 0.
        output: output container; its header must not be written yet.

    Attributes:
        target: the stream in the output.
        warnings: texts about losses, to follow the stream's name.

    Raises:
        VideoError: the stream can't be decoded.
    """

    def __init__(self, track: "AudioStream", start: Fraction, output: "OutputContainer") -> None:
        self.warnings: list[str] = []
        self._start = start
        if reason := decoding_problem():
            raise VideoError(reason)
        context = track.codec_context
        if not context.sample_rate or not context.layout.nb_channels:
            raise VideoError("its codec is not supported")
        self._layout, is_whole = layout_for(context.layout)
        self._rate = context.sample_rate if context.sample_rate in AAC_HZ else DEFAULT_HZ
        if not is_whole:
            count = context.layout.nb_channels
            self.warnings.append(f"its {count} channels were mixed to {self._layout}")
        target: Any = output.add_stream("aac", rate=self._rate, layout=self._layout)
        self.target: AudioStream = target
        self._resampler: _Resampler | None = None
        self._is_lost = False

    def packets(self, packet: Any) -> Iterator[Any]:
        """Re-encode a packet; a damaged one leaves a gap of silence."""
        av = require("av")
        try:
            frames = packet.decode()
        except av.FFmpegError:
            return
        for frame in frames:
            if frame.pts is None or not frame.samples or frame.time_base is None:
                continue
            frame.pts -= round(self._start / Fraction(frame.time_base))
            yield from self._encode(frame)

    def flush(self) -> Iterator[Any]:
        """Yield the remaining packets."""
        yield from self._encode(None)
        yield from self.target.encode(None)

    def _encode(self, frame: "AudioFrame | None") -> Iterator[Any]:
        if self._is_lost:
            return
        try:
            for each in self._resample(frame):
                yield from self.target.encode(each)
        except (ValueError, require("av").FFmpegError) as error:
            self._is_lost = True
            self.warnings.append(f"its remainder is lost, because it can't be encoded ({error})")

    def _resample(self, frame: "AudioFrame | None") -> "Iterator[AudioFrame]":
        resampler = self._resampler
        if resampler is not None and (frame is None or resampler.shape != _shape(frame)):
            yield from resampler(None)
            resampler = self._resampler = None
        if frame is not None:
            resampler = self._resampler = resampler or _Resampler(frame, self._layout, self._rate)
            yield from resampler(frame)


class _Resampler:
    """Converts frames of one format to a layout and sample rate, as packed floats."""

    def __init__(self, frame: "AudioFrame", layout: str, rate: int) -> None:
        self.shape = _shape(frame)
        resampler: Any = require("av").AudioResampler
        # not planar: PyAV reads beyond the end of eight planes
        self._last = resampler(format="flt", layout=layout, rate=rate)
        self._packer: Any = None
        if not has_positions(frame.layout):
            name, own_rate = frame.layout.name, frame.sample_rate
            self._packer = resampler(format="flt", layout=name, rate=own_rate)

    def __call__(self, frame: "AudioFrame | None") -> "Iterator[AudioFrame]":
        if self._packer is None:
            yield from self._last.resample(frame)
            return
        for packed in self._packer.resample(frame):
            yield from self._last.resample(_assign_positions(packed))
        if frame is None:
            yield from self._last.resample(None)


def _assign_positions(frame: "AudioFrame") -> "AudioFrame":
    """Assign packed channels their default positions; channels after the eighth are dropped."""
    count = frame.layout.nb_channels
    samples = frame.to_ndarray().reshape(-1, count)[:, :_MAX_CHANNELS]
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
"""Codecs that players support in MP4; other audio is re-encoded as AAC."""

MP4_MAX_HZ: Final = 65_535
"""Largest sample rate that MP4's 16-bit field holds."""

COPIED_METADATA: Final = frozenset(
    {
        *("title", "artist", "album", "album_artist", "composer", "date", "creation_time"),
        *("comment", "description", "synopsis", "copyright", "genre", "show", "track"),
    }
)
"""Metadata that is copied to the result; the location is not."""

_TRACK_METADATA: Final = frozenset({"language", "title"})
_EARLIEST_S: Final = -1.0


class _TrackMuxer(Protocol):
    @property
    def warnings(self) -> Sequence[str]: ...

    def packets(self, packet: Any, /) -> Iterator[Any]: ...

    def flush(self) -> Iterator[Any]: ...


@dataclass
class _Copier:
    """Copies packets unchanged (stream copy)."""

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
            self._set_duration(packet)
            packet.stream = self.target
            yield packet

    def _set_duration(self, packet: Any) -> None:
        """Estimate a missing packet duration; without it MP4 drops the last packet."""
        if self._before is not None:
            self._step = packet.pts - self._before
        self._before = packet.pts
        if not packet.duration and self.target.type == "audio":
            packet.duration = max(0, self._step)

    def flush(self) -> Iterator[Any]:
        return iter(())


@final
class Tracks:
    """Muxes the other streams of a clip, interleaved with the video.

    Every audio stream is kept: copied if the container supports its codec, otherwise re-encoded.
    Subtitles and data are kept if the container supports them. Title and date are copied.

    Args:
        clip: source of the streams.
        output: output container; its header must not be written yet.
        copied: names of codecs whose packets are copied; None copies all.
    """

    def __init__(
        self, clip: ClipInfo, output: "OutputContainer", *, copied: frozenset[str] | None
    ) -> None:
        self._lost: list[str] = []
        self._names: dict[int, str] = {}
        self._clip, self._output, self._copied = clip, output, copied
        self._source = open_clip(clip.path)
        self._muxers: dict[int, _TrackMuxer] = {}
        output.metadata.update(_filter_metadata(self._source.metadata, COPIED_METADATA))
        picture = video_stream_of(clip.path, self._source).index
        tracks: list[Any] = list(self._source.streams)
        for track in tracks:
            is_image = track.type == "video" and (is_cover_art(track) or is_still(track))
            if track.index != picture and not is_image:
                self._add_track(track)
        self._packets = self._packets_to_mux()
        self._next: Any = None

    @property
    def warnings(self) -> list[str]:
        """Sentences about what could not be kept; complete after the last packet."""
        warnings = [
            f"{self._names[index]}: {each}"
            for index, muxer in self._muxers.items()
            for each in muxer.warnings
        ]
        return [*self._lost, *warnings]

    def until(self, time_s: float) -> None:
        """Mux the streams up to a time in seconds from the start."""
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

    def _add_track(self, track: Any) -> None:
        kind = "subtitles" if track.type == "subtitle" else track.type
        self._names[track.index] = (
            f"{self._clip.path}: track {track.index} ({kind}, {codec_of(track)})"
        )
        try:
            self._muxers[track.index] = muxer = self._make_muxer(track)
        except VideoError as error:
            self._lost.append(f"{self._names[track.index]}: {error}")
            return
        target = muxer.target
        target.metadata.update(_filter_metadata(track.metadata, _TRACK_METADATA))
        target.disposition = disposition_of(track)

    def _make_muxer(self, track: Any) -> "_Copier | SoundEncoder":
        if self._is_copied(track):
            try:
                return _Copier(self._output.add_stream_from_template(track), self._clip.start)
            except (ValueError, require("av").FFmpegError) as error:
                if track.type != "audio":
                    raise VideoError("this container does not support it") from error
        if track.type == "audio" and track.codec_context is not None:
            return SoundEncoder(track, self._clip.start, self._output)
        raise VideoError("this container does not support it")

    def _is_copied(self, track: Any) -> bool:
        if self._copied is None:
            return track.type in {"audio", "subtitle", "attachment"}
        if track.type not in {"audio", "subtitle"} or track.codec_context is None:
            return False
        is_slow = track.type != "audio" or track.codec_context.sample_rate <= MP4_MAX_HZ
        return codec_of(track) in self._copied and is_slow

    def _packets_to_mux(self) -> Generator[Any, None, None]:
        for packet in self._demux():
            yield from self._muxers[packet.stream.index].packets(packet)
        for muxer in self._muxers.values():
            yield from muxer.flush()

    def _demux(self) -> Generator[Any, None, None]:
        av = require("av")
        tracks = [self._source.streams[index] for index in self._muxers]
        if not tracks:
            return
        try:
            yield from self._source.demux(*tracks)
        except av.FFmpegError:
            return  # a truncated file: the reader of the video stream reports it


def codec_of(track: Any) -> str:
    """Return FFmpeg's name of a stream's codec, not of its decoder: `mp3`, not `mp3float`."""
    context = track.codec_context
    if context is None:
        return str(getattr(track, "name", None) or "unknown")
    return str(context.codec.canonical_name)


def _filter_metadata(metadata: dict[str, str], kept: frozenset[str]) -> dict[str, str]:
    return {
        key.lower(): decode_text(value) for key, value in metadata.items() if key.lower() in kept
    }
