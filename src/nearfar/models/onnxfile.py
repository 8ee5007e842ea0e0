"""The outside of an ONNX file: enough to tell a whole one from anything else, without onnx."""

import os
from pathlib import Path
from typing import BinaryIO, Final

from nearfar.errors import ModelFileError

_FIELDS: Final = frozenset({1, 2, 3, 4, 5, 6, 7, 8, 14, 20, 25, 26})
"""Numbers of the fields of `ModelProto` in onnx.proto."""
_GRAPH: Final = 7
_VARINT, _BYTES = 0, 2
"""The wire types that `ModelProto` uses, of the protobuf encoding."""


def check(path: Path) -> None:
    """Walk over the outermost fields of an ONNX file, over the graph in one step.

    Finds what is no ONNX, what is cut off and what has something appended. Whether the
    graph is a depth network is for a runtime to say.

    Raises:
        ModelFileError: it is no whole ONNX file, or can't be read.
    """
    try:
        with path.open("rb") as file:
            seen = _walk(file, path.stat().st_size)
    except EOFError as error:
        raise ModelFileError(f"{path} is cut off: get it again") from error
    except OSError as error:
        raise ModelFileError(f"can't read {path}: {error.strerror or error}") from error
    if _GRAPH not in seen:
        raise ModelFileError(f"{path} is not an ONNX model: give a file that ends in .onnx")


def _walk(file: BinaryIO, size: int) -> set[int]:
    """Give the numbers of the fields; of none when some are not a model's."""
    seen = set()
    while file.tell() < size:
        tag = _varint(file)
        if tag >> 3 not in _FIELDS or tag & 7 not in (_VARINT, _BYTES):
            return set()
        seen.add(tag >> 3)
        value = _varint(file)
        if tag & 7 == _BYTES:
            if value > size - file.tell():
                raise EOFError
            file.seek(value, os.SEEK_CUR)
    return seen


def _varint(file: BinaryIO) -> int:
    """Read an integer of seven bits a byte, lowest first; the last byte has no top bit."""
    value = shift = 0
    while True:
        byte = file.read(1)
        if not byte or shift > 63:
            raise EOFError
        value |= (byte[0] & 0x7F) << shift
        shift += 7
        if byte[0] < 0x80:
            return value
