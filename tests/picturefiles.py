"""Picture files of every kind, made in memory."""

import struct
import zlib
from io import BytesIO
from typing import Any

import numpy as np
import PIL.Image
import pillow_heif
import tifffile
from numpy.typing import NDArray

Array = NDArray[Any]


def asymmetric(height: int = 32, width: int = 48) -> NDArray[np.uint8]:
    """Four flat quarters of different colors: no turn or flip leaves it as it was."""
    picture = np.empty((height, width, 3), np.uint8)
    picture[: height // 2, : width // 2] = (230, 30, 40)
    picture[: height // 2, width // 2 :] = (20, 200, 60)
    picture[height // 2 :, : width // 2] = (30, 50, 220)
    picture[height // 2 :, width // 2 :] = (240, 220, 90)
    return picture


def noise(height: int = 24, width: int = 40, channels: int = 3) -> NDArray[np.uint8]:
    shape = (height, width, channels) if channels > 1 else (height, width)
    return np.random.default_rng(7).integers(0, 256, shape, dtype=np.uint8)


def saved(picture: Array | PIL.Image.Image, format_: str, **options: Any) -> bytes:
    """Encode through Pillow."""
    if not isinstance(picture, PIL.Image.Image):
        picture = PIL.Image.fromarray(picture)
    file = BytesIO()
    if format_ == "HEIF":
        pillow_heif.from_pillow(picture).save(file, **options)
    else:
        picture.save(file, format_, **options)
    return file.getvalue()


def exif(orientation: int, focal_35mm_mm: int | None = None) -> bytes:
    block = PIL.Image.Exif()
    block[0x0112] = orientation
    if focal_35mm_mm is not None:
        block.get_ifd(0x8769)[0xA405] = focal_35mm_mm
    return block.tobytes()


def tiff(values: Array, **options: Any) -> bytes:
    """Encode through tifffile: any depth, byte order and layout."""
    file = BytesIO()
    tifffile.imwrite(file, values, **options)
    return file.getvalue()


def tiff_oriented(values: Array, orientation: int) -> bytes:
    photometric = "minisblack" if values.ndim == 2 else "rgb"
    tag = (274, "H", 1, orientation, True)
    return tiff(values, photometric=photometric, extratags=[tag])


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(values: Array, color: int, *extra: bytes, size: tuple[int, int] | None = None) -> bytes:
    """Build a PNG by hand: uint8 or uint16 values, a color type, chunks before the pixels."""
    height, width = values.shape[:2]
    stated = size or (width, height)
    depth = values.dtype.itemsize * 8
    rows = values.astype(values.dtype.newbyteorder(">")).reshape(height, -1)
    raw = b"".join(b"\0" + row.tobytes() for row in rows)
    header = struct.pack(">IIBBBBB", *stated, depth, color, 0, 0, 0)
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", header),
            *extra,
            chunk(b"IDAT", zlib.compress(raw)),
            chunk(b"IEND", b""),
        ]
    )


def matrix_profile(primaries_d50: NDArray[np.float64], gamma: float) -> bytes:
    """Build an ICC v2 display profile (ICC.1:2001-04) from columns of XYZ and one gamma."""

    def fixed(*values: float) -> bytes:
        return struct.pack(f">{len(values)}i", *(round(value * 65536) for value in values))

    def xyz(column: NDArray[np.float64]) -> bytes:
        return b"XYZ \0\0\0\0" + fixed(*column)

    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"
    text = b"hand made\0"
    tags = {
        b"desc": b"desc\0\0\0\0" + struct.pack(">I", len(text)) + text + bytes(78 + 2),
        b"wtpt": xyz(np.array([0.9642, 1.0, 0.8249])),
        **{kind: xyz(primaries_d50[:, at]) for at, kind in enumerate((b"rXYZ", b"gXYZ", b"bXYZ"))},
        **dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve),
    }
    table, body = b"", b""
    start = 128 + 4 + 12 * len(tags)
    for kind, data in tags.items():
        table += kind + struct.pack(">II", start + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    head = (
        struct.pack(
            ">I4sI4s4s4s", start + len(body), b"lcms", 0x02100000, b"mntr", b"RGB ", b"XYZ "
        )
        + bytes(12)
        + b"acsp"
        + bytes(28)
        + fixed(0.9642, 1.0, 0.8249)
    )
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body
