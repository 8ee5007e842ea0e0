"""A pair at training size as one file: a header, the truth, the photo."""

import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from nearfar.atomic import replacing
from nearfar.errors import DatasetError
from nearfar.images import Image

VERSION: Final = 1
"""Goes up when the same pair would give another file."""

_HEADER: Final = struct.Struct("<16sIIII")  # 32 bytes, so that the floats behind it are aligned
_MAGIC: Final = b"nearfar pair\n".ljust(16, b"\0")


@dataclass(frozen=True, eq=False)
class Sample:
    """A photo and its truth.

    Attributes:
        photo: (H, W, 3) uint8 RGB.
        inverse: (H, W) float32, larger = nearer, 0 where not known, up to a scale.
        sparse: whether the truth is a set of points.
    """

    photo: Image
    inverse: NDArray[np.float32]
    sparse: bool


@dataclass(frozen=True)
class Entry:
    """A pair in the cache.

    Attributes:
        name: the photo's file name.
        path: the file in the cache.
        width_px: of the pair at training size.
        height_px: of the pair at training size.
        sparse: whether the truth is a set of points.
    """

    name: str
    path: Path
    width_px: int
    height_px: int
    sparse: bool

    @property
    def size_bytes(self) -> int:
        """Of the file."""
        return _HEADER.size + 7 * self.width_px * self.height_px

    def map(self) -> Sample:
        """Map the file into memory, read-only; the system reads what is touched.

        Raises:
            DatasetError: the file is gone or was cut.
        """
        try:
            content = np.asarray(np.memmap(self.path, np.uint8, "r", shape=(self.size_bytes,)))
        except (OSError, ValueError) as error:
            raise DatasetError(
                f"{self.path}: gone from the cache or cut off: start again to make it anew"
            ) from error
        shape = self.height_px, self.width_px
        photo_at = _HEADER.size + 4 * self.height_px * self.width_px
        inverse = content[_HEADER.size : photo_at].view("<f4").reshape(shape)
        return Sample(content[photo_at:].reshape(*shape, 3), inverse, self.sparse)


def write_entry(path: Path, name: str, sample: Sample) -> Entry:
    """Write a pair, whole or not at all.

    Raises:
        WriteError: the system refused.
    """
    height_px, width_px = sample.inverse.shape
    with replacing(path) as temporary, temporary.open("wb") as file:
        file.write(_HEADER.pack(_MAGIC, VERSION, width_px, height_px, sample.sparse))
        file.write(np.ascontiguousarray(sample.inverse, "<f4").data)
        file.write(np.ascontiguousarray(sample.photo).data)
    return Entry(name, path, width_px, height_px, sample.sparse)


def read_entry(path: Path, name: str) -> Entry | None:
    """Read the head of a file; None if there is none, or it is not whole."""
    try:
        with path.open("rb") as file:
            magic, version, width_px, height_px, sparse = _HEADER.unpack(file.read(_HEADER.size))
            entry = Entry(name, path, width_px, height_px, bool(sparse))
            whole = os.fstat(file.fileno()).st_size == entry.size_bytes
    except (OSError, struct.error):
        return None
    return entry if (magic, version) == (_MAGIC, VERSION) and whole else None
