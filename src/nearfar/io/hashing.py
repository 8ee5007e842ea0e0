"""SHA-256 of files, and verified copies."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from nearfar.errors import ChecksumError, ModelFileError, NearfarError
from nearfar.io.atomic import replacing

CHUNK_BYTES: Final = 1 << 20


def of_file(path: Path) -> tuple[str, int]:
    """Compute the SHA-256 of a file in chunks.

    Returns:
        Its SHA-256 as lower-case hex, and its size in bytes.

    Raises:
        ModelFileError: it can't be read.
    """
    with opened(path) as file:
        return of_open(file), file.tell()


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open a file for reading; errors of the system, also later ones, become ModelFileError."""
    try:
        with path.open("rb", buffering=0) as file:
            yield file
    except NearfarError:
        raise
    except OSError as error:
        raise ModelFileError(f"can't read {path}: {error.strerror or error}") from error


def of_open(file: BinaryIO) -> str:
    """Read an open file to its end; return its SHA-256 as lower-case hex."""
    return _copy_and_hash(file, None)


def read(path: Path) -> tuple[str, bytes]:
    """Read a file into memory.

    Returns:
        The SHA-256 of the returned bytes, and these bytes.

    Raises:
        ModelFileError: it can't be read.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelFileError(f"can't read {path}: {error.strerror or error}") from error
    return hashlib.sha256(content).hexdigest(), content


def copy(source: Path, target: Path, sha256: str) -> None:
    """Copy a file atomically, flush it to disk, and check the SHA-256 of the copied bytes.

    Raises:
        ModelFileError: the source can't be read.
        ChecksumError: the source has another SHA-256. `target` is unchanged.
        WriteError: the copy can't be written, for example because the disk is full.
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
        if _copy_and_hash(incoming, outgoing) != sha256:
            raise ChecksumError(f"{source} changed while it was copied: try again")


def _copy_and_hash(incoming: BinaryIO, outgoing: BinaryIO | None) -> str:
    digest = hashlib.sha256()
    while chunk := incoming.read(CHUNK_BYTES):
        digest.update(chunk)
        if outgoing:
            outgoing.write(chunk)
    return digest.hexdigest()
