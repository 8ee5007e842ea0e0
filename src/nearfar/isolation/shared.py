"""An in-memory file shared with a child process, for data too large for a pipe."""

import os
import sys
import tempfile
from typing import Any, BinaryIO, Final, final

import numpy as np
from numpy.typing import NDArray

from nearfar.errors import ProcessError

KEPT_BYTES: Final = 8 * 2**20
"""Size that is kept between two calls; allocating new pages would take longer than copying."""

_KINDS: Final = frozenset({"uint8", "uint16", "float32"})
_MOST_AXES: Final = 4


@final
class SharedFile:
    """Bytes or an array, shared by the processes that have the file open.

    It is accessed by system calls and never memory-mapped: if a child truncates it, the read fails,
    while a mapping would crash the reader.

    Args:
        file: open for reading and writing, unbuffered.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file: Any = file

    @classmethod
    def create(cls) -> "SharedFile":
        """Create an unnamed file: in memory on Linux, elsewhere a temporary file."""
        memory = getattr(os, "memfd_create", None)
        if memory is None:
            return cls(tempfile.TemporaryFile(buffering=0))
        return cls(os.fdopen(memory("nearfar"), "r+b", buffering=0))

    @classmethod
    def inherited(cls, handle: int) -> "SharedFile":
        """Open an inherited `handle` of the parent."""
        if sys.platform == "win32":
            import msvcrt

            handle = msvcrt.open_osfhandle(handle, os.O_RDWR | os.O_BINARY)
        return cls(os.fdopen(handle, "r+b", buffering=0))

    @property
    def handle(self) -> int:
        """Handle that a child inherits: a file descriptor, or a handle on Windows."""
        if sys.platform == "win32":
            import msvcrt

            return msvcrt.get_osfhandle(self._file.fileno())
        number: int = self._file.fileno()
        return number

    def write(self, content: "bytes | bytearray | memoryview | NDArray[Any]") -> int:
        """Write from the start; return the number of bytes."""
        if isinstance(content, np.ndarray):
            content = np.ascontiguousarray(content).reshape(-1).view(np.uint8).data
        self._file.seek(0)
        at = 0
        while at < len(content):
            at += self._file.write(memoryview(content)[at:])
        return at

    def read(self, count: int) -> bytes:
        """Read the first `count` bytes.

        Raises:
            ProcessError: the file is shorter.
        """
        self._file.seek(0)
        content: bytes = self._file.read(count)
        while len(content) < count:
            more = self._file.read(count - len(content))
            if not more:
                raise ProcessError("a child process returned less data than announced")
            content += more
        return content

    def read_array(self, shape: Any, kind: Any, *, most_bytes: int) -> NDArray[Any]:
        """Read an array, whose shape and type come from an untrusted child.

        Args:
            shape: up to four dimensions.
            kind: name of the data type.
            most_bytes: maximum size.

        Raises:
            ProcessError: it is invalid or too large.
        """
        sides = tuple(shape) if isinstance(shape, list | tuple) else ()
        if (
            kind not in _KINDS
            or not 1 <= len(sides) <= _MOST_AXES
            or not all(type(side) is int and side > 0 for side in sides)
        ):
            raise ProcessError(f"a child process returned an array {shape} of {kind}")
        count = 1
        for side in sides:
            count *= side
        if count * np.dtype(kind).itemsize > most_bytes:
            raise ProcessError(f"a child process returned more than {most_bytes} bytes")
        array = np.empty(sides, kind)
        self._fill(array)
        return array

    def trim(self) -> None:
        """Free memory beyond `KEPT_BYTES`."""
        if self._file.seek(0, os.SEEK_END) > KEPT_BYTES:
            self._file.truncate(KEPT_BYTES)

    def close(self) -> None:
        """Close the file; it is deleted when the child has closed it, too."""
        self._file.close()

    def _fill(self, array: NDArray[Any]) -> None:
        view = array.reshape(-1).view(np.uint8).data
        self._file.seek(0)
        at = 0
        while at < len(view):
            count = self._file.readinto(view[at:])
            if not count:
                raise ProcessError("a child process returned less data than announced")
            at += count
