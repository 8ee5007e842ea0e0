"""Pixels to the bytes of a PNG, fast."""

import struct
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any, Final, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

_Bytes: TypeAlias = bytes | NDArray[np.uint8]

_COLOR_TYPE: Final = {(): 0, (3,): 2, (4,): 6}
"""Of grey, RGB and RGBA: PNG specification, 11.2.2."""

_UP: Final = 2
"""The filter that stores each byte less the one above it."""

_LEVEL: Final = 1

_STRIP_BYTES: Final = 1 << 19
"""Deflated by one thread; half of that makes a map larger by a third of a percent."""

_HEADER: Final = b"\x78\x01"
"""Of a stream with a window of 32 KiB, packed fast: RFC 1950, 2.2."""

_RAW: Final = -15
"""Raw deflate with that window, without a header."""


def encode_png(samples: NDArray[Any], texts: Mapping[str, str]) -> bytes:
    """Encode a picture or a map.

    Upward differences, deflated by ISA-L: a quarter of OpenCV's time or less, and a fifth smaller.
    Strips of a large one are deflated side by side, by as many threads as OpenCV may have; the
    bytes are the same for any number.

    Args:
        samples: uint8 or uint16, (H, W) grey, (H, W, 3) RGB or (H, W, 4) RGBA; not empty.
        texts: by keyword; kept as tEXt, or iTXt where Latin-1 does not hold them.
    """
    height_px, width_px = samples.shape[:2]
    bits, color = 8 * samples.dtype.itemsize, _COLOR_TYPE[samples.shape[2:]]
    header = struct.pack(">IIBBBBB", width_px, height_px, bits, color, 0, 0, 0)
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            *_chunk(b"IHDR", header),
            *(part for keyword, text in texts.items() for part in _text(keyword, text)),
            *_chunk(b"IDAT", *_zlib_stream(samples)),
            *_chunk(b"IEND"),
        )
    )


def _zlib_stream(samples: NDArray[Any]) -> Iterable[bytes]:
    """Filter and deflate; the parts of one stream."""
    from isal import isal_zlib

    height_px = len(samples)
    count = min(height_px, -(-samples.nbytes // _STRIP_BYTES))
    strips = list(pairwise(height_px * number // count for number in range(count + 1)))

    def deflated(strip: tuple[int, int]) -> tuple[_Bytes, bytes, bytes]:
        rows = _filtered(samples, *strip)
        deflate = isal_zlib.compressobj(_LEVEL, isal_zlib.DEFLATED, _RAW)
        body = deflate.compress(rows)
        is_last = strip[1] == height_px
        # a full flush ends at a whole byte, and what follows refers to nothing before it
        return rows, body, deflate.flush(isal_zlib.Z_FINISH if is_last else isal_zlib.Z_FULL_FLUSH)

    checksum, parts = 1, [_HEADER]
    threads = min(count, cv2.getNumThreads())
    if threads > 1:
        with ThreadPoolExecutor(threads) as pool:
            made = list(pool.map(deflated, strips))
    else:
        made = list(map(deflated, strips))
    for rows, *packed in made:
        checksum = isal_zlib.adler32(rows, checksum)
        parts += packed
    return *parts, struct.pack(">I", checksum)


def _filtered(samples: NDArray[Any], first: int, end: int) -> NDArray[np.uint8]:
    """Return the lines from `first` to `end`, each with its filter's number before it."""
    seen = samples[max(0, first - 1) : end]
    stored = np.ascontiguousarray(seen, samples.dtype.newbyteorder(">")).view(np.uint8)
    stored = stored.reshape(len(seen), -1)
    rows = np.empty((end - first, 1 + stored.shape[1]), np.uint8)
    rows[:, 0] = _UP
    if not first:
        rows[0, 1:] = stored[0]
    np.subtract(stored[1:], stored[:-1], out=rows[1 - min(first, 1) :, 1:])
    return rows


def _text(keyword: str, text: str) -> tuple[bytes, ...]:
    try:
        return _chunk(b"tEXt", keyword.encode() + b"\0" + text.encode("latin-1"))
    except UnicodeEncodeError:
        return _chunk(b"iTXt", keyword.encode() + b"\0\0\0\0\0" + text.encode())


def _chunk(kind: bytes, *body: bytes) -> tuple[bytes, ...]:
    from isal import isal_zlib

    checksum = isal_zlib.crc32(kind)
    for part in body:
        checksum = isal_zlib.crc32(part, checksum)
    length = struct.pack(">I", sum(map(len, body)))
    return length, kind, *body, struct.pack(">I", checksum)
