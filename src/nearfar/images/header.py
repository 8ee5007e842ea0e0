"""What a picture file tells of itself before its pixels are decoded."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final

import PIL.Image

from nearfar.errors import NotAnImageError

# Tag numbers of TIFF 6.0, Exif 3.0 and DNG 1.7
_SUBFILE: Final = 254
_WIDTH: Final = 256
_HEIGHT: Final = 257
_BITS: Final = 258
_PHOTOMETRIC: Final = 262
_ORIENTATION: Final = 274
_SAMPLES: Final = 277
_PLANES: Final = 284
_EXTRA_SAMPLES: Final = 338
_SAMPLE_FORMAT: Final = 339
_EXIF: Final = 34665
_ICC: Final = 34675
_FOCAL_35MM: Final = 41989
_DNG: Final = 50706


@dataclass(frozen=True)
class Deep:
    """What the numbers of a picture with more than 8 bits a channel mean.

    Attributes:
        white_is_zero: least is white (TIFF photometric interpretation 0).
        premultiplied: colours are multiplied by alpha already (TIFF extra sample 1).
        transparent: the one grey value, as stored, that is transparent (PNG tRNS).
    """

    white_is_zero: bool = False
    premultiplied: bool = False
    transparent: int | None = None


@dataclass(frozen=True)
class Header:
    """A picture's header.

    Attributes:
        size: stored width and height in pixels, before any turn.
        orientation: EXIF orientation, 1 to 8.
        focal_35mm_mm: focal length in 35 mm equivalent millimetres, if known.
        icc: the embedded colour profile, if any.
        deep: set if a channel has more than 8 bits and Pillow would not keep them.
    """

    size: tuple[int, int]
    orientation: int
    focal_35mm_mm: float | None
    icc: bytes | None
    deep: Deep | None


def header_of(picture: PIL.Image.Image, data: bytes) -> Header:
    """Read the header of any format but TIFF.

    Args:
        picture: as Pillow opened it, its pixels not loaded.
        data: the file, whose EXIF, if there, may be damaged: it is ignored then.
    """
    exif: bytes = picture.info.get("exif") or b""
    tags: Mapping[int, Any] = {}
    if exif:
        with suppress(Exception):
            tags = _tags(exif)
    deep = None
    if picture.format == "PNG" and data[24] == 16:  # IHDR: bits a channel
        grey = picture.info.get("transparency")
        deep = Deep(transparent=grey if isinstance(grey, int) else None)
    return Header(
        size=picture.size,
        orientation=_orientation(tags),
        focal_35mm_mm=_focal_35mm(exif, tags),
        icc=picture.info.get("icc_profile"),
        deep=deep,
    )


def tiff_header(name: str, data: bytes) -> Header:
    """Read the first directory of a TIFF or BigTIFF file.

    Raises:
        NotAnImageError: a camera's raw file, or numbers of a kind that is not supported.
    """
    tags = _tags(data)
    if _DNG in tags or tags.get(_SUBFILE) == 1 or data[8:10] == b"CR":
        raise NotAnImageError(
            f"{name}: a camera's raw file, whose picture is only a preview: develop it to JPEG"
        )
    bits, samples = max(tags.get(_BITS, (1,))), tags.get(_SAMPLES, 1)
    photometric, extra = tags.get(_PHOTOMETRIC), tags.get(_EXTRA_SAMPLES, ())
    deep = None
    if bits > 8 and photometric in {0, 1, 2}:
        half_float = bits == 16 and 3 in tags.get(_SAMPLE_FORMAT, ())
        planar = samples > 1 and tags.get(_PLANES) == 2  # OpenCV 5.0 would mix the channels up
        if half_float or planar or samples not in {1, 3, 4}:
            raise NotAnImageError(
                f"{name}: a TIFF whose {bits}-bit numbers are half floats, planes or "
                "grey with alpha can't be read: save it as interleaved 16-bit RGB"
            )
        deep = Deep(white_is_zero=photometric == 0, premultiplied=tuple(extra) == (1,))
    return Header(
        size=(int(tags[_WIDTH]), int(tags[_HEIGHT])),
        orientation=_orientation(tags),
        focal_35mm_mm=_focal_35mm(data, tags),
        icc=tags.get(_ICC),
        deep=deep,
    )


def _tags(block: bytes, directory: int | None = None) -> Mapping[int, Any]:
    """Read one directory of a TIFF file, or of an EXIF block, which is built the same.

    Pillow raises errors of many types where the block is damaged.
    """
    from PIL.TiffImagePlugin import ImageFileDirectory_v2  # costs 15 ms, most photos need none

    block = block.removeprefix(b"Exif\0\0")
    tags = ImageFileDirectory_v2(block[: 16 if b"+" in block[2:4] else 8])
    file = BytesIO(block)
    file.seek(tags.next if directory is None else directory)
    tags.load(file)
    return tags


def _orientation(tags: Mapping[int, Any]) -> int:
    value = tags.get(_ORIENTATION)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _focal_35mm(block: bytes, tags: Mapping[int, Any]) -> float | None:
    """Read FocalLengthIn35mmFilm; 0 means unknown (Exif 3.0)."""
    with suppress(Exception):  # damaged or absent: the picture is good all the same
        value = float(_tags(block, tags[_EXIF])[_FOCAL_35MM])
        return value if 0 < value < 65535 else None
    return None
