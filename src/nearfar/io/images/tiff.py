"""Read TIFF directories within limits, and rewrite them with the tags that decoding needs.

Decoders interpret an invalid directory differently: of two widths, Pillow uses the last and libtiff
the first. Each decoder therefore gets a rewritten directory, in which every tag appears once and
the sizes are those that were checked.
"""

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np

# Tag numbers of TIFF 6.0, Exif 3.0 and DNG 1.7
SUBFILE: Final = 254
WIDTH: Final = 256
HEIGHT: Final = 257
BITS: Final = 258
COMPRESSION: Final = 259
PHOTOMETRIC: Final = 262
STRIP_OFFSETS: Final = 273
ORIENTATION: Final = 274
SAMPLES: Final = 277
ROWS_PER_STRIP: Final = 278
STRIP_BYTES: Final = 279
MAX_SAMPLE: Final = 281
PLANES: Final = 284
PREDICTOR: Final = 317
TILE_WIDTH: Final = 322
TILE_HEIGHT: Final = 323
TILE_OFFSETS: Final = 324
TILE_BYTES: Final = 325
EXTRA_SAMPLES: Final = 338
SAMPLE_FORMAT: Final = 339
EXIF: Final = 34665
ICC: Final = 34675
FOCAL_35MM: Final = 41989
DNG: Final = 50706

DECODING: Final = frozenset(
    {
        *(WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, 266, STRIP_OFFSETS, SAMPLES),
        *(ROWS_PER_STRIP, STRIP_BYTES, PLANES, 292, 293, PREDICTOR, 320, TILE_WIDTH),
        *(TILE_HEIGHT, TILE_OFFSETS, TILE_BYTES, 332, EXTRA_SAMPLES, SAMPLE_FORMAT, 347),
        *(512, 513, 514, 515, 517, 518, 519, 520, 521, 529, 530, 531, 532),
    }
)
"""Tags that decoders need; orientation is applied afterwards, and text is dropped."""

READ: Final = DECODING | {SUBFILE, ORIENTATION, MAX_SAMPLE, EXIF, ICC, DNG}

SEGMENTS: Final = frozenset({STRIP_OFFSETS, STRIP_BYTES, TILE_OFFSETS, TILE_BYTES})
MAX_SEGMENTS: Final = 2**18
MAX_TILE_PX: Final = 4096 * 4096
_MAX_BYTES: Final = 2**20
_MAX_ICC_BYTES: Final = 2**24

Order = Literal["<", ">"]

_CODES: Final = {1: "B", 2: "S", 3: "H", 4: "I", 6: "b", 7: "S", 8: "h", 9: "i", 13: "I", 16: "Q"}
_SIZES: Final = dict(
    zip(
        (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 16, 17, 18),
        (1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 8, 8, 8),
        strict=True,
    )
)
"""Type -> bytes of one value (TIFF 6.0, section 2)."""


@dataclass(frozen=True)
class Entry:
    """A tag's value as stored.

    Attributes:
        kind: its type, TIFF 6.0 section 2.
        count: number of values.
        raw: their bytes, in the file's byte order.
    """

    kind: int
    count: int
    raw: bytes


@dataclass(frozen=True)
class Directory:
    """One directory of a TIFF file or EXIF block.

    Attributes:
        order: `<` or `>`.
        big: whether it is BigTIFF.
        entries: of the requested tags; of duplicate tags the first.
    """

    order: Order
    big: bool
    entries: Mapping[int, Entry]

    def integers(self, tag: int) -> tuple[int, ...]:
        """Return a tag's integers; empty if it is absent or has another type."""
        entry = self.entries.get(tag)
        if entry is None or (code := _CODES.get(entry.kind, "S")) == "S":
            return ()
        values = np.frombuffer(entry.raw, np.dtype(code).newbyteorder(self.order))
        return tuple(map(int, values))

    def integer(self, tag: int, default: int | None = None) -> int:
        """Return a tag's single integer.

        Raises:
            ValueError: it is absent and there is no default, or it is not one integer.
        """
        if tag not in self.entries and default is not None:
            return default
        values = self.integers(tag)
        if len(values) != 1:
            raise ValueError(f"its tag {tag} is not one integer")
        return values[0]

    def raw(self, tag: int) -> bytes | None:
        """Return a tag's bytes, for example of a color profile."""
        entry = self.entries.get(tag)
        return None if entry is None else entry.raw

    def changed(self, values: Mapping[int, Iterable[int] | None]) -> "Directory":
        """Return a copy in which some tags have other integers or, for None, are removed."""
        entries = dict(self.entries)
        code, kind = ("Q", 16) if self.big else ("I", 4)
        for tag, numbers in values.items():
            if numbers is None:
                entries.pop(tag, None)
                continue
            short = tag not in SEGMENTS and tag not in {WIDTH, HEIGHT, ROWS_PER_STRIP}
            stored = np.array(tuple(numbers), f"{self.order}{'H' if short else code}")
            entries[tag] = Entry(3 if short else kind, stored.size, stored.tobytes())
        return Directory(self.order, self.big, entries)


def read_directory(block: bytes, wanted: frozenset[int], at: int | None = None) -> Directory:
    """Read the wanted tags of one directory of a TIFF file or an EXIF block.

    Args:
        block: the file, which may be damaged.
        wanted: tag numbers. Values that are too long or outside the file are left out.
        at: offset of the directory; the first one if None.

    Raises:
        ValueError, struct.error: there is no directory.
    """
    block = block.removeprefix(b"Exif\0\0")
    if block[:2] not in {b"II", b"MM"}:
        raise ValueError("no byte order")
    order: Order = "<" if block[:2] == b"II" else ">"
    big = b"+" in block[2:4]
    count_at = struct.unpack_from(order + ("Q" if big else "I"), block, 8 if big else 4)[0]
    count_at = count_at if at is None else at
    head, row = (order + "Q", order + "HHQ8s") if big else (order + "H", order + "HHI4s")
    (count,) = struct.unpack_from(head, block, count_at)
    first, step = count_at + struct.calcsize(head), struct.calcsize(row)
    count = min(count, 0xFFFF, (len(block) - first) // step)
    rows = memoryview(block)[first : first + count * step]
    entries: dict[int, Entry] = {}
    for tag, kind, length, value in struct.iter_unpack(row, rows):
        if tag in wanted and tag not in entries and kind in _SIZES:
            raw = _value(block, tag, _SIZES[kind] * length, value, order)
            if raw is not None:
                entries[tag] = Entry(kind, length, raw)
    return Directory(order, big, entries)


def _value(block: bytes, tag: int, size: int, inline: bytes, order: Order) -> bytes | None:
    if size <= len(inline):
        return inline[:size]
    limit = 8 * MAX_SEGMENTS if tag in SEGMENTS else _MAX_BYTES
    (start,) = struct.unpack(order + ("Q" if len(inline) == 8 else "I"), inline)
    if size > (_MAX_ICC_BYTES if tag == ICC else limit) or start + size > len(block):
        return None
    return bytes(block[start : start + size])


def with_directory(data: bytes, directory: Directory) -> bytes:
    """Return a TIFF file with this directory as its only one; the pixel data is unchanged."""
    order, big = directory.order, directory.big
    entries = sorted((tag, entry) for tag, entry in directory.entries.items() if tag in DECODING)
    word, inline = ("Q", 8) if big else ("I", 4)
    at = len(data) + len(data) % 2
    table = struct.pack(order + ("Q" if big else "H"), len(entries))
    beyond_at = at + len(table) + len(entries) * (4 + 2 * inline) + inline
    beyond = b""
    for tag, entry in entries:
        stored = entry.raw.ljust(inline, b"\0")
        if len(entry.raw) > inline:
            stored = struct.pack(order + word, beyond_at + len(beyond))
            beyond += entry.raw + bytes(len(entry.raw) % 2)
        table += struct.pack(order + "HH" + word, tag, entry.kind, entry.count) + stored
    head = data[: 8 if big else 4] + struct.pack(order + word, at)
    parts: tuple[Any, ...] = (
        head,
        memoryview(data)[len(head) :],
        bytes(len(data) % 2),
        table,
        bytes(inline),
        beyond,
    )
    return b"".join(parts)
