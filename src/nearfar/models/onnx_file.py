"""Check without the onnx library that an ONNX file is complete and contains all its weights."""

import mmap
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO, Final, TypeAlias

from nearfar.errors import ModelFileError

_FIELDS: Final = frozenset({1, 2, 3, 4, 5, 6, 7, 8, 14, 20, 25, 26})
"""Field numbers of `ModelProto` in onnx.proto."""
_GRAPH: Final = 7
_VARINT, _BYTES = 0, 2
"""The wire types that `ModelProto` uses, of the protobuf encoding."""
_EIGHT_BYTES, _GROUP, _GROUP_END, _FOUR_BYTES = 1, 3, 4, 5
"""The other ones."""

_Message: TypeAlias = str
_PARTS: Final[Mapping[_Message, Mapping[int, _Message]]] = MappingProxyType(
    {
        "Model": {7: "Graph", 20: "TrainingInfo", 25: "Function"},
        "TrainingInfo": {1: "Graph", 2: "Graph"},
        "Graph": {1: "Node", 5: "Tensor", 15: "SparseTensor"},
        "Function": {7: "Node", 11: "Attribute"},
        "Node": {5: "Attribute"},
        "Attribute": {
            5: "Tensor",
            6: "Graph",
            10: "Tensor",
            11: "Graph",
            22: "SparseTensor",
            23: "SparseTensor",
        },
        "SparseTensor": {1: "Tensor", 2: "Tensor"},
    }
)
"""For each message of onnx.proto that can contain tensors, the fields that lead to them."""
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14
"""Fields of `TensorProto` that refer to another file."""


def check(path: Path) -> None:
    """Check the top-level fields of an ONNX file; the graph is skipped.

    Files that are not ONNX, are truncated, have trailing bytes, or keep weights in other files are
    refused. Whether the graph is a depth network is checked when a runtime loads it.

    Raises:
        ModelFileError: it is not one complete ONNX file, or can't be read.
    """
    try:
        with path.open("rb") as file:
            seen = _walk(file, path.stat().st_size)
    except EOFError as error:
        raise ModelFileError(f"{path} is truncated: get it again") from error
    except OSError as error:
        raise ModelFileError(f"can't read {path}: {error.strerror or error}") from error
    if _GRAPH not in seen:
        raise ModelFileError(f"{path} is not an ONNX model: give a file that ends in .onnx")
    refuse_external(path)


def refuse_external(model: bytes | Path) -> None:
    """Raise if a network keeps tensors in other files.

    Loading such a network reads a file from a path in it, often relative to the current folder,
    which the recorded hash does not cover. So every tensor is checked: weights, attributes of
    operators, and those of subgraphs and functions.

    Args:
        model: an ONNX file, or its content. Damage that every protobuf parser rejects is ignored.

    Raises:
        ModelFileError: a tensor is in another file, or the file can't be read, or has groups, which
            ONNX does not use.
    """
    if isinstance(model, bytes):
        external = _is_external(memoryview(model))
    else:
        try:
            with model.open("rb") as file:
                mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:  # ValueError: it is empty
            raise ModelFileError(f"can't read {model}: {error}") from error
        with mapped, memoryview(mapped) as content:
            external = _is_external(content)
    if external:
        where = "the network" if isinstance(model, bytes) else str(model)
        raise ModelFileError(
            f"{where} keeps weights in another file: save it as one, with"
            " onnx.save(onnx.load(FILE), NEW)"
        )


def _is_external(content: memoryview) -> bool:
    begun: list[tuple[_Message, int, int]] = [("Model", 0, len(content))]
    while begun:
        message, start, stop = begun.pop()
        parts = _PARTS.get(message, {})
        for field, value, end in _fields(content, start, stop):
            if message == "Tensor":
                if field == _EXTERNAL_DATA or (field == _DATA_LOCATION and (value or end)):
                    return True
            elif field in parts and end:
                begun.append((parts[field], value, end))
    return False


def _fields(content: memoryview, at: int, stop: int) -> Iterator[tuple[int, int, int]]:
    """Iterate over the fields of a message, up to its end or to damage.

    Yields:
        The field number, and start and end of its bytes; for an integer, its value and 0.
    """
    while at < stop:
        tag, at = _integer(content, at, stop)
        field, kind = (tag & 0xFFFFFFFF) >> 3, tag & 7
        if kind in (_GROUP, _GROUP_END):
            raise ModelFileError("a file with groups is not an ONNX model: export it again")
        value, end = 0, 0
        if kind == _VARINT:
            value, at = _integer(content, at, stop)
        elif kind == _BYTES:
            length, value = _integer(content, at, stop)
            at = end = value + length
        else:
            at += {_EIGHT_BYTES: 8, _FOUR_BYTES: 4}.get(kind, stop)
        if at > stop:
            return
        yield field, value, end


def _integer(content: memoryview, at: int, stop: int) -> tuple[int, int]:
    """Return an integer and the offset of the next field: beyond `stop` if it is damaged."""
    value = shift = 0
    while at < stop and shift <= 63:
        byte = content[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at
    return 0, stop + 1


def _walk(file: BinaryIO, size: int) -> set[int]:
    """Return the field numbers; empty if some are not those of a model."""
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
    """Read a varint: seven bits per byte, lowest first; the last byte has no top bit."""
    value = shift = 0
    while True:
        byte = file.read(1)
        if not byte or shift > 63:
            raise EOFError
        value |= (byte[0] & 0x7F) << shift
        shift += 7
        if byte[0] < 0x80:
            return value
