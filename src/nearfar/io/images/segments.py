"""Reduce image files to the parts that are necessary for their first image.

Pillow reads every comment, profile and directory into memory, some in quadratic time; here they
are skipped.
"""

import struct
import zlib
from typing import Final

from nearfar.errors import CorruptImageError

_PNG_PARTS: Final = frozenset(
    {b"IHDR", b"PLTE", b"tRNS", b"iCCP", b"cICP", b"eXIf", b"IDAT", b"IEND"}
)
_MAX_PROFILE_BYTES: Final = 2**22
_MAX_BLOCKS: Final = 300_000
"""Largest number of a GIF's comment blocks, 76 MB in total; and of parts of a JPEG or PNG."""

_MAX_SCANS: Final = 500
"""Largest number of scans of a JPEG: progressive ones have about ten; each decodes all pixels."""

_BARE: Final = frozenset({0x01, *range(0xD0, 0xD9)})
"""JPEG markers without content (ITU-T T.81, table B.1)."""

_KEPT_APPS: Final = frozenset({0xE0, 0xE1, 0xE2, 0xEE})
"""JFIF, Exif, color profile, and Adobe's color transform."""


def essential_png(name: str, data: bytes) -> tuple[bytes, bool]:
    """Keep the chunks of a PNG that its first image needs, after checking their checksums.

    Text is removed, since it can decompress without bound, as are animation frames. EXIF is moved
    before the pixels, so that it can be read without decoding them.

    Returns:
        The PNG, and whether it had its end marker. Without it the last chunk may be truncated.

    Raises:
        CorruptImageError: it is truncated before its pixels, or a checksum is wrong.
    """
    view, at, kind = memoryview(data), 8, b""
    head, pixels, has_end, count = [data[:8]], list[bytes](), True, 0
    while kind != b"IEND":
        count += 1
        if count > _MAX_BLOCKS:
            raise CorruptImageError(f"{name}: a PNG of {_MAX_BLOCKS} chunks: save it again")
        length, kind = struct.unpack_from(">I4s", data, at) if at + 8 <= len(data) else (0, b"")
        end = at + 12 + length
        if end > len(data):
            has_end = False
            if kind == b"IDAT":
                part = bytes(view[at + 8 : end - 4])
                pixels.append(_png_part(b"IDAT", part))
            if not any(part[4:8] == b"IDAT" for part in pixels):
                raise CorruptImageError(f"{name}: the PNG is truncated: get a complete copy")
            pixels.append(_png_part(b"IEND", b""))
            break
        if kind in _PNG_PARTS:
            if zlib.crc32(view[at + 4 : end - 4]) != int.from_bytes(view[end - 4 : end], "big"):
                raise CorruptImageError(f"{name}: the PNG is damaged (checksum): get a good copy")
            if kind in {b"IDAT", b"IEND"}:
                pixels.append(data[at:end])
            elif length <= _MAX_PROFILE_BYTES and len(head) < 64:
                head.append(data[at:end])
        at = end
    return b"".join(head + pixels), has_end


def _png_part(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I4s", len(content), kind) + content + checksum.to_bytes(4, "big")


def complete_png(name: str, data: bytes, *, fill: bool) -> tuple[bytes, bool]:
    """Complete a truncated PNG from `essential_png`.

    Args:
        name: for messages.
        data: the PNG, after its size was checked, because its pixels are decompressed here.
        fill: accept missing rows, which become black or transparent.

    Returns:
        The PNG, and whether rows were missing.

    Raises:
        CorruptImageError: rows are missing, and `fill` is False.
    """
    width, height, bits, color, _, _, interlaced = struct.unpack_from(">IIBBBBB", data, 16)
    pixel_bits = bits * {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[color]
    passes = _ADAM7 if interlaced else ((0, 0, 1, 1),)
    size = 0
    for left, top, right, down in passes:
        columns, rows = -(-(width - left) // right), -(-(height - top) // down)
        if columns > 0 and rows > 0:
            size += rows * (1 + (columns * pixel_bits + 7) // 8)
    at, head, stream = 8, [data[:8]], list[memoryview]()
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind == b"IDAT":
            stream.append(memoryview(data)[at + 8 : at + 8 + length])
        elif kind != b"IEND":
            head.append(data[at : at + 12 + length])
        at += 12 + length
    inflater = zlib.decompressobj()
    raw = inflater.decompress(b"".join(stream), size)
    rows_missing = len(raw) < size
    if rows_missing and not fill:
        share = len(raw) / size
        raise CorruptImageError(
            f"{name}: the PNG is truncated after {share:.0%} of its rows: get a complete copy, or "
            "allow truncated files"
        )
    pixels = _png_part(b"IDAT", zlib.compress(raw.ljust(size, b"\0"), 0))
    return b"".join([*head, pixels, _png_part(b"IEND", b"")]), rows_missing


_ADAM7: Final = (
    *((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2)),
    (0, 1, 1, 2),
)
"""First column and row of each pass, and the step sizes (PNG, third edition, 8.1)."""


def essential_gif(name: str, data: bytes) -> bytes:
    """Keep the first image of a GIF and its transparency.

    Raises:
        CorruptImageError: it is truncated, or it begins with too many comments.
    """
    flags = data[10]
    at = 13 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
    head, control, blocks = data[:at], b"", 0
    while data[at : at + 1] == b"!":
        start, kind = at, data[at + 1]
        at += 2
        while size := data[at]:
            at += 1 + size
            blocks += 1
            if blocks > _MAX_BLOCKS:
                raise CorruptImageError(f"{name}: too many GIF comments: save the image again")
        at += 1
        if kind == 0xF9:
            control = data[start:at]
    return head + control + data[at:]


def essential_jpeg(name: str, data: bytes) -> bytes:
    """Keep the parts of a JPEG that decoding needs, with EXIF and the color profile.

    Raises:
        CorruptImageError: it has too many parts or scans.
    """
    view, at, parts = memoryview(data), 2, [memoryview(data)[:2]]
    for _ in range(_MAX_BLOCKS):
        if at + 4 > len(data):
            break
        if data[at] != 0xFF:  # no marker here: the decoder searches for the next one
            break
        marker = data[at + 1]
        if marker == 0xFF or marker in _BARE:
            at += 1 if marker == 0xFF else 2
            continue
        if marker in {0xDA, 0xD9}:
            break
        end = at + 2 + int.from_bytes(view[at + 2 : at + 4], "big")
        if marker in _KEPT_APPS or not (0xE0 <= marker <= 0xEF or marker == 0xFE):
            parts.append(view[at:end])
        at = end
    else:
        raise CorruptImageError(f"{name}: a JPEG of {_MAX_BLOCKS} parts: save it again")
    if len(parts) > _MAX_PARTS:
        raise CorruptImageError(f"{name}: a JPEG of {len(parts)} parts: save it again")
    if data.count(b"\xff\xda", at) > _MAX_SCANS:
        raise CorruptImageError(f"{name}: a JPEG of over {_MAX_SCANS} scans: save it again")
    parts.append(view[at:])
    return b"".join(parts)


_MAX_PARTS: Final = 2000
"""Largest number of kept parts of a JPEG: a color profile of 16 MB has 256."""
