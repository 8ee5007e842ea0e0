"""A sound track encoded anew, as AAC."""

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final, final

from nearfar.errors import VideoError
from nearfar.extras import require

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.audio.layout import AudioLayout
    from av.audio.resampler import AudioResampler
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

_BY_COUNT: Final = {1: "mono", 2: "stereo", 3: "3.0", 4: "4.0", 5: "5.0", 6: "5.1", 8: "7.1"}
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
    count = layout.nb_channels
    if not _is_known(layout):
        return _BY_COUNT.get(count, "7.1"), count in _BY_COUNT
    names = {each.name for each in layout.channels}
    for wanted in (names, {_AS_BACK.get(each, each) for each in names}):
        for name, channels in LAYOUTS.items():
            if wanted <= channels and len(wanted) == count:
                return name, True
    return ("7.1" if count > len(LAYOUTS["5.1"]) else "5.1" if count > 2 else "stereo"), False


@final
class SoundEncoder:
    """Encodes a sound track into an output as AAC.

    Args:
        track: whose packets are given.
        start: time stamp of the clip's first moment, which becomes 0.
        output: where the sound goes; its header is not written yet.

    Attributes:
        target: the track in the output.
        warning: what became of the sound, after its place in the clip; None where nothing is lost.

    Raises:
        VideoError: nothing can be decoded of it.
    """

    def __init__(self, track: "AudioStream", start: Fraction, output: "OutputContainer") -> None:
        self._start = start
        self._resampler: AudioResampler | None = None
        self._shape: tuple[str, str, int] | None = None
        context = track.codec_context
        if reason := refuse_to_decode():
            raise VideoError(reason)
        if context.codec is None or not context.sample_rate or not context.layout.nb_channels:
            raise VideoError("of a kind that can't be decoded")
        rate = context.sample_rate if context.sample_rate in AAC_HZ else USUAL_HZ
        self._layout, is_whole = layout_for(context.layout)
        self.warning = (
            None
            if is_whole
            else f"its {context.layout.nb_channels} channels were mixed to {self._layout}"
        )
        self.target: AudioStream = output.add_stream("aac", rate=rate, layout=self._layout)
        self._rate = rate

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
            for each in self._resampled(frame):
                yield from self.target.encode(each)

    def rest(self) -> Iterator[Any]:
        """Give what is still held."""
        if self._resampler is not None:
            for each in self._resampler.resample(None):
                yield from self.target.encode(each)
        yield from self.target.encode(None)

    def _resampled(self, frame: "AudioFrame") -> "Iterator[AudioFrame]":
        shape = (frame.format.name, frame.layout.name, frame.sample_rate)
        if shape != self._shape:
            if self._resampler is not None:
                yield from self._resampler.resample(None)
            resampler: Any = require("av").AudioResampler
            # not planar: PyAV does not find the end of eight planes
            self._resampler = resampler(format="flt", layout=self._layout, rate=self._rate)
            self._shape = shape
        assert self._resampler is not None  # noqa: S101 - for the type checker
        yield from self._resampler.resample(frame)


def _is_known(layout: "AudioLayout") -> bool:
    """Say whether the places of the channels are given; `6 channels` gives none."""
    return "(" in layout.name or not layout.name.endswith(" channels")
