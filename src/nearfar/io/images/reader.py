"""Read an image file as an upright 8-bit sRGB array."""

import os
import stat
from typing import BinaryIO, Final, TypeAlias, final

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from nearfar.config import ImageLimits
from nearfar.errors import (
    CorruptImageError,
    EmptyImageError,
    ImageNotFoundError,
    ImageTooLargeError,
    NotAnImageError,
    UsageError,
)
from nearfar.io.images import pixels, segments
from nearfar.io.images.decoder import load, open_picture, reading
from nearfar.io.images.header import Header, header_of
from nearfar.io.images.tiff_pixels import TiffPicture, open_tiff

Source: TypeAlias = str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO
"""A path, the bytes of a file, or a file open for reading in binary mode."""

_ACCEPTED: Final = "JPEG, PNG, WebP, BMP, TIFF, GIF, AVIF or HEIC"

_FORMATS: Final = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"BM", "BMP"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
)
_AVIF_BRANDS: Final = frozenset({b"avif", b"avis"})
_HEIF_BRANDS: Final = frozenset(
    {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
)
_UNSUPPORTED: Final = (
    (b"%PDF", "a PDF: export its page as PNG"),
    (b"%!PS", "a PostScript drawing: export it as PNG"),
    (b"PK\3\4", "a zip archive: unpack it"),
    (b"\x1f\x8b", "a gzip archive: unpack it"),
    (b"\x1a\x45\xdf\xa3", "a video: extract a frame"),
    (b"8BPS", "a Photoshop document: export it as PNG"),
    (b"v/1\x01", "an OpenEXR file: export it as PNG or TIFF"),
    (b"\0\0\0\x0cjP  ", "a JPEG 2000 file: convert it to PNG"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 file: convert it to PNG"),
    (b"\xff\x0a", "a JPEG XL file: convert it to PNG"),
    (b"\0\0\0\x0cJXL ", "a JPEG XL file: convert it to PNG"),
)


def read_source(source: Source, max_bytes: int) -> tuple[str, bytes]:
    """Read an image file into memory, up to a limit.

    Args:
        source: path of a regular file, bytes, or an open binary file, which is read from its
            current position to its end and need not be seekable.
        max_bytes: largest accepted size.

    Returns:
        A name for error messages, and the bytes.

    Raises:
        ImageNotFoundError: there is no such file, no permission, or it is a folder or a pipe.
        EmptyImageError: it is empty.
        ImageTooLargeError: it has more than `max_bytes`.
        UsageError: `source` has another type.
    """
    if isinstance(source, bytes | bytearray | memoryview):
        name, data, size = "<bytes>", source, memoryview(source).nbytes
    else:
        name = os.fspath(source) if isinstance(source, str | os.PathLike) else "<stream>"
        try:
            if isinstance(source, str | os.PathLike):
                data, size = _read_path(name, max_bytes)
            else:
                data = _read_stream(source, max_bytes)
                size = len(data)
        except UsageError:
            raise
        except OSError as error:
            raise ImageNotFoundError(f"{name}: {error.strerror or error}") from error
        except ValueError as error:  # a path with a zero byte, a closed stream
            raise ImageNotFoundError(f"{name!r}: can't be opened: {error}") from error
    if size > max_bytes:
        raise ImageTooLargeError(
            f"{name}: more than {max_bytes / 2**20:.6g} MiB: raise the limit on bytes to read it"
        )
    if size == 0:
        raise EmptyImageError(f"{name}: the file is empty")
    return name, bytes(data)


def _read_path(path: str, max_bytes: int) -> tuple[bytes, int]:
    mode = os.stat(path).st_mode  # noqa: PTH116 - a Path would change "a//b" in messages
    if not stat.S_ISREG(mode):  # checked before opening, since opening a pipe waits for a writer
        kind = "a folder" if stat.S_ISDIR(mode) else "a pipe or device"
        raise OSError(None, f"{kind}, not an image file")
    with open(path, "rb") as file:  # noqa: PTH123
        size = os.fstat(file.fileno()).st_size
        if size > max_bytes:
            return b"", size
        data = file.read(max_bytes + 1)
    return data, len(data)


def _read_stream(stream: BinaryIO, max_bytes: int) -> bytes:
    if not callable(getattr(stream, "read", None)):
        raise UsageError(f"an image can't be read from {type(stream).__name__}: use a path")
    parts, left = [], max_bytes + 1
    while left > 0 and (part := stream.read(left)):
        if not isinstance(part, bytes):
            raise UsageError("the stream returns text: open it in binary mode ('rb')")
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def format_of(name: str, data: bytes) -> str:
    """Detect the format from the first bytes, regardless of the suffix.

    Raises:
        NotAnImageError: the format is not supported; the message says what it seems to be.
    """
    for magic, format_ in _FORMATS:
        if data.startswith(magic):
            return format_
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data[4:8] == b"ftyp":
        box_end = min(int.from_bytes(data[:4], "big"), 256)
        brands = {data[at : at + 4] for at in range(8, box_end, 4)}
        if brands & _AVIF_BRANDS:
            return "AVIF"
        if brands & _HEIF_BRANDS:
            return "HEIF"
    raise NotAnImageError(f"{name}: {_describe_unsupported(data)} (supported formats: {_ACCEPTED})")


def _describe_unsupported(data: bytes) -> str:
    for magic, what in _UNSUPPORTED:
        if data.startswith(magic):
            return what
    if data[4:8] == b"ftyp" or (data[:4] == b"RIFF" and data[8:12] == b"AVI "):
        return "a video: extract a frame"
    opening = data[:1024].lower()
    if b"<svg" in opening:
        return "an SVG drawing: render it to PNG"
    if b"<html" in opening or b"<!doctype html" in opening:
        return "a web page, perhaps from a failed download"
    return "not an image"


Image: TypeAlias = NDArray[np.uint8]
"""(H, W, 3) RGB, sRGB, upright."""

IMAGE_SUFFIXES: Final = frozenset(
    {
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".jfi", ".pjpeg", ".pjp", ".mpo", ".jps"),
        *(".png", ".apng", ".webp", ".bmp", ".dib", ".tif", ".tiff", ".gif"),
        *(".avif", ".avifs", ".heic", ".heif", ".heics", ".heifs", ".hif"),
    }
)
"""Suffixes of supported files, for folder scans; .heic and related ones need the extra `heif`. Of
MPO and JPS files, which are JPEGs followed by more images, the first image is read."""


DEFAULT_LIMITS: Final = ImageLimits()


@final
class ImageFile:
    """An image file whose header is read, but whose pixels are not decoded. Thread-safe.

    Attributes:
        name: the path as passed, or `<bytes>` or `<stream>`; errors begin with it.
        format: `JPEG`, `PNG`, `WEBP`, `BMP`, `TIFF`, `GIF`, `AVIF` or `HEIF`.
        width_px: full width, upright.
        height_px: full height, upright.
        focal_35mm_mm: focal length in 35 mm equivalent millimetres, if EXIF contains it.
        orientation: EXIF orientation, 1 to 8, which `read` applies; 1 is upright.
    """

    def __init__(self, source: Source, *, limits: ImageLimits = DEFAULT_LIMITS) -> None:
        """Read the file into memory, and parse its header.

        Args:
            source: path, bytes, or an open binary file, which need not be seekable and is not
                closed.
            limits: checked before any pixel is decoded.

        Raises:
            ImageNotFoundError: the file does not exist or can't be opened.
            EmptyImageError: the file is empty.
            NotAnImageError: the format is not supported.
            CorruptImageError: the header is damaged.
            ImageTooLargeError: it exceeds `limits`.
            MissingExtraError: `pillow-heif` is not installed, which HEIC needs.
        """
        self.name, self._data = read_source(source, limits.max_bytes)
        self.format = format_of(self.name, self._data)
        self._limits, self._warnings = limits, list[str]()
        self._tiff: TiffPicture | None = None
        self._has_end = True
        with reading(self.name, self.format):
            self._header = self._read_header()
        width, height = self._header.size
        if width < 1 or height < 1:
            raise CorruptImageError(f"{self.name}: an image of {width} x {height} pixels")
        if width * height > limits.max_pixels:
            raise ImageTooLargeError(
                f"{self.name}: {width} x {height} is more than {limits.max_pixels} pixels: "
                "make it smaller, or raise the limit on pixels"
            )
        self.orientation = self._header.orientation
        is_rotated = self.orientation >= 5
        self.width_px, self.height_px = (height, width) if is_rotated else (width, height)
        self.focal_35mm_mm = self._header.focal_35mm_mm

    def read(self, *, at_least_px: int | None = None, keep_alpha: bool = False) -> Image:
        """Decode the pixels.

        Args:
            at_least_px: smallest accepted length of the longer side. A JPEG is decoded at a half,
                a quarter or an eighth if that is sufficient; other formats are decoded at full
                size. None requests full size.
            keep_alpha: return (H, W, 4) with straight alpha if any pixel is transparent.

        Returns:
            (H, W, 3) uint8 sRGB, upright, with transparent pixels blended with white. It may be
            read-only.

        Raises:
            CorruptImageError: the pixels are damaged, or rows are missing and the limits don't
                allow truncated files.
            ImageTooLargeError: there is not enough memory.
        """
        if at_least_px is not None and at_least_px < 1:
            raise UsageError(f"at_least_px is {at_least_px}: it must be 1 or more")
        if not self._data:
            raise UsageError(f"{self.name}: already closed: read it before")
        header, warn = self._header, list[str]()
        with reading(self.name, self.format):
            picture = self._decode(at_least_px, warn)
            image = pixels.to_rgb(
                picture,
                icc=header.icc,
                coding=header.coding,
                orientation=header.orientation,
                keep_alpha=keep_alpha,
            )
        self._warnings = warn
        return image

    @property
    def warnings(self) -> tuple[str, ...]:
        """Problems that the last `read` tolerated, one sentence each."""
        return tuple(self._warnings)

    def _decode(self, at_least_px: int | None, warn: list[str]) -> PIL.Image.Image:
        if self._tiff is not None and self._tiff.by_bands:
            return self._tiff.decode(warn)
        data, cut = self._data, self._limits.allow_truncated
        if not self._has_end:
            data, rows_missing = segments.complete_png(self.name, data, fill=cut)
            warn.append(
                "the PNG is truncated: the missing rows are black"
                if rows_missing
                else "the end marker of the PNG is missing, but no rows are"
            )
        if self._header.deep:
            return pixels.decode_png(data, self._header.transparent, warn)
        return load(
            self.name, self.format, data, warn, at_least_px=at_least_px, allow_truncated=cut
        )

    def close(self) -> None:
        """Release the file's bytes."""
        self._data = b""

    def __enter__(self) -> "ImageFile":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read_header(self) -> Header:
        if self.format == "TIFF":
            self._tiff = open_tiff(self.name, self._data, self._limits.max_pixels)
            self._data = self._tiff.data
            return self._tiff.header
        if self.format == "PNG":
            self._data, self._has_end = segments.essential_png(self.name, self._data)
        elif self.format == "GIF":
            self._data = segments.essential_gif(self.name, self._data)
        elif self.format == "JPEG":
            self._data = segments.essential_jpeg(self.name, self._data)
        with open_picture(self.name, self.format, self._data) as picture:
            return header_of(picture, self._data)


def read_image(source: Source, *, limits: ImageLimits = DEFAULT_LIMITS) -> Image:
    """Read an image at full size; see `ImageFile` for arguments and errors.

    Returns:
        (H, W, 3) uint8 sRGB, upright.
    """
    with ImageFile(source, limits=limits) as file:
        return file.read()
