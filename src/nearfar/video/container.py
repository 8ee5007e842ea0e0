"""A clip's file: opened, and its tracks told apart."""

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

MOST_ANAMORPHIC: Final = 8
"""Pixels that are more often as wide as high, or as high as wide, are taken for an error."""

_ATTACHED_PICTURE: Final = 1 << 10
_TIMED_THUMBNAILS: Final = 1 << 11
_STILL_IMAGE: Final = 1 << 20
_DEFAULT: Final = 1 << 0


def opened(path: Path) -> "InputContainer":
    """Open a clip.

    Texts in it that are no UTF-8 are kept as Python keeps such bytes, see `text_of`.

    Raises:
        ImageNotFoundError: no such file, or it can't be opened.
        VideoError: it is no clip.
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
            f"{path}: no clip that can be read, or cut off before its index ({reason})"
        ) from error
    return container


def text_of(text: str) -> str:
    """Give a text of a container as it was meant: UTF-8, or else Latin-1."""
    with suppress(UnicodeEncodeError):
        text.encode()
        return text
    return text.encode("utf-8", "surrogateescape").decode("latin-1")


def flags_of(stream: Any) -> int:
    """Give the dispositions of a track as FFmpeg's bits."""
    try:
        return int(stream.disposition.value)
    except ValueError:  # a bit that this PyAV does not know
        return 0


def is_default(stream: Any) -> bool:
    """Say whether players begin with this track."""
    return bool(flags_of(stream) & _DEFAULT)


def is_art(stream: Any) -> bool:
    """Say whether a track is cover art, or thumbnails."""
    return bool(flags_of(stream) & (_ATTACHED_PICTURE | _TIMED_THUMBNAILS))


def picture_of(path: Path | str, container: "InputContainer") -> "VideoStream":
    """Choose the track that is the clip.

    Cover art and thumbnails are passed by, and so are stills beside a track that moves, as of
    an animated AVIF.

    Raises:
        VideoError: there is none.
    """
    tracks = [each for each in container.streams.video if not is_art(each)]
    if not tracks:
        others = "sound and pictures that stand still" if container.streams.video else "sound"
        raise VideoError(f"{path}: there is no picture in it, only {others}")
    return min(tracks, key=lambda each: (is_still(each), not _has_size(each), not is_default(each)))


def is_still(stream: "VideoStream") -> bool:
    """Say whether a track of pictures holds one that does not move."""
    return stream.frames == 1 or bool(flags_of(stream) & _STILL_IMAGE)


def _has_size(stream: "VideoStream") -> bool:
    return stream.codec_context.width > 0 and stream.codec_context.height > 0


def square_px(size_px: tuple[int, int], pixel_aspect: Fraction | None) -> tuple[int, int]:
    """Give the size at which pixels are square; one side grows, the other stays.

    Args:
        size_px: width and height as stored.
        pixel_aspect: width of a stored pixel by its height; None where nothing is said.
    """
    width, height = size_px
    if not pixel_aspect or not 1 / MOST_ANAMORPHIC <= pixel_aspect <= MOST_ANAMORPHIC:
        return size_px
    if pixel_aspect > 1:
        return round(width * pixel_aspect), height
    return width, round(height / pixel_aspect)
