"""Write frames: H.264 in MP4, FFV1 in Matroska for 10-bit depth, or numbered files."""

import os
import re
import shutil
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, TextIO, final

from numpy.typing import NDArray

from nearfar.errors import OutputExistsError, UsageError, VideoError, WriteError
from nearfar.io import video_writer
from nearfar.io.atomic import put_folder, replacing
from nearfar.io.video_writer import file_url
from nearfar.optional import require
from nearfar.video.reader import TICKS, ClipInfo, threads_for
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


COLOR: Final = MovieFormat((".mp4", ".m4v", ".mov"), "mp4", video_writer.PICTURES, MP4_COPIED)
"""Pictures; plays everywhere."""

HEAT: Final = MovieFormat(COLOR.suffixes, "mp4", video_writer.MAPS, MP4_COPIED)
"""The same for maps in colors."""

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
        format: `COLOR`, `HEAT` or `GREY10`.
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
            pixels: (H, W, 3) uint8 RGB for `COLOR`, what `io.video_writer.colored` makes for
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
        if self._format is COLOR:
            return self._to_frames.picture(pixels)
        grey: VideoFrame = require("av").VideoFrame.from_ndarray(pixels, _GREY)
        return grey

    def _refused(self, error: Any) -> WriteError:
        return WriteError(f"can't write {self._path}: {error.strerror or error}")


TIMES: Final = "times.csv"
"""In each such folder: which frame is shown when, for clips of uneven rate."""

_OURS: Final = re.compile(rf"\d{{6,}}\.(png|exr)|{re.escape(TIMES)}")


@final
class SequenceWriter:
    """Writes a folder whole or not at all; a context manager.

    Args:
        path: the folder to make. One that is there is replaced only where `overwrite` says so
            and nothing but an earlier sequence is in it.
        suffix: of the files, `.png` or `.exr`.
        overwrite: replace a sequence that is there.
    """

    def __init__(self, path: Path, suffix: str, *, overwrite: bool = False) -> None:
        self._path, self._suffix, self._overwrite = path, suffix, overwrite
        self._folder = path.with_name(f".{path.name[:40]}-{os.urandom(4).hex()}")
        self._times: TextIO
        self._count = 0

    def __enter__(self) -> "SequenceWriter":
        """Begin the folder.

        Raises:
            OutputExistsError: it is there, and not empty.
            UsageError: it holds other things, or is a file.
            WriteError: the system refused.
        """
        refuse_folder(self._path, overwrite=self._overwrite)
        try:
            self._folder.mkdir()
            self._times = (self._folder / TIMES).open("w", encoding="ascii", newline="\n")
            self._times.write("frame,seconds\n")
        except OSError as error:
            raise self._refused(error) from error
        return self

    @property
    def warnings(self) -> tuple[str, ...]:
        """What of the clip could not be taken over: of a folder of pictures nobody expects more."""
        return ()

    def write(self, ticks: int, content: bytes) -> None:
        """Add a frame.

        Args:
            ticks: when it is shown, in parts of `frames.TICKS`.
            content: of its file.

        Raises:
            WriteError: the system refused.
        """
        try:
            (self._folder / f"{self._count:06}{self._suffix}").write_bytes(content)
            self._times.write(f"{self._count},{ticks / TICKS:.6f}\n")
        except OSError as error:
            raise self._refused(error) from error
        self._count += 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Put the folder in its place, or remove it if the block failed.

        Raises:
            VideoError: no frame was written.
            WriteError: the system refused.
        """
        try:
            self._times.close()
            if kind is None and not self._count:
                raise VideoError(f"{self._path}: not one frame was given to be written")
            if kind is None:
                refuse_folder(self._path, overwrite=self._overwrite)
                put_folder(self._folder, self._path)
        except OSError as refused:
            raise self._refused(refused) from refused
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _refused(self, error: OSError) -> WriteError:
        return WriteError(f"can't write {self._path}: {error.strerror or error}")


def refuse_folder(path: Path, *, overwrite: bool) -> None:
    """Raise if a sequence must not take this place.

    Raises:
        OutputExistsError: something is in the folder, and it may not be replaced.
        UsageError: it is a file, or holds other things than a sequence.
    """
    if not path.exists():
        return
    if not path.is_dir():
        raise UsageError(f"{path} is a file: give a folder for a sequence")
    names = sorted(each.name for each in path.iterdir())
    if names and not overwrite:
        raise OutputExistsError(
            f"{path} is not empty: overwrite the sequence in it, or give another folder",
            options=("overwrite",),
        )
    if strange := next((name for name in names if not _OURS.fullmatch(name)), None):
        raise UsageError(f"{path} holds {strange}, which is no sequence: give another folder")
