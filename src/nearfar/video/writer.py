"""Write frames: H.264 in MP4, FFV1 in Matroska for 10-bit depth, or an image sequence."""

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
    """A video format.

    Attributes:
        suffixes: of its files.
        container: FFmpeg's name of the container format.
        h264: options of the H.264 encoder; None for FFV1.
        copied: codecs of other streams that are copied without re-encoding; None for all.
    """

    suffixes: tuple[str, ...]
    container: str
    h264: Mapping[str, str] | None = None
    copied: frozenset[str] | None = None


COLOR: Final = MovieFormat((".mp4", ".m4v", ".mov"), "mp4", video_writer.PICTURES, MP4_COPIED)
"""For images; supported by all players."""

HEAT: Final = MovieFormat(COLOR.suffixes, "mp4", video_writer.MAPS, MP4_COPIED)
"""For maps in colors."""

GREY10: Final = MovieFormat((".mkv",), "matroska")
"""Lossless, with 1024 gray levels."""

_MUXING: Final = {"mp4": {"movflags": "faststart"}, "matroska": {}}

LEVELS: Final = 1023
"""Largest value of a 10-bit sample."""

_GRAY: Final = "gray10le"


@final
class MovieWriter:
    """Context manager that writes a video file atomically.

    `path` does not change before the block ends without an error.

    Args:
        path: of the new file.
        format: `COLOR`, `HEAT` or `GREY10`.
        clip: source of the other streams, the title and the frame rate.
        overwrite: replace an existing file.
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
        self._converter = video_writer.YuvConverter()

    def __enter__(self) -> "MovieWriter":
        """Create the file.

        Raises:
            OutputExistsError: it exists and must not be replaced.
            WriteError: it can't be written.
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
        """Sentences about parts of the clip that could not be kept."""
        return () if self._tracks is None else tuple(self._tracks.warnings)

    def write(self, ticks: int, pixels: NDArray[Any]) -> None:
        """Write a frame.

        Args:
            ticks: presentation time in 1 / `reader.TICKS` seconds; greater than the previous one.
            pixels: (H, W, 3) uint8 RGB for `COLOR`, the result of `io.video_writer.colored` for
                `HEAT`, (H, W) uint16 up to `LEVELS` for `GREY10`; all of one size.

        Raises:
            VideoError: the frame has another size than the first.
            WriteError: the frame can't be encoded or written.
        """
        av = require("av")
        try:
            stream = self._stream or self._add_stream(pixels)
            if pixels.shape != self._shape:
                raise VideoError(
                    f"a frame of shape {pixels.shape} after one of {self._shape}: all frames of"
                    " a video must have one size"
                )
            frame = self._frame(pixels)
            frame.pts, frame.time_base = ticks, Fraction(1, TICKS)
            if self._tracks is not None:
                self._tracks.until(ticks / TICKS)
            self._output.mux(stream.encode(frame))
        except av.FFmpegError as error:
            raise self._write_error(error) from error

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Finish the file, or remove it if the block failed.

        Raises:
            VideoError: no frame was written.
            WriteError: the file can't be written.
        """
        av = require("av")
        if kind is not None:
            self._files.__exit__(kind, error, trace)
            return
        with self._files:
            if self._stream is None:
                raise VideoError(f"{self._path}: there are no frames to write")
            try:
                self._output.mux(self._stream.encode(None))
                if self._tracks is not None:
                    self._tracks.until(float("inf"))
                self._output.close()
            except av.FFmpegError as failure:
                raise self._write_error(failure) from failure

    def _add_stream(self, pixels: NDArray[Any]) -> "VideoStream":
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
        stream.width, stream.height, stream.pix_fmt = width, height, _GRAY
        stream.options = {"level": "3", "slices": "4"}
        stream.codec_context.color_range = _FULL_RANGE
        made: VideoStream = stream
        return made

    def _frame(self, pixels: NDArray[Any]) -> "VideoFrame":
        if self._format is HEAT:
            return self._converter.planes(pixels)
        if self._format is COLOR:
            return self._converter.picture(pixels)
        grey: VideoFrame = require("av").VideoFrame.from_ndarray(pixels, _GRAY)
        return grey

    def _write_error(self, error: Any) -> WriteError:
        return WriteError(f"can't write {self._path}: {error.strerror or error}")


TIMES: Final = "times.csv"
"""File with the time of each frame, for clips with variable frame rate."""

_SEQUENCE_FILE: Final = re.compile(rf"\d{{6,}}\.(png|exr)|{re.escape(TIMES)}")


@final
class SequenceWriter:
    """Context manager that writes an image sequence to a folder atomically.

    Args:
        path: of the new folder. An existing one is replaced only if `overwrite` is set and it
            contains nothing but an earlier sequence.
        suffix: of the files, `.png` or `.exr`.
        overwrite: replace an existing sequence.
    """

    def __init__(self, path: Path, suffix: str, *, overwrite: bool = False) -> None:
        self._path, self._suffix, self._overwrite = path, suffix, overwrite
        self._folder = path.with_name(f".{path.name[:40]}-{os.urandom(4).hex()}")
        self._times: TextIO
        self._count = 0

    def __enter__(self) -> "SequenceWriter":
        """Create the folder.

        Raises:
            OutputExistsError: it exists and is not empty.
            UsageError: it contains other files, or is a file.
            WriteError: it can't be written.
        """
        check_folder(self._path, overwrite=self._overwrite)
        try:
            self._folder.mkdir()
            self._times = (self._folder / TIMES).open("w", encoding="ascii", newline="\n")
            self._times.write("frame,seconds\n")
        except OSError as error:
            raise self._write_error(error) from error
        return self

    @property
    def warnings(self) -> tuple[str, ...]:
        """Always empty: an image sequence has no other streams."""
        return ()

    def write(self, ticks: int, content: bytes) -> None:
        """Write a frame.

        Args:
            ticks: presentation time in 1 / `reader.TICKS` seconds.
            content: of its file.

        Raises:
            WriteError: the file can't be written.
        """
        try:
            (self._folder / f"{self._count:06}{self._suffix}").write_bytes(content)
            self._times.write(f"{self._count},{ticks / TICKS:.6f}\n")
        except OSError as error:
            raise self._write_error(error) from error
        self._count += 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Move the folder to its final path, or remove it if the block failed.

        Raises:
            VideoError: no frame was written.
            WriteError: the folder can't be written.
        """
        try:
            self._times.close()
            if kind is None and not self._count:
                raise VideoError(f"{self._path}: there are no frames to write")
            if kind is None:
                check_folder(self._path, overwrite=self._overwrite)
                put_folder(self._folder, self._path)
        except OSError as failure:
            raise self._write_error(failure) from failure
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _write_error(self, error: OSError) -> WriteError:
        return WriteError(f"can't write {self._path}: {error.strerror or error}")


def check_folder(path: Path, *, overwrite: bool) -> None:
    """Check that a sequence may be written to a folder.

    Raises:
        OutputExistsError: the folder is not empty and must not be replaced.
        UsageError: the path is a file, or contains other files than a sequence.
    """
    if not path.exists():
        return
    if not path.is_dir():
        raise UsageError(f"{path} is a file: choose a folder for an image sequence")
    names = sorted(each.name for each in path.iterdir())
    if names and not overwrite:
        raise OutputExistsError(
            f"{path} is not empty: give another folder, or overwrite=True for a sequence in it",
            options=("overwrite",),
        )
    if other := next((name for name in names if not _SEQUENCE_FILE.fullmatch(name)), None):
        raise UsageError(
            f"{path} contains {other}, which is not part of an image sequence: choose another"
            " folder"
        )
