"""Pillow's decoders, one a format, and one line about whatever they meet."""

import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from io import BytesIO
from typing import Any, BinaryIO, Final

import PIL.Image
from PIL import ImageChops

from nearfar.errors import (
    CorruptImageError,
    HeifMissingError,
    ImageTooLargeError,
    MissingExtraError,
    NearfarError,
    NotAnImageError,
)
from nearfar.optional import require

_PLUGINS: Final = {
    "JPEG": ("PIL.JpegImagePlugin", "JpegImageFile"),
    "PNG": ("PIL.PngImagePlugin", "PngImageFile"),
    "GIF": ("PIL.GifImagePlugin", "GifImageFile"),
    "BMP": ("PIL.BmpImagePlugin", "BmpImageFile"),
    "TIFF": ("PIL.TiffImagePlugin", "TiffImageFile"),
    "WEBP": ("PIL.WebPImagePlugin", "WebPImageFile"),
    "AVIF": ("PIL.AvifImagePlugin", "AvifImageFile"),
}
"""Called directly: `PIL.Image.open` would load every plugin and check a global limit."""


def open_picture(name: str, format_: str, data: bytes) -> PIL.Image.Image:
    """Read the header of a file; its pixels are not decoded.

    Raises:
        HeifMissingError: HEIC without `pillow-heif`.
        NotAnImageError: this Pillow was built without the format.
    """
    return _opener(name, format_)(BytesIO(data))


def _opener(name: str, format_: str) -> Callable[[BinaryIO], PIL.Image.Image]:
    if format_ == "HEIF":
        try:
            opener: Callable[[BinaryIO], PIL.Image.Image] = require("pillow_heif").HeifImageFile
        except MissingExtraError as error:
            raise HeifMissingError(str(error)) from error
        return opener
    module, class_ = _PLUGINS[format_]
    try:
        if format_ == "AVIF":
            import_module("PIL._avif")  # the plugin itself imports without it
        opener = getattr(import_module(module), class_)
    except ImportError as error:
        raise NotAnImageError(
            f"{name}: this Pillow can't read {format_}: pip install --upgrade pillow"
        ) from error
    return opener


def shrink(picture: PIL.Image.Image, at_least_px: int) -> None:
    """Have a JPEG decoded at the smallest of 1/8, 1/4, 1/2 whose longer side is long enough."""
    width, height = picture.size
    for scale in (8, 4, 2):
        # libjpeg rounds sizes up
        if -(-max(width, height) // scale) >= at_least_px and min(width, height) >= scale:
            picture.draft(None, (width // scale, height // scale))
            return


def load(
    name: str, format_: str, data: bytes, warn: list[str], *, at_least_px: int | None, cut: bool
) -> PIL.Image.Image:
    """Decode a picture's pixels with Pillow.

    Args:
        name: for messages.
        format_: as `ImageFile.format`.
        data: the file.
        warn: takes what the user should know.
        at_least_px: as of `shrink`, for a JPEG; None decodes at full size.
        cut: take a JPEG or BMP that lacks rows.

    Raises:
        CorruptImageError: rows are lacking, and `cut` is False.
    """

    def loaded(data: bytes) -> PIL.Image.Image:
        picture = open_picture(name, format_, data)
        if at_least_px is not None and format_ == "JPEG":
            shrink(picture, at_least_px)
        picture.load()
        return picture

    lacks_end = "the JPEG lacks its end mark, but no row: taken as it is"
    try:
        picture = loaded(data)
    except OSError as error:
        if format_ not in {"JPEG", "BMP"} or "image file is truncated" not in str(error):
            raise
    else:
        if format_ == "JPEG" and data.rfind(_JPEG_END) < data.rfind(_JPEG_SCAN):
            warn.append(lacks_end)
        return picture
    if format_ == "BMP":
        return _cut_bmp(name, data, warn, cut=cut)
    whole = loaded(data + _JPEG_END)
    escape = b"\0" * data.endswith(b"\xff")  # makes of a last 255 a number, not a marker
    # where no bit is lacking, it does not matter what follows
    others = (loaded(data + escape + bits + _JPEG_END) for bits in _ANY_BITS)
    if all(ImageChops.difference(whole, other).getbbox() is None for other in others):
        warn.append(lacks_end)
        return whole
    if not cut:
        raise CorruptImageError(f"{name}: the JPEG is cut off: {_LACKING}")
    warn.append("the JPEG is cut off: the rows that are lacking are grey")
    return whole


def _cut_bmp(name: str, data: bytes, warn: list[str], *, cut: bool) -> PIL.Image.Image:
    opened: Any = open_picture(name, "BMP", data)
    decoder, (_, _, _, height), offset, arguments = opened.tile[0]
    if not cut or decoder != "raw":
        raise CorruptImageError(f"{name}: the BMP is cut off: {_LACKING}")
    picture = open_picture(name, "BMP", data.ljust(offset + height * int(arguments[1]), b"\0"))
    picture.load()
    warn.append("the BMP is cut off: the rows that are lacking are black")
    return picture


_LACKING: Final = "get a whole copy, or allow truncated files"
_JPEG_END: Final = b"\xff\xd9"
_JPEG_SCAN: Final = b"\xff\xda"
_ANY_BITS: Final = (b"\xfe" * 64, b"\xaa\x35\xc3" * 64)


class _Hush:
    """Suppress Pillow's warnings while any thread reads: an error reports what is wrong.

    `warnings.catch_warnings` alone would, in threads, leave one thread's filters to the rest.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._filters = ExitStack()
        self._readers = 0

    def __enter__(self) -> None:
        with self._lock:
            if self._readers == 0:
                self._filters.enter_context(warnings.catch_warnings())
                warnings.filterwarnings("ignore", module=r"(PIL|pillow_heif)\.")
            self._readers += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._readers -= 1
            if self._readers == 0:
                self._filters.close()


_HUSH: Final = _Hush()


@contextmanager
def reading(name: str, format_: str) -> Iterator[None]:
    """Make an error of ours out of whatever a decoder raises on damaged bytes.

    Raises:
        CorruptImageError: the decoder failed.
        ImageTooLargeError: it found too little memory, or a size beyond its limit.
    """
    try:
        with _HUSH:
            yield
    except NearfarError:
        raise
    except (MemoryError, PIL.Image.DecompressionBombError) as error:
        raise ImageTooLargeError(f"{name}: too large to be decoded: make it smaller") from error
    except Exception as error:
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise CorruptImageError(
            f"{name}: the {format_} is damaged or cut off ({reason}): get a good copy"
        ) from error
