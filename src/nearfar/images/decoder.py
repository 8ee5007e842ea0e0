"""Pillow's decoders, one a format, and one line about whatever they meet."""

import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from io import BytesIO
from typing import BinaryIO, Final

import PIL.Image

from nearfar.errors import (
    CorruptImageError,
    ImageTooLargeError,
    NearfarError,
    NotAnImageError,
)
from nearfar.extras import require

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
        MissingExtraError: HEIC without `pillow-heif`.
        NotAnImageError: this Pillow was built without the format.
    """
    return _opener(name, format_)(BytesIO(data))


def _opener(name: str, format_: str) -> Callable[[BinaryIO], PIL.Image.Image]:
    if format_ == "HEIF":
        opener: Callable[[BinaryIO], PIL.Image.Image] = require("pillow_heif").HeifImageFile
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


class _Hush:
    """Keep Pillow's warnings in while any thread reads: what is wrong is told by an error.

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
        ImageTooLargeError: it found too little memory, or a size beyond its own limit.
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
