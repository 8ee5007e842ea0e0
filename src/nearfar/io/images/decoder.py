"""Decode images with Pillow, and convert its errors to one line."""

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
"""Used directly, because `PIL.Image.open` would load every plugin and check a global limit."""


def open_picture(name: str, format_: str, data: bytes) -> PIL.Image.Image:
    """Read the header of a file without decoding its pixels.

    Raises:
        HeifMissingError: `pillow-heif` is not installed, which HEIC needs.
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
            import_module("PIL._avif")  # missing in some builds, although the plugin imports
        opener = getattr(import_module(module), class_)
    except ImportError as error:
        raise NotAnImageError(
            f"{name}: this Pillow can't read {format_}: pip install --upgrade pillow"
        ) from error
    return opener


def shrink(picture: PIL.Image.Image, at_least_px: int) -> None:
    """Decode a JPEG at the smallest of 1/8, 1/4, 1/2 with a long enough longer side."""
    width, height = picture.size
    for scale in (8, 4, 2):
        # libjpeg rounds sizes up
        if -(-max(width, height) // scale) >= at_least_px and min(width, height) >= scale:
            picture.draft(None, (width // scale, height // scale))
            return


def load(
    name: str,
    format_: str,
    data: bytes,
    warn: list[str],
    *,
    at_least_px: int | None,
    allow_truncated: bool,
) -> PIL.Image.Image:
    """Decode an image's pixels with Pillow.

    Args:
        name: for messages.
        format_: see `ImageFile.format`.
        data: the file.
        warn: list to which warnings for the user are appended.
        at_least_px: see `shrink`, for JPEG; None decodes at full size.
        allow_truncated: accept a JPEG or BMP with missing rows.

    Raises:
        CorruptImageError: rows are missing, and `allow_truncated` is False.
    """

    def decode(data: bytes) -> PIL.Image.Image:
        picture = open_picture(name, format_, data)
        if at_least_px is not None and format_ == "JPEG":
            shrink(picture, at_least_px)
        picture.load()
        return picture

    lacks_end = "the end marker of the JPEG is missing, but no rows are"
    try:
        picture = decode(data)
    except OSError as error:
        if format_ not in {"JPEG", "BMP"} or "image file is truncated" not in str(error):
            raise
    else:
        if format_ == "JPEG" and data.rfind(_JPEG_END) < data.rfind(_JPEG_SCAN):
            warn.append(lacks_end)
        return picture
    if format_ == "BMP":
        return _load_truncated_bmp(name, data, warn, allow_truncated=allow_truncated)
    whole = decode(data + _JPEG_END)
    escape = b"\0" * data.endswith(b"\xff")  # makes a trailing 0xFF data instead of a marker
    # if no bits are missing, the result does not depend on the bytes that follow
    others = (decode(data + escape + bits + _JPEG_END) for bits in _ANY_BITS)
    if all(ImageChops.difference(whole, other).getbbox() is None for other in others):
        warn.append(lacks_end)
        return whole
    if not allow_truncated:
        raise CorruptImageError(f"{name}: the JPEG is truncated: {_REMEDY}")
    warn.append("the JPEG is truncated: the missing rows are gray")
    return whole


def _load_truncated_bmp(
    name: str, data: bytes, warn: list[str], *, allow_truncated: bool
) -> PIL.Image.Image:
    opened: Any = open_picture(name, "BMP", data)
    decoder, (_, _, _, height), offset, arguments = opened.tile[0]
    if not allow_truncated or decoder != "raw":
        raise CorruptImageError(f"{name}: the BMP is truncated: {_REMEDY}")
    picture = open_picture(name, "BMP", data.ljust(offset + height * int(arguments[1]), b"\0"))
    picture.load()
    warn.append("the BMP is truncated: the missing rows are black")
    return picture


_REMEDY: Final = "get a complete copy, or allow truncated files"
_JPEG_END: Final = b"\xff\xd9"
_JPEG_SCAN: Final = b"\xff\xda"
_ANY_BITS: Final = (b"\xfe" * 64, b"\xaa\x35\xc3" * 64)


class _NoWarnings:
    """Suppresses Pillow's warnings while any thread reads; problems are reported by errors.

    `warnings.catch_warnings` alone is not thread-safe: it could leave the filters changed.
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


_NO_WARNINGS: Final = _NoWarnings()


@contextmanager
def reading(name: str, format_: str) -> Iterator[None]:
    """Convert any error of a decoder on damaged data.

    Raises:
        CorruptImageError: the decoder failed.
        ImageTooLargeError: memory ran out, or the size exceeds the decoder's own limit.
    """
    try:
        with _NO_WARNINGS:
            yield
    except NearfarError:
        raise
    except (MemoryError, PIL.Image.DecompressionBombError) as error:
        raise ImageTooLargeError(f"{name}: too large to decode: make it smaller") from error
    except Exception as error:
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise CorruptImageError(
            f"{name}: the {format_} is damaged or truncated ({reason}): get a good copy"
        ) from error
