"""File format of a cached pair: header, inverse depth or regions and their order, photo."""

import os
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from nearfar.errors import DatasetError
from nearfar.io.atomic import replacing
from nearfar.io.images import Image

VERSION: Final = 2
"""Increased whenever the same pair would give another file."""

_HEADER: Final = struct.Struct("<16sIIIII")  # 36 bytes, so that the floats after it are aligned
_SPARSE: Final = 1
_ORDINAL: Final = 2
_NO_ORDER: Final = np.zeros((0, 2), np.int64)
_MAGIC: Final = b"nearfar pair\n".ljust(16, b"\0")


@dataclass(frozen=True, eq=False)
class Sample:
    """A photo and its ground truth: inverse depth, ordered regions, or both.

    Attributes:
        photo: (H, W, 3) uint8 RGB.
        inverse: (H, W) float32 inverse depth up to scale, larger = nearer, 0 where not known.
        sparse: whether the inverse depth is a set of points.
        regions: (H, W) uint16, the number of each pixel's region, 0 for none; or None.
        order: (R, 2) int64: all of the first region is nearer than all of the second.
    """

    photo: Image
    inverse: NDArray[np.float32]
    sparse: bool
    regions: NDArray[np.uint16] | None = None
    order: NDArray[np.int64] = field(default_factory=lambda: _NO_ORDER)

    def known(self) -> NDArray[np.bool_]:
        """Return where the ground truth is known: (H, W) bool."""
        known = self.inverse > 0
        return known if self.regions is None else known | (self.regions > 0)


@dataclass(frozen=True)
class Entry:
    """A pair in the cache.

    Attributes:
        name: the photo's file name.
        path: the file in the cache.
        width_px: of the cached pair.
        height_px: of the cached pair.
        sparse: whether the ground truth is a set of points.
        ordinal: whether it consists of ordered regions instead of values.
        order_count: number of ordered pairs of regions.
    """

    name: str
    path: Path
    width_px: int
    height_px: int
    sparse: bool
    ordinal: bool = False
    order_count: int = 0

    @property
    def size_bytes(self) -> int:
        """Size of the file."""
        bytes_per_px = 3 + (2 if self.ordinal else 4)
        return _HEADER.size + 8 * self.order_count + bytes_per_px * self.width_px * self.height_px

    def map(self) -> Sample:
        """Memory-map the file, read-only.

        Raises:
            DatasetError: the file does not exist any more, or was truncated.
        """
        try:
            content = np.asarray(np.memmap(self.path, np.uint8, "r", shape=(self.size_bytes,)))
        except (OSError, ValueError) as error:
            raise DatasetError(
                f"{self.path}: removed from the cache or truncated: start again to create it"
            ) from error
        shape = self.height_px, self.width_px
        order_at = _HEADER.size + (2 if self.ordinal else 4) * self.height_px * self.width_px
        photo_at = order_at + 8 * self.order_count
        photo = content[photo_at:].reshape(*shape, 3)
        truth = content[_HEADER.size : order_at]
        if not self.ordinal:
            return Sample(photo, truth.view("<f4").reshape(shape), self.sparse)
        # copied, because an odd number of pixels before it makes it unaligned
        order = np.frombuffer(content[order_at:photo_at].tobytes(), "<u4").astype(np.int64)
        regions = truth.view("<u2").reshape(shape)
        unknown = np.zeros(shape, np.float32)
        return Sample(photo, unknown, self.sparse, regions, order.reshape(-1, 2))


def write_entry(path: Path, name: str, sample: Sample) -> Entry:
    """Write a pair atomically.

    Raises:
        WriteError: the file can't be written.
    """
    height_px, width_px = sample.inverse.shape
    ordinal = sample.regions is not None
    flags = _SPARSE * sample.sparse + _ORDINAL * ordinal
    header = _HEADER.pack(_MAGIC, VERSION, width_px, height_px, flags, len(sample.order))
    with replacing(path) as temporary, temporary.open("wb") as file:
        file.write(header)
        if sample.regions is None:
            file.write(np.ascontiguousarray(sample.inverse, "<f4").data)
        else:
            file.write(np.ascontiguousarray(sample.regions, "<u2").data)
            file.write(np.ascontiguousarray(sample.order, "<u4").data)
        file.write(np.ascontiguousarray(sample.photo).data)
    return Entry(name, path, width_px, height_px, sample.sparse, ordinal, len(sample.order))


def read_entry(path: Path, name: str) -> Entry | None:
    """Read the header of a file; return None if the file is missing, damaged or truncated."""
    try:
        with path.open("rb") as file:
            head = _HEADER.unpack(file.read(_HEADER.size))
            magic, version, width_px, height_px, flags, count = head
            ordinal = bool(flags & _ORDINAL)
            entry = Entry(name, path, width_px, height_px, bool(flags & _SPARSE), ordinal, count)
            whole = os.fstat(file.fileno()).st_size == entry.size_bytes
    except (OSError, struct.error):
        return None
    return entry if (magic, version) == (_MAGIC, VERSION) and whole else None
