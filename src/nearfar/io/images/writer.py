"""Encode and write image files."""

import os
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from nearfar.errors import EmptyImageError, PictureSizeError, UsageError
from nearfar.io.atomic import replacing
from nearfar.io.images.png import encode_png

_ENCODERS: Final = {
    ".jpg": cv2.IMWRITE_JPEG_QUALITY,
    ".jpeg": cv2.IMWRITE_JPEG_QUALITY,
    ".webp": cv2.IMWRITE_WEBP_QUALITY,
}
_PNG: Final = ".png"
_SUFFIXES: Final = (".jpg", ".jpeg", _PNG, ".webp")
_TO_BGR: Final = {(): None, (3,): cv2.COLOR_RGB2BGR, (4,): cv2.COLOR_RGBA2BGRA}


def write_image(
    image: NDArray[np.uint8],
    path: str | os.PathLike[str],
    *,
    overwrite: bool = True,
    quality: int = 92,
) -> None:
    """Write an image atomically.

    Args:
        image: see `encode_image`.
        path: of the new file; its suffix selects the format.
        overwrite: replace an existing file.
        quality: of JPEG and WebP, 1 to 100.

    Raises:
        UsageError: the suffix is unknown, or the array is not an image.
        EmptyImageError: the array is empty.
        OutputExistsError: the file exists and `overwrite` is False.
        WriteError: the file can't be written, or the format does not support this size.
    """
    data = encode_image(image, Path(path).suffix, quality=quality)
    with replacing(path, overwrite=overwrite) as temporary:
        temporary.write_bytes(data)


def encode_image(image: NDArray[np.uint8], suffix: str, quality: int = 92) -> bytes:
    """Encode an image in memory.

    Args:
        image: uint8, (H, W, 3) RGB, (H, W, 4) RGBA or (H, W) gray.
        suffix: `.jpg`, `.jpeg`, `.png` or `.webp`, in upper or lower case.
        quality: of JPEG and WebP, 1 to 100.

    Raises:
        UsageError: the suffix is unknown, the quality is out of range, alpha in a JPEG, or the
            array is not an image.
        EmptyImageError: the array is empty.
        PictureSizeError: the format does not support an image of this size.
    """
    suffix = suffix.lower()
    if suffix not in _SUFFIXES:
        raise UsageError(f"unknown image suffix {suffix!r}: use one of {', '.join(_SUFFIXES)}")
    if not 1 <= quality <= 100:
        raise UsageError(f"quality must be 1 to 100, not {quality}")
    if image.dtype != np.uint8 or image.shape[2:] not in _TO_BGR or image.ndim < 2:
        raise UsageError(
            f"an image must be uint8 (H, W), (H, W, 3) or (H, W, 4), not {image.dtype}"
            f" {image.shape}"
        )
    if image.size == 0:
        raise EmptyImageError(f"an image of shape {image.shape} has no pixels to write")
    if suffix == _PNG:
        return encode_png(image, {})
    if image.shape[2:] == (4,) and _ENCODERS[suffix] == cv2.IMWRITE_JPEG_QUALITY:
        raise UsageError("JPEG does not support transparency: use .png or .webp")
    order = _TO_BGR[image.shape[2:]]
    image = np.ascontiguousarray(image)
    stored = image if order is None else cv2.cvtColor(image, order)
    try:
        done, data = cv2.imencode(suffix, stored, [_ENCODERS[suffix], quality])
    except cv2.error as error:
        raise _too_large_for(suffix, image) from error
    if not done:
        raise _too_large_for(suffix, image)
    return data.tobytes()


def _too_large_for(suffix: str, image: NDArray[np.uint8]) -> PictureSizeError:
    height, width = image.shape[:2]
    return PictureSizeError(f"{suffix} can't hold {width} x {height} pixels: use .png")
