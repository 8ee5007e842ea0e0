"""Where picture files say by numbers what their colours mean: PNG's cICP, nclx of AVIF and HEIC."""

import struct
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from nearfar.io.images.hdr import Coding, coding

_MOST_BOXES: Final = 10_000


def colours_of(format_: str, data: bytes, icc: bytes | None) -> tuple[Coding | None, bytes | None]:
    """Say what a picture's numbers mean: by numbers, where they are not sRGB's, or by a profile.

    PNG's cICP comes before a profile (PNG, third edition, 13.13). Elsewhere the profile comes
    first, unless the numbers tell of HDR, which profiles can't.

    Args:
        format_: as `ImageFile.format`.
        data: the file; what is damaged in it is ignored.
        icc: its colour profile, if any.
    """
    with suppress(struct.error, IndexError):
        if format_ == "PNG" and (numbers := _of_png(data)) is not None:
            return coding(*numbers), None
        if format_ in {"AVIF", "HEIF"} and (numbers := _of_boxes(data)) is not None:
            told = coding(*numbers)
            if icc is None or (told is not None and told.is_hdr):
                return told, None
    return None, icc


def _of_png(data: bytes) -> tuple[int, int] | None:
    at = 8
    for _ in range(_MOST_BOXES):
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind == b"cICP":
            return data[at + 8], data[at + 9]
        if kind in {b"IDAT", b"IEND"}:
            break
        at += 12 + length
    return None


def _of_boxes(data: bytes) -> tuple[int, int] | None:
    """Read the colours of the primary item (ISO/IEC 23008-12, 6.5.5 and 9.3)."""
    meta = next((body for kind, body in _boxes(data) if kind == b"meta"), None)
    if meta is None:
        return None
    parts = dict(_boxes(meta[4:]))
    properties = dict(_boxes(parts.get(b"iprp", b"")))
    listed = list(_boxes(properties.get(b"ipco", b"")))
    mine = _of_primary(parts.get(b"pitm", b""), properties.get(b"ipma", b""))
    chosen = [listed[at - 1] for at in mine if 1 <= at <= len(listed)]
    for kind, body in chosen or listed:
        if kind == b"colr" and body[:4] == b"nclx":
            primaries, transfer = struct.unpack_from(">HH", body, 4)
            return primaries, transfer
    return None


def _of_primary(pitm: bytes, ipma: bytes) -> list[int]:
    """Return the numbers of the primary item's properties, from 1."""
    if not pitm or not ipma:
        return []
    (primary,) = struct.unpack_from(">I" if pitm[0] else ">H", pitm, 4)
    long_id, wide = ipma[0] >= 1, ipma[3] & 1
    (count,) = struct.unpack_from(">I", ipma, 4)
    at = 8
    for _ in range(min(count, _MOST_BOXES)):
        (item,) = struct.unpack_from(">I" if long_id else ">H", ipma, at)
        at += 4 if long_id else 2
        size = 2 if wide else 1
        numbers = [
            int.from_bytes(ipma[each : each + size], "big") & (0x7FFF if wide else 0x7F)
            for each in range(at + 1, at + 1 + ipma[at] * size, size)
        ]
        if item == primary:
            return numbers
        at += 1 + ipma[at] * size
    return []


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    for _ in range(_MOST_BOXES):
        if at + 8 > len(data):
            return
        size, kind = struct.unpack_from(">I4s", data, at)
        head = 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, at + 8)
            head = 16
        size = size or len(data) - at
        if size < head:
            return
        yield kind, data[at + head : at + size]
        at += size
