"""Picture files cut down to the parts that their first picture needs.

Pillow reads every comment, profile and directory into memory, some in time that grows with
the square of their length; here they are stepped over.
"""

import struct
import zlib
from typing import Final

from nearfar.errors import CorruptImageError

_PNG_PARTS: Final = frozenset(
    {b"IHDR", b"PLTE", b"tRNS", b"iCCP", b"cICP", b"eXIf", b"IDAT", b"IEND"}
)
_MOST_PROFILE_BYTES: Final = 2**22
_MOST_BLOCKS: Final = 300_000
"""Of a GIF's comments, 76 MB when they are full; and parts of a JPEG or PNG."""

_MOST_SCANS: Final = 500
"""Of a JPEG: progressive ones have some ten. Each costs the time of the whole picture."""

_BARE: Final = frozenset({0x01, *range(0xD0, 0xD9)})
"""JPEG markers without content (ITU-T T.81, table B.1)."""

_KEPT_APPS: Final = frozenset({0xE0, 0xE1, 0xE2, 0xEE})
"""JFIF, Exif, color profile, Adobe's color transform."""


def essential_png(name: str, data: bytes) -> tuple[bytes, bool]:
    """Keep of a PNG what its first picture needs, each part proved by its checksum.

    Text is dropped, since it can inflate without bound, and so are animation frames. EXIF moves
    before the pixels, where it can be read without decoding them.

    Returns:
        The PNG, and whether its end mark was there. Without it, the last part may be cut off.

    Raises:
        CorruptImageError: cut off before its pixels, or a checksum is wrong.
    """
    view, at, kind = memoryview(data), 8, b""
    head, pixels, ended, count = [data[:8]], list[bytes](), True, 0
    while kind != b"IEND":
        count += 1
        if count > _MOST_BLOCKS:
            raise CorruptImageError(f"{name}: a PNG of {_MOST_BLOCKS} parts: save it anew")
        length, kind = struct.unpack_from(">I4s", data, at) if at + 8 <= len(data) else (0, b"")
        end = at + 12 + length
        if end > len(data):
            ended = False
            if kind == b"IDAT":
                part = bytes(view[at + 8 : end - 4])
                pixels.append(_png_part(b"IDAT", part))
            if not any(part[4:8] == b"IDAT" for part in pixels):
                raise CorruptImageError(f"{name}: the PNG is cut off: get a whole copy")
            pixels.append(_png_part(b"IEND", b""))
            break
        if kind in _PNG_PARTS:
            if zlib.crc32(view[at + 4 : end - 4]) != int.from_bytes(view[end - 4 : end], "big"):
                raise CorruptImageError(f"{name}: the PNG is damaged (checksum): get a good copy")
            if kind in {b"IDAT", b"IEND"}:
                pixels.append(data[at:end])
            elif length <= _MOST_PROFILE_BYTES and len(head) < 64:
                head.append(data[at:end])
        at = end
    return b"".join(head + pixels), ended


def _png_part(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I4s", len(content), kind) + content + checksum.to_bytes(4, "big")


def whole_png(name: str, data: bytes, *, fill: bool) -> tuple[bytes, bool]:
    """Make a PNG whole whose end was cut off, as `essential_png` left it.

    Args:
        name: for messages.
        data: the PNG. Its size must have been checked: so much is inflated here.
        fill: let rows that are lacking be black, or transparent.

    Returns:
        The PNG, and whether rows were lacking.

    Raises:
        CorruptImageError: rows are lacking, and `fill` is False.
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
    lacking = len(raw) < size
    if lacking and not fill:
        share = len(raw) / size
        raise CorruptImageError(
            f"{name}: the PNG is cut off after {share:.0%} of its rows: get a whole copy, or allow "
            "truncated files"
        )
    pixels = _png_part(b"IDAT", zlib.compress(raw.ljust(size, b"\0"), 0))
    return b"".join([*head, pixels, _png_part(b"IEND", b"")]), lacking


_ADAM7: Final = (
    *((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2)),
    (0, 1, 1, 2),
)
"""First column and row of each pass, and the steps between (PNG, third edition, 8.1)."""


def essential_gif(name: str, data: bytes) -> bytes:
    """Keep of a GIF its first picture and what says how that is transparent.

    Raises:
        CorruptImageError: cut off, or it begins with more comments than a file may have.
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
            if blocks > _MOST_BLOCKS:
                raise CorruptImageError(f"{name}: a GIF of comments: save its picture anew")
        at += 1
        if kind == 0xF9:
            control = data[start:at]
    return head + control + data[at:]


def essential_jpeg(name: str, data: bytes) -> bytes:
    """Keep of a JPEG what decoding needs, with EXIF and the color profile.

    Raises:
        CorruptImageError: it has more parts, or more scans, than pictures have.
    """
    view, at, parts = memoryview(data), 2, [memoryview(data)[:2]]
    for _ in range(_MOST_BLOCKS):
        if at + 4 > len(data):
            break
        if data[at] != 0xFF:  # not where a marker belongs: the decoder searches for the next
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
        raise CorruptImageError(f"{name}: a JPEG of {_MOST_BLOCKS} parts: save it anew")
    if len(parts) > _MOST_PARTS:
        raise CorruptImageError(f"{name}: a JPEG of {len(parts)} parts: save it anew")
    if data.count(b"\xff\xda", at) > _MOST_SCANS:
        raise CorruptImageError(f"{name}: a JPEG of over {_MOST_SCANS} scans: save it anew")
    parts.append(view[at:])
    return b"".join(parts)


_MOST_PARTS: Final = 2000
"""Of a JPEG that decoding needs: a profile of 16 MB has 256."""
