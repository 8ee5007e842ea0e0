"""Read a picture file as an upright 8-bit sRGB array."""

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

Source: TypeAlias = "str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO"
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
_STRANGERS: Final = (
    (b"%PDF", "a PDF: export its page as PNG"),
    (b"%!PS", "a PostScript drawing: export it as PNG"),
    (b"PK\3\4", "a zip archive: unpack it"),
    (b"\x1f\x8b", "a gzip archive: unpack it"),
    (b"\x1a\x45\xdf\xa3", "a video: take a frame out of it"),
    (b"8BPS", "a Photoshop document: export it as PNG"),
    (b"v/1\x01", "an OpenEXR file: export it as PNG or TIFF"),
    (b"\0\0\0\x0cjP  ", "a JPEG 2000 file: convert it to PNG"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 file: convert it to PNG"),
    (b"\xff\x0a", "a JPEG XL file: convert it to PNG"),
    (b"\0\0\0\x0cJXL ", "a JPEG XL file: convert it to PNG"),
)


def read_source(source: Source, max_bytes: int) -> tuple[str, bytes]:
    """Read all bytes of a picture file, or refuse it one byte beyond the limit.

    Args:
        source: a regular file's path, bytes, or an open binary file, which is read from its
            position to its end and need not be seekable.
        max_bytes: the most that are read.

    Returns:
        A name for error messages, and the bytes.

    Raises:
        ImageNotFoundError: no such file, no permission, a folder or a pipe in place of a file.
        EmptyImageError: nothing is in it.
        ImageTooLargeError: more than `max_bytes`.
        UsageError: `source` is none of these types.
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
    mode = os.stat(path).st_mode  # noqa: PTH116 - a Path would fold "a//b", the name as given stays
    if not stat.S_ISREG(
        mode
    ):  # refused before it is opened, since opening a pipe waits for a writer
        kind = "a folder" if stat.S_ISDIR(mode) else "a pipe or device"
        raise OSError(None, f"{kind}, not a picture file")
    with open(path, "rb") as file:  # noqa: PTH123
        size = os.fstat(file.fileno()).st_size
        if size > max_bytes:
            return b"", size
        data = file.read(max_bytes + 1)
    return data, len(data)


def _read_stream(stream: BinaryIO, max_bytes: int) -> bytes:
    if not callable(getattr(stream, "read", None)):
        raise UsageError(f"a picture can't be read from {type(stream).__name__}: give a path")
    parts, left = [], max_bytes + 1
    while left > 0 and (part := stream.read(left)):
        if not isinstance(part, bytes):
            raise UsageError("the stream gives text: open it in binary mode ('rb')")
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def format_of(name: str, data: bytes) -> str:
    """Tell the format from the first bytes; a suffix is never trusted.

    Raises:
        NotAnImageError: none of the formats known here; says what it seems to be.
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
    raise NotAnImageError(f"{name}: {_stranger(data)} (a picture is {_ACCEPTED})")


def _stranger(data: bytes) -> str:
    for magic, what in _STRANGERS:
        if data.startswith(magic):
            return what
    if data[4:8] == b"ftyp" or (data[:4] == b"RIFF" and data[8:12] == b"AVI "):
        return "a video: take a frame out of it"
    opening = data[:1024].lower()
    if b"<svg" in opening:
        return "an SVG drawing: render it to PNG"
    if b"<html" in opening or b"<!doctype html" in opening:
        return "a web page, perhaps of a failed download"
    return "not a picture"


Image: TypeAlias = NDArray[np.uint8]
"""(H, W, 3) RGB, sRGB, upright."""

IMAGE_SUFFIXES: Final = frozenset(
    {
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".jfi", ".pjpeg", ".pjp", ".mpo", ".jps"),
        *(".png", ".apng", ".webp", ".bmp", ".dib", ".tif", ".tiff", ".gif"),
        *(".avif", ".avifs", ".heic", ".heif", ".heics", ".heifs", ".hif"),
    }
)
"""Suffixes of readable files, for folder scans; .heic and its kin need the extra `heif`. Of an
MPO or JPS, which are JPEGs with more pictures behind, the first is read."""


DEFAULT_LIMITS: Final = ImageLimits()


@final
class ImageFile:
    """A picture whose header has been read, but not its pixels. Threads may share it.

    Attributes:
        name: the path as given, or `<bytes>` or `<stream>`; errors begin with it.
        format: `JPEG`, `PNG`, `WEBP`, `BMP`, `TIFF`, `GIF`, `AVIF` or `HEIF`.
        width_px: full width, upright.
        height_px: full height, upright.
        focal_35mm_mm: focal length in 35 mm equivalent millimetres, if EXIF states it.
        orientation: EXIF orientation, 1 to 8, which is undone in what `read` gives; 1 is upright.
    """

    def __init__(self, source: Source, *, limits: ImageLimits = DEFAULT_LIMITS) -> None:
        """Read the file into memory, and its header.

        Args:
            source: path, bytes, or an open binary file, which need not be seekable and is
                left open.
            limits: what is refused before any pixel is decoded.

        Raises:
            ImageNotFoundError: no file there, or it can't be opened.
            EmptyImageError: the file has no bytes.
            NotAnImageError: the bytes are of no format known here.
            CorruptImageError: the header is damaged.
            ImageTooLargeError: beyond `limits`.
            MissingExtraError: HEIC without `pillow-heif`.
        """
        self.name, self._data = read_source(source, limits.max_bytes)
        self.format = format_of(self.name, self._data)
        self._limits, self._warnings = limits, list[str]()
        self._tiff: TiffPicture | None = None
        self._ended = True
        with reading(self.name, self.format):
            self._header = self._read_header()
        width, height = self._header.size
        if width < 1 or height < 1:
            raise CorruptImageError(f"{self.name}: a picture of {width} x {height} pixels")
        if width * height > limits.max_pixels:
            raise ImageTooLargeError(
                f"{self.name}: {width} x {height} are more than {limits.max_pixels} pixels: "
                "make it smaller, or raise the limit on pixels"
            )
        self.orientation = self._header.orientation
        turned = self.orientation >= 5
        self.width_px, self.height_px = (height, width) if turned else (width, height)
        self.focal_35mm_mm = self._header.focal_35mm_mm

    def read(self, *, at_least_px: int | None = None, keep_alpha: bool = False) -> Image:
        """Decode the pixels.

        Args:
            at_least_px: how long the longer side must be at the least. A JPEG is then decoded
                at a half, a quarter or an eighth where that suffices; others are decoded in
                full. None asks for full size.
            keep_alpha: give what is transparent as it is: (H, W, 4), where anything is.

        Returns:
            (H, W, 3) uint8 sRGB, upright, what was transparent over white. It may be read-only.

        Raises:
            CorruptImageError: the pixels are damaged, or rows are lacking and the limits don't
                allow truncated files.
            ImageTooLargeError: there is not enough memory for them.
        """
        if at_least_px is not None and at_least_px < 1:
            raise UsageError(f"at_least_px is {at_least_px}: it must be 1 or more")
        if not self._data:
            raise UsageError(f"{self.name}: closed already: read it before")
        header, warn = self._header, list[str]()
        with reading(self.name, self.format):
            picture = self._decoded(at_least_px, warn)
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
        """What the last `read` took though it was odd, a sentence each."""
        return tuple(self._warnings)

    def _decoded(self, at_least_px: int | None, warn: list[str]) -> PIL.Image.Image:
        if self._tiff is not None and self._tiff.by_bands:
            return self._tiff.decode(warn)
        data, cut = self._data, self._limits.allow_truncated
        if not self._ended:
            data, lacking = segments.whole_png(self.name, data, fill=cut)
            warn.append(
                "the PNG is cut off: the rows that are lacking are black"
                if lacking
                else "the PNG lacks its end mark, but no row: taken as it is"
            )
        if self._header.deep:
            return pixels.decode_png(data, self._header.transparent, warn)
        return load(self.name, self.format, data, warn, at_least_px=at_least_px, cut=cut)

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
            self._data, self._ended = segments.essential_png(self.name, self._data)
        elif self.format == "GIF":
            self._data = segments.essential_gif(self.name, self._data)
        elif self.format == "JPEG":
            self._data = segments.essential_jpeg(self.name, self._data)
        with open_picture(self.name, self.format, self._data) as picture:
            return header_of(picture, self._data)


def read_image(source: Source, *, limits: ImageLimits = DEFAULT_LIMITS) -> Image:
    """Read a picture at full size; see `ImageFile` for arguments and errors.

    Returns:
        (H, W, 3) uint8 sRGB, upright.
    """
    with ImageFile(source, limits=limits) as file:
        return file.read()
