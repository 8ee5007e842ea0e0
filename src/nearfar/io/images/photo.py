"""Convert what callers pass as a photo: a file, a PIL picture, or an array."""

import os
from typing import Any, Final, TypeAlias

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from nearfar.errors import PhotoTypeError
from nearfar.io.images.decoder import reading
from nearfar.io.images.pixels import Numbers, eight_bit, to_rgb
from nearfar.io.images.reader import Image, ImageFile, Source

Photo: TypeAlias = Source | PIL.Image.Image | NDArray[np.uint8]
"""A file's path, its bytes, a file open in binary mode, a PIL picture, or a uint8 array: (H, W, 3)
RGB, (H, W, 4) RGBA, (H, W) or (H, W, 1) grey."""

_TAKEN: Final = (
    "give a path, bytes, an open binary file, a PIL picture, or a uint8 array: (H, W, 3) RGB,"
    " (H, W, 4) RGBA or (H, W) grey"
)
_ORIENTATION: Final = 0x0112  # Exif 3.0


def open_photo(photo: Photo, *, bgr: bool = False) -> Image | ImageFile:
    """Convert a photo to an array; one that is still encoded is opened, for its user to decode.

    Args:
        photo: see `Photo`. Transparent pixels are laid over white. A PIL picture is turned
            upright by its EXIF data and converted to sRGB by its color profile.
        bgr: whether the channels of an array are in OpenCV's order, BGR or BGRA.

    Returns:
        (H, W, 3) uint8 RGB, the array itself if it is one; or the file, to be closed.

    Raises:
        PhotoTypeError: `photo` is none of these, or `bgr` is set for what is no array.
        ImageError: the file can't be read, or the PIL picture can't be decoded.
    """
    if isinstance(photo, np.ndarray):
        return _of_array(photo, bgr=bgr)
    if bgr:
        raise PhotoTypeError(
            f"bgr=True is for arrays, not for {type(photo).__name__}: leave it out"
        )
    if isinstance(photo, PIL.Image.Image):
        return _of_pillow(photo)
    is_named = isinstance(photo, str | os.PathLike | bytes | bytearray | memoryview)
    if not is_named and not callable(getattr(photo, "read", None)):
        raise PhotoTypeError(f"a photo can't be of type {type(photo).__name__}: {_TAKEN}")
    return ImageFile(photo)


def _of_array(values: NDArray[Any], *, bgr: bool) -> Image:
    channels = values.shape[2] if values.ndim == 3 else 1
    if values.dtype != np.uint8 or values.ndim not in {2, 3} or channels not in {1, 3, 4}:
        raise PhotoTypeError(
            f"a photo can't be an array {values.shape} of {values.dtype}: {_TAKEN}"
        )
    if channels == 3 and not bgr:
        return values
    if channels == 1:
        return np.repeat(values.reshape(*values.shape[:2], 1), 3, axis=2)
    if bgr:
        values = values[..., [2, 1, 0, 3][:channels]]
    if channels == 4 and values.size:
        return to_rgb(PIL.Image.fromarray(np.ascontiguousarray(values)))
    return np.ascontiguousarray(values[..., :3])


def _of_pillow(picture: PIL.Image.Image) -> Image:
    with reading("the PIL picture", picture.format or "picture"):
        orientation = picture.getexif().get(_ORIENTATION, 1)
        icc = picture.info.get("icc_profile")
        if picture.mode in {"I", "F"} or picture.mode.startswith("I;16"):
            values = np.asarray(picture)[..., None]
            values = values.astype(np.uint16) if picture.mode != "F" and _fits(values) else values
            picture = PIL.Image.fromarray(eight_bit(values, Numbers(), [], colors=1)[..., 0])
        return to_rgb(picture, icc=icc, orientation=orientation)


def _fits(values: NDArray[Any]) -> bool:
    return bool(values.size) and 0 <= int(values.min()) <= int(values.max()) <= 65535
