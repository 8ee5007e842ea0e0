"""SHA-256 of files too large to hold, and copies that are what they should be."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from nearfar.errors import ChecksumError, ModelFileError, NearfarError
from nearfar.io.atomic import replacing

CHUNK_BYTES: Final = 1 << 20


def of_file(path: Path) -> tuple[str, int]:
    """Read a file through once.

    Returns:
        Its SHA-256 as lower-case hex, and its size in bytes.

    Raises:
        ModelFileError: it can't be read.
    """
    with opened(path) as file:
        return of_open(file), file.tell()


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open a file to read; what the system refuses, also later on, becomes a ModelFileError."""
    try:
        with path.open("rb", buffering=0) as file:
            yield file
    except NearfarError:
        raise
    except OSError as error:
        raise ModelFileError(f"can't read {path}: {error.strerror or error}") from error


def of_open(file: BinaryIO) -> str:
    """Read an open file through to its end; give its SHA-256 as lower-case hex."""
    return _pour(file, None)


def read(path: Path) -> tuple[str, bytes]:
    """Read a file into memory.

    Returns:
        The SHA-256 of the very bytes that are returned with it.

    Raises:
        ModelFileError: it can't be read.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelFileError(f"can't read {path}: {error.strerror or error}") from error
    return hashlib.sha256(content).hexdigest(), content


def copy(source: Path, target: Path, sha256: str) -> None:
    """Copy a file; on success the copy is whole, on the disk, and has this SHA-256.

    Raises:
        ModelFileError: the source can't be read.
        ChecksumError: the source is another file by now. `target` is as it was.
        WriteError: the disk is full or refuses.
    """
    try:
        incoming = source.open("rb")
    except OSError as error:
        raise ModelFileError(f"can't read {source}: {error.strerror or error}") from error
    with (
        incoming,
        replacing(target, durable=True) as temporary,
        temporary.open("wb") as outgoing,
    ):
        if _pour(incoming, outgoing) != sha256:
            raise ChecksumError(f"{source} changed while it was copied: try again")


def _pour(incoming: BinaryIO, outgoing: BinaryIO | None) -> str:
    digest = hashlib.sha256()
    while chunk := incoming.read(CHUNK_BYTES):
        digest.update(chunk)
        if outgoing:
            outgoing.write(chunk)
    return digest.hexdigest()
