"""Frames to a film: H.264 in MP4 to look at, FFV1 in Matroska for 10-bit depth."""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, final

from numpy.typing import NDArray

from nearfar.errors import VideoError, WriteError
from nearfar.io import video_writer
from nearfar.io.atomic import replacing
from nearfar.io.video_writer import file_url
from nearfar.optional import require
from nearfar.video.frames import TICKS, ClipInfo, threads_for
from nearfar.video.tracks import MP4_COPIED, Tracks

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

_FULL_RANGE: Final = 2


@dataclass(frozen=True)
class MovieFormat:
    """How frames are stored.

    Attributes:
        suffixes: of such files.
        container: FFmpeg's name of the format.
        h264: options of the H.264 encoder; None for FFV1.
        copied: codecs of other tracks that are taken over as they are; None for all.
    """

    suffixes: tuple[str, ...]
    container: str
    h264: Mapping[str, str] | None = None
    copied: frozenset[str] | None = None


COLOUR: Final = MovieFormat((".mp4", ".m4v", ".mov"), "mp4", video_writer.PICTURES, MP4_COPIED)
"""Pictures; plays everywhere."""

HEAT: Final = MovieFormat(COLOUR.suffixes, "mp4", video_writer.MAPS, MP4_COPIED)
"""The same for maps in colours."""

GREY10: Final = MovieFormat((".mkv",), "matroska")
"""Lossless: every one of the 1024 levels comes back as it was."""

_MUXING: Final = {"mp4": {"movflags": "faststart"}, "matroska": {}}

LEVELS: Final = 1023
"""The greatest value of a 10-bit sample."""

_GREY: Final = "gray10le"


@final
class MovieWriter:
    """Writes a film whole or not at all; a context manager.

    Nothing is at `path` before the block ends well.

    Args:
        path: the file to make.
        format: `COLOUR`, `HEAT` or `GREY10`.
        clip: whose other tracks and title are taken over, and whose rate is named.
        overwrite: replace a file that is there.
    """

    def __init__(
        self, path: Path, format: MovieFormat, clip: ClipInfo, *, overwrite: bool = False
    ) -> None:
        self._path, self._format, self._clip, self._overwrite = path, format, clip, overwrite
        self._files = ExitStack()
        self._output: OutputContainer
        self._stream: VideoStream | None = None
        self._tracks: Tracks | None = None
        self._shape: tuple[int, ...] = ()
        self._to_frames = video_writer.ToFrames()

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
                    file_url(temporary),
                    "w",
                    format=self._format.container,
                    options=_MUXING[self._format.container],
                )
            )
            self._files = files.pop_all()
        return self

    @property
    def warnings(self) -> tuple[str, ...]:
        """What of the clip could not be taken over, a sentence each."""
        return () if self._tracks is None else tuple(self._tracks.warnings)

    def write(self, ticks: int, pixels: NDArray[Any]) -> None:
        """Add a frame.

        Args:
            ticks: when it is shown; greater than that of the frame before.
            pixels: (H, W, 3) uint8 RGB for `COLOUR`, what `io.video_writer.coloured` makes for
                `HEAT`, (H, W) uint16 up to `LEVELS` for `GREY10`; all of one size.

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
            if self._tracks is not None:
                self._tracks.until(ticks / TICKS)
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
                if self._tracks is not None:
                    self._tracks.until(float("inf"))
                self._output.close()
            except av.FFmpegError as refused:
                raise self._refused(refused) from refused

    def _begin(self, pixels: NDArray[Any]) -> "VideoStream":
        row, fps = self._format, self._clip.fps
        height, width = pixels.shape[:2]
        if row is HEAT:
            height = height * 2 // 3
        stream: VideoStream
        if row.h264 is not None:
            threads = threads_for((width, height)) if row is HEAT else 0
            stream = video_writer.add_stream(
                self._output, fps, (width, height), row.h264, threads=threads
            )
        else:
            stream = self._ffv1(Fraction(fps).limit_denominator(1001), width, height)
        stream.codec_context.time_base = Fraction(1, TICKS)
        self._stream, self._shape = stream, pixels.shape
        self._tracks = Tracks(self._clip, self._output, copied=row.copied)
        self._files.callback(self._tracks.close)
        return stream

    def _ffv1(self, rate: Fraction, width: int, height: int) -> "VideoStream":
        stream: Any = self._output.add_stream("ffv1", rate=rate)
        stream.width, stream.height, stream.pix_fmt = width, height, _GREY
        stream.options = {"level": "3", "slices": "4"}
        stream.codec_context.color_range = _FULL_RANGE
        made: VideoStream = stream
        return made

    def _frame(self, pixels: NDArray[Any]) -> "VideoFrame":
        if self._format is HEAT:
            return self._to_frames.planes(pixels)
        if self._format is COLOUR:
            return self._to_frames.picture(pixels)
        grey: VideoFrame = require("av").VideoFrame.from_ndarray(pixels, _GREY)
        return grey

    def _refused(self, error: Any) -> WriteError:
        return WriteError(f"can't write {self._path}: {error.strerror or error}")
