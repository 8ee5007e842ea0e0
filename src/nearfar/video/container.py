"""Open a video file, and select its video stream."""

from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from nearfar.errors import ImageNotFoundError, VideoError
from nearfar.io.video_writer import file_url
from nearfar.optional import require

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

MAX_PIXEL_ASPECT: Final = 8
"""Largest sample aspect ratio, and its inverse the smallest; others are treated as errors."""

_ATTACHED_PICTURE: Final = 1 << 10
_TIMED_THUMBNAILS: Final = 1 << 11
_STILL_IMAGE: Final = 1 << 20
_DEFAULT: Final = 1 << 0


def open_clip(path: Path) -> "InputContainer":
    """Open a video file.

    Metadata that is not UTF-8 is decoded with surrogate escapes, see `decode_text`.

    Raises:
        ImageNotFoundError: the file does not exist or can't be open_clip.
        VideoError: it is not a video.
        MissingExtraError: PyAV is not installed.
    """
    av = require("av")
    try:
        with path.open("rb"):
            pass
    except OSError as error:
        raise ImageNotFoundError(f"can't open {path}: {error.strerror or error}") from error
    try:
        container: InputContainer = av.open(file_url(path), metadata_errors="surrogateescape")
    except (av.FFmpegError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise VideoError(
            f"{path}: not a readable video, or truncated before its index ({reason})"
        ) from error
    return container


def decode_text(text: str) -> str:
    """Decode surrogate escapes of a metadata string as Latin-1."""
    with suppress(UnicodeEncodeError):
        text.encode()
        return text
    return text.encode("utf-8", "surrogateescape").decode("latin-1")


def disposition_of(stream: Any) -> int:
    """Return the disposition of a stream as FFmpeg's bit flags."""
    try:
        return int(stream.disposition.value)
    except ValueError:  # a flag that this version of PyAV does not know
        return 0


def is_default(stream: Any) -> bool:
    """Return whether players select this stream by default."""
    return bool(disposition_of(stream) & _DEFAULT)


def is_cover_art(stream: Any) -> bool:
    """Return whether a stream is cover art or thumbnails."""
    return bool(disposition_of(stream) & (_ATTACHED_PICTURE | _TIMED_THUMBNAILS))


def video_stream_of(path: Path | str, container: "InputContainer") -> "VideoStream":
    """Select the video stream to convert.

    Cover art and thumbnails are ignored, as are still images beside a moving stream, for example
    in an animated AVIF.

    Raises:
        VideoError: there is none.
    """
    tracks = [each for each in container.streams.video if not is_cover_art(each)]
    if not tracks:
        others = "audio and still images" if container.streams.video else "audio"
        raise VideoError(f"{path}: there is no video stream in it, only {others}")
    return min(tracks, key=lambda each: (is_still(each), not _has_size(each), not is_default(each)))


def is_still(stream: "VideoStream") -> bool:
    """Return whether a video stream is a single image."""
    return stream.frames == 1 or bool(disposition_of(stream) & _STILL_IMAGE)


def _has_size(stream: "VideoStream") -> bool:
    return stream.codec_context.width > 0 and stream.codec_context.height > 0


def square_px(size_px: tuple[int, int], pixel_aspect: Fraction | None) -> tuple[int, int]:
    """Return the size with square pixels; one side is enlarged, the other one is unchanged.

    Args:
        size_px: width and height as stored.
        pixel_aspect: sample aspect ratio (width / height of a stored pixel); None if unknown.
    """
    width, height = size_px
    if not pixel_aspect or not 1 / MAX_PIXEL_ASPECT <= pixel_aspect <= MAX_PIXEL_ASPECT:
        return size_px
    if pixel_aspect > 1:
        return round(width * pixel_aspect), height
    return width, round(height / pixel_aspect)
