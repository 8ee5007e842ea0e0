"""The bytes of a picture file: where they come from, how many, of what format."""

import os
import stat
from typing import BinaryIO, Final, TypeAlias

from nearfar.errors import (
    EmptyImageError,
    ImageNotFoundError,
    ImageTooLargeError,
    NotAnImageError,
    UsageError,
)

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
        source: a regular file's path, bytes, or an open binary file, which is read from where
            it stands to its end and need not be seekable.
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
    if not stat.S_ISREG(mode):  # told before it is opened, since opening a pipe waits for a writer
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
