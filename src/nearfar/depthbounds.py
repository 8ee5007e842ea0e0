"""What a depth file may become once it is decoded: told before memory is taken for it.

Deflate makes of a byte at most 1,032; other compressions of zip and TIFF make of some hundred
bytes gigabytes, and are refused.
"""

import zipfile
import zlib
from collections.abc import Iterable
from typing import Any, Final

from nearfar.errors import DepthFileError

MAX_PIXELS: Final = 100_000_000
MAX_TEXT_BYTES: Final = 1 << 20
MOST_BYTES: Final = 16 * MAX_PIXELS
"""Of all channels of an EXR, which its library decodes together."""

_MOST_RATIO: Final = 1100
_DEFLATE: Final = frozenset({8, 32946})
_UNPACKED: Final = 1
_PACKBITS: Final = 32773


def check_size(*shape: int) -> None:
    """Refuse what is no map, or one over 100 megapixels."""
    if len(shape) != 2:
        raise DepthFileError(f"its shape is {shape}: give one map, (height, width)")
    height_px, width_px = shape
    if height_px < 1 or width_px < 1:
        raise DepthFileError(f"it is {width_px} x {height_px} pixels: it holds nothing")
    if height_px * width_px > MAX_PIXELS:
        limit = MAX_PIXELS // 1_000_000
        raise DepthFileError(f"{width_px} x {height_px} pixels are over {limit} megapixels")


def check_float(dtype: Any) -> None:
    """Refuse all but floats of 16, 32 and 64 bits."""
    if dtype is None or dtype.kind != "f" or dtype.itemsize > 8:
        raise DepthFileError(f"its values are {dtype}: give float32")


def check_segments(compression: int, segments: Iterable[bytes], expected: int) -> None:
    """Refuse strips or tiles of a TIFF that become more than they should.

    Args:
        compression: the tag's number.
        segments: as they are stored.
        expected: bytes that each may become.
    """
    if compression == _UNPACKED:
        return
    if compression not in _DEFLATE | {_PACKBITS}:
        raise DepthFileError(
            f"it is compressed by method {compression}: save it uncompressed or with deflate"
        )
    for segment in segments:
        if compression == _PACKBITS:
            too_long = len(segment) > 2 * expected + 1024
        else:
            inflater = zlib.decompressobj()
            too_long = len(inflater.decompress(segment, expected + 1)) > expected
        if too_long:
            raise DepthFileError("one of its strips is longer than its rows: write it anew")


def read_member(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    """Read a file of a zip archive.

    Raises:
        DepthFileError: it has more than `most` bytes, or more than its compression can hold.
    """
    about = archive.getinfo(name)
    if about.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise DepthFileError(
            f"{name} is compressed by method {about.compress_type}: save it with numpy.savez"
        )
    if about.file_size > min(most, _MOST_RATIO * about.compress_size + 1024):
        raise DepthFileError(f"{name} would become {about.file_size} bytes: it is too long")
    return archive.read(about)
