"""Read numeric arrays from MATLAB files of version 5 to 7.

SciPy's compiled reader crashed the process on damaged files (one changed byte; SciPy 1.17.1).
Format: MathWorks, "MAT-File Format": a header of 128 bytes, then elements of a tag and data; an
element may be compressed with zlib.
"""

import struct
import zlib
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from nearfar.errors import DatasetError

MAX_BYTES: Final = 16 * 2**20
"""Largest size of a file, and of each decompressed element."""

_HEADER_BYTES: Final = 128
_ORDERS: Final = {b"IM": "<", b"MI": ">"}
_MATRIX, _COMPRESSED = 14, 15
_TYPES: Final = {
    1: "i1",
    2: "u1",
    3: "i2",
    4: "u2",
    5: "i4",
    6: "u4",
    7: "f4",
    9: "f8",
    12: "i8",
    13: "u8",
}
"""Type number of an element -> NumPy dtype."""
_NUMERIC: Final = range(6, 16)
"""Array classes that contain numbers: double, single, and integers of 8 to 64 bits."""
_COMPLEX: Final = 0x800


class _DamagedError(ValueError):
    """The bytes are not a valid file."""


def numbers(path: Path, name: str) -> NDArray[np.float64]:
    """Read a numeric array.

    Returns:
        (N,) float64, in column-major order.

    Raises:
        DatasetError: the file can't be read, has another format, or has no such array.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise DatasetError(f"{path}: can't be read: {error.strerror or error}") from error
    try:
        for found, values in _arrays(data):
            if found == name:
                return values
    except (_DamagedError, struct.error, zlib.error) as error:
        raise DatasetError(
            f"{path}: not a MATLAB file of version 5 to 7, or damaged ({error}): get it again"
        ) from error
    raise DatasetError(f"{path}: it contains no numeric array {name}: get it again")


def _arrays(data: bytes) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """Yield the name and the values of each numeric array."""
    if len(data) > MAX_BYTES:
        raise _DamagedError(f"more than {MAX_BYTES >> 20} MiB")
    order = _ORDERS.get(data[_HEADER_BYTES - 2 : _HEADER_BYTES])
    if order is None:
        raise _DamagedError("unknown header")
    for kind, content in _elements(data[_HEADER_BYTES:], order, padded=False):
        inside = [(kind, content)]
        if kind == _COMPRESSED:
            inside = list(_elements(_decompress(content), order, padded=False))
        for inner, matrix in inside:
            found = _array(matrix, order) if inner == _MATRIX else None
            if found is not None:
                yield found


def _array(matrix: bytes, order: str) -> tuple[str, NDArray[np.float64]] | None:
    """Read an array; return None if it does not contain plain numbers."""
    parts = list(_elements(matrix, order, padded=True))
    if len(parts) < 3:
        raise _DamagedError("an array without its parts")
    (_, flags), shape, (_, name), *values = parts
    (word,) = struct.unpack_from(f"{order}I", flags)
    if word & 0xFF not in _NUMERIC or word & _COMPLEX or not values:
        return None
    found = _values(*values[0], order)
    if found.size != prod(map(int, _values(*shape, order))):
        raise _DamagedError("a truncated array")
    return name.decode("latin-1"), found


def _values(kind: int, content: bytes, order: str) -> NDArray[np.float64]:
    dtype = np.dtype(f"{order}{_TYPES[kind]}") if kind in _TYPES else None
    if dtype is None or len(content) % dtype.itemsize:
        raise _DamagedError("numbers of an unknown type")
    return np.frombuffer(content, dtype).astype(np.float64)


def _elements(data: bytes, order: str, *, padded: bool) -> Iterator[tuple[int, bytes]]:
    """Yield the type and the data of each element; within an array they are padded to 8 bytes."""
    at = 0
    while at < len(data):
        kind, size = struct.unpack_from(f"{order}II", data, at)
        start, end = at + 8, at + 8 + size
        if small := kind >> 16:  # up to four bytes are stored in the tag
            kind, start, end = kind & 0xFFFF, at + 4, at + 4 + small
            if small > 4:
                raise _DamagedError("an element that is too long for its tag")
            at += 8
        else:
            at = end + (-size % 8 if padded else 0)
        if end > len(data):
            raise _DamagedError("truncated")
        yield kind, data[start:end]


def _decompress(content: bytes) -> bytes:
    inflater = zlib.decompressobj()
    data = inflater.decompress(content, MAX_BYTES)
    if not inflater.eof:
        raise _DamagedError("a compressed element that is truncated or too large")
    return data
