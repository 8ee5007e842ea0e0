"""Image properties that are known before the pixels are decoded."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import PIL.Image

from nearfar.io.images.hdr import Coding, colors_of
from nearfar.io.images.tiff import EXIF, FOCAL_35MM, ORIENTATION, Directory, read_directory

_EXIF_TAGS: Final = frozenset({ORIENTATION, EXIF})
_FOCAL_TAGS: Final = frozenset({FOCAL_35MM})


@dataclass(frozen=True)
class Header:
    """An image's header.

    Attributes:
        size: stored width and height in pixels, before rotation.
        orientation: EXIF orientation, 1 to 8.
        focal_35mm_mm: focal length in 35 mm equivalent millimetres, if known.
        icc: the embedded color profile, if any.
        deep: whether it is a PNG with 16 bits per channel, which Pillow would reduce to 8.
        transparent: the gray value of such a PNG, as stored, that is transparent.
        coding: color primaries and transfer function, if they are not those of sRGB.
    """

    size: tuple[int, int]
    orientation: int = 1
    focal_35mm_mm: float | None = None
    icc: bytes | None = None
    deep: bool = False
    transparent: int | None = None
    coding: Coding | None = None


def header_of(picture: PIL.Image.Image, data: bytes) -> Header:
    """Read the header of any format except TIFF.

    Args:
        picture: opened by Pillow, without loaded pixels.
        data: the file; damaged EXIF data is ignored.
    """
    exif: bytes = picture.info.get("exif") or b""
    tags = None
    if exif:
        with suppress(Exception):
            tags = read_directory(exif, _EXIF_TAGS)
    deep = picture.format == "PNG" and data[24] == 16  # IHDR: bits per channel
    gray, icc = picture.info.get("transparency"), picture.info.get("icc_profile")
    coding, icc = colors_of(picture.format or "", data, icc)
    return Header(
        size=picture.size,
        orientation=orientation_of(tags),
        focal_35mm_mm=focal_35mm_of(exif, tags),
        icc=icc,
        deep=deep,
        transparent=gray if deep and isinstance(gray, int) else None,
        coding=coding,
    )


def orientation_of(tags: Directory | None) -> int:
    """Return the EXIF orientation, or 1 if it is absent or invalid."""
    values = tags.integers(ORIENTATION) if tags else ()
    return values[0] if len(values) == 1 and 1 <= values[0] <= 8 else 1


def focal_35mm_of(block: bytes, tags: Directory | None) -> float | None:
    """Return FocalLengthIn35mmFilm; 0 means unknown (Exif 3.0)."""
    with suppress(Exception):  # damaged or absent EXIF does not affect the image
        if tags is not None and EXIF in tags.entries:
            focal = read_directory(block, _FOCAL_TAGS, tags.integer(EXIF))
            value = float(focal.integer(FOCAL_35MM))
            return value if 0 < value < 65535 else None
    return None
