"""Frames to a film: H.264 in MP4 for pictures, FFV1 in Matroska for 10-bit depth."""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any, Final, cast, final

import numpy as np
from numpy.typing import NDArray

from nearfar.atomic import replacing
from nearfar.errors import VideoError, WriteError
from nearfar.extras import require
from nearfar.video.frames import TICKS, ClipInfo
from nearfar.video.sound import MP4_SOUND, Sound

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

_BT709: Final = 1
_FULL_RANGE: Final = 2
_LIMITED_RANGE: Final = 1


@dataclass(frozen=True)
class MovieFormat:
    """How frames are stored.

    Attributes:
        suffixes: of such files.
        container: FFmpeg's name of the format.
        codec: FFmpeg's name of the encoder.
        pixels: FFmpeg's name of what the encoder is fed.
        options: of the encoder.
        muxing: options of the container.
        is_even: width and height must be even; the last column or row is then doubled.
        sound: codecs copied as they are; None for all.
    """

    suffixes: tuple[str, ...]
    container: str
    codec: str
    pixels: str
    options: Mapping[str, str]
    muxing: Mapping[str, str] = field(default_factory=dict)
    is_even: bool = False
    sound: frozenset[str] | None = None


COLOUR: Final = MovieFormat(
    (".mp4", ".m4v", ".mov"),
    "mp4",
    "libx264",
    "yuv420p",
    MappingProxyType({"crf": "18", "preset": "superfast"}),
    MappingProxyType({"movflags": "faststart"}),
    is_even=True,
    sound=MP4_SOUND,
)
"""Plays everywhere: H.264, 8 bits, BT.709."""

GREY10: Final = MovieFormat(
    (".mkv",), "matroska", "ffv1", "gray10le", MappingProxyType({"level": "3", "slices": "4"})
)
"""Lossless: every one of the 1024 levels comes back as it was."""

LEVELS: Final = 1023
"""The greatest value of a 10-bit sample."""


@final
class MovieWriter:
    """Writes a film whole or not at all; a context manager.

    Nothing is at `path` before the block ends well.

    Args:
        path: the file to make.
        format: `COLOUR` or `GREY10`.
        clip: whose sound is taken over, and whose rate is named.
        overwrite: replace a file that is there.
    """

    def __init__(
        self, path: Path, format: MovieFormat, clip: ClipInfo, *, overwrite: bool = False
    ) -> None:
        self._path, self._format, self._clip, self._overwrite = path, format, clip, overwrite
        self._files = ExitStack()
        self._output: OutputContainer
        self._stream: VideoStream | None = None
        self._sound: Sound | None = None
        self._shape: tuple[int, ...] = ()
        self._to_yuv = require("av").video.reformatter.VideoReformatter()

    def __enter__(self) -> "MovieWriter":
        """Begin the file.

        Raises:
            OutputExistsError: it is there, and may not be replaced.
            WriteError: the system refused.
        """
        av = require("av")
        with ExitStack() as files:
            temporary = files.enter_context(replacing(self._path, overwrite=self._overwrite))
            self._output = files.enter_context(
                av.open(
                    str(temporary),
                    "w",
                    format=self._format.container,
                    options=dict(self._format.muxing),
                )
            )
            self._files = files.pop_all()
        return self

    def write(self, ticks: int, pixels: NDArray[Any]) -> None:
        """Add a frame.

        Args:
            ticks: when it is shown; greater than that of the frame before.
            pixels: (H, W, 3) uint8 RGB for `COLOUR`, (H, W) uint16 up to `LEVELS` for `GREY10`;
                all of one size.

        Raises:
            VideoError: a frame of another size.
            WriteError: the system or the encoder refused.
        """
        av = require("av")
        try:
            stream = self._stream or self._begin(pixels)
            if pixels.shape != self._shape:
                raise VideoError(
                    f"a frame of shape {pixels.shape} after one of {self._shape}: every frame of"
                    " a film has one size"
                )
            frame = self._frame(pixels)
            frame.pts, frame.time_base = ticks, Fraction(1, TICKS)
            if self._sound is not None:
                self._sound.until(ticks / TICKS)
            self._output.mux(stream.encode(frame))
        except av.FFmpegError as error:
            raise self._refused(error) from error

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Finish the file, or remove what was begun if the block failed.

        Raises:
            VideoError: no frame was written.
            WriteError: the system refused.
        """
        av = require("av")
        if kind is not None:
            self._files.__exit__(kind, error, trace)
            return
        with self._files:
            if self._stream is None:
                raise VideoError(f"{self._path}: not one frame was given to be written")
            try:
                self._output.mux(self._stream.encode(None))
                if self._sound is not None:
                    self._sound.until(float("inf"))
                self._output.close()
            except av.FFmpegError as refused:
                raise self._refused(refused) from refused

    def _begin(self, pixels: NDArray[Any]) -> "VideoStream":
        row = self._format
        rate = Fraction(self._clip.fps).limit_denominator(1001)
        stream = cast("VideoStream", self._output.add_stream(row.codec, rate=rate))
        height, width = pixels.shape[:2]
        stream.width, stream.height = (
            side + (side % 2 if row.is_even else 0) for side in (width, height)
        )
        stream.pix_fmt = row.pixels
        stream.options = dict(row.options)
        context = stream.codec_context
        context.time_base = Fraction(1, TICKS)
        context.color_range = _LIMITED_RANGE if row is COLOUR else _FULL_RANGE
        context.colorspace = context.color_primaries = context.color_trc = _BT709
        self._stream, self._shape = stream, pixels.shape
        if self._clip.has_sound:
            self._sound = Sound(self._clip.path, self._clip.start, self._output, copied=row.sound)
            self._files.callback(self._sound.close)
        return stream

    def _frame(self, pixels: NDArray[Any]) -> "VideoFrame":
        av = require("av")
        if self._format is GREY10:
            grey: VideoFrame = av.VideoFrame.from_ndarray(pixels, GREY10.pixels)
            return grey
        odd = pixels.shape[0] % 2, pixels.shape[1] % 2
        if any(odd):
            pixels = np.pad(pixels, ((0, odd[0]), (0, odd[1]), (0, 0)), mode="edge")
        frame: VideoFrame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), "rgb24")
        made: VideoFrame = self._to_yuv.reformat(
            frame,
            format=self._format.pixels,
            dst_colorspace=_BT709,
            src_color_range=_FULL_RANGE,
            dst_color_range=_LIMITED_RANGE,
        )
        return made

    def _refused(self, error: Any) -> WriteError:
        return WriteError(f"can't write {self._path}: {error.strerror or error}")
