"""Decoded pixels of any kind to 8-bit sRGB: depth, colour profile, alpha, turn."""

import threading
from functools import lru_cache
from io import BytesIO
from typing import Any, Final

import cv2
import numpy as np
import PIL.Image
from numpy.typing import NDArray
from PIL.Image import Transpose

from nearfar.images.header import Deep

_TURNS: Final = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}
"""EXIF orientation -> what makes it upright (Exif 3.0, tag 0x0112)."""

_PROFILE_SPACES: Final = {"L": "GRAY", "RGB": "RGB ", "CMYK": "CMYK"}
_OPENCV_LOG: Final = threading.Lock()


def to_rgb(
    picture: PIL.Image.Image,
    *,
    icc: bytes | None = None,
    orientation: int = 1,
    keep_alpha: bool = False,
) -> NDArray[np.uint8]:
    """Turn a loaded 8-bit picture of any mode into an array.

    Args:
        picture: pixels with 8 bits a channel or fewer.
        icc: the embedded colour profile. One that is damaged or of another colour space is
            ignored.
        orientation: EXIF orientation that is still to be undone, 1 to 8.
        keep_alpha: give what is transparent as it is, not over white.

    Returns:
        (H, W, 3) uint8 sRGB, upright; what was transparent lies over white. Where alpha is kept
        and something is transparent, (H, W, 4), with colours that alpha is not multiplied in.
    """
    if orientation in _TURNS:
        picture = picture.transpose(_TURNS[orientation])
    if picture.mode in {"La", "RGBa"}:  # premultiplied
        picture = picture.convert(picture.mode.upper())
    alpha = None
    if picture.has_transparency_data:
        rgba = picture.convert("RGBA")
        alpha = rgba.getchannel("A")
        picture = picture if picture.mode in {"1", "L", "LA"} else rgba
    colours = _to_srgb(picture, icc)
    if alpha is not None and alpha.getextrema() != (255, 255):
        if keep_alpha:
            return np.dstack([np.asarray(colours), np.asarray(alpha)])
        white = PIL.Image.new("RGB", colours.size, "white")
        white.paste(colours, mask=alpha)
        colours = white
    return np.asarray(colours)


def _to_srgb(picture: PIL.Image.Image, icc: bytes | None) -> PIL.Image.Image:
    if picture.mode == "LAB":
        return _apply(picture, _lab_transform())
    if picture.mode in {"1", "LA"}:
        picture = picture.convert("L")
    elif picture.mode not in _PROFILE_SPACES:
        picture = picture.convert("RGB")
    if icc and (transform := _profile_transform(icc, picture.mode)) is not None:
        return _apply(picture, transform)
    return picture if picture.mode == "RGB" else picture.convert("RGB")


def _apply(picture: PIL.Image.Image, transform: Any) -> PIL.Image.Image:
    result: PIL.Image.Image = transform.apply(picture)
    return result


@lru_cache(maxsize=1)
def _lab_transform() -> Any:
    from PIL import ImageCms

    return ImageCms.buildTransform(
        ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), "LAB", "RGB"
    )


@lru_cache(maxsize=16)
def _profile_transform(icc: bytes, mode: str) -> Any:
    """Build what leads from a profile to sRGB.

    Returns:
        None where nothing is to be done: the profile is damaged, of another colour space, or
        moves no colour of a coarse grid by more than one level, which makes it sRGB whatever
        its name.
    """
    from PIL import ImageCms

    def build(flags: ImageCms.Flags) -> Any:
        return ImageCms.buildTransform(
            profile, srgb, mode, "RGB", ImageCms.Intent.RELATIVE_COLORIMETRIC, flags
        )

    try:
        profile = ImageCms.ImageCmsProfile(BytesIO(icc))
        if profile.profile.xcolor_space != _PROFILE_SPACES[mode]:
            return None
        srgb = ImageCms.createProfile("sRGB")
        if mode != "CMYK":
            grid = _grid(mode)
            # unoptimised is five times cheaper to build
            moved = np.asarray(_apply(grid, build(ImageCms.Flags.NOOPTIMIZE)), np.int16)
            if np.abs(moved - np.asarray(grid.convert("RGB"), np.int16)).max() <= 1:
                return None
        return build(ImageCms.Flags.BLACKPOINTCOMPENSATION)
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None


def _grid(mode: str) -> PIL.Image.Image:
    if mode == "L":
        return PIL.Image.fromarray(np.arange(256, dtype=np.uint8)[None])
    steps = np.arange(0, 256, 51, dtype=np.uint8)
    return PIL.Image.fromarray(np.stack(np.meshgrid(steps, steps, steps), -1).reshape(6, 36, 3))


def decode_deep(data: bytes, deep: Deep) -> PIL.Image.Image:
    """Decode a PNG or TIFF of more than 8 bits a channel, which Pillow would truncate or refuse.

    Unsigned integers are scaled by their full range and rounded: 16 bits by 1/257. Floats that
    all lie in 0..1 are scaled by 255; other floats, and signed integers, are stretched from
    their least to their greatest. What is not a number becomes black.

    Args:
        data: the file. OpenCV turns a TIFF upright, but not a PNG.
        deep: what the numbers mean.

    Returns:
        Mode L, RGB or RGBA, 8 bits.

    Raises:
        ValueError: the content is damaged.
    """
    log = cv2.utils.logging
    with _OPENCV_LOG:  # damaged files are told by an exception, not on standard error
        level = log.getLogLevel()
        log.setLogLevel(log.LOG_LEVEL_SILENT)
        try:
            stored = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        finally:
            log.setLogLevel(level)
    if stored is None:
        raise ValueError("the pixels can't be decoded")
    if stored.ndim == 2:
        grey = _eight_bit(stored)
        picture = PIL.Image.fromarray(255 - grey if deep.white_is_zero else grey)
        if deep.transparent is not None:
            picture.putalpha(PIL.Image.fromarray(np.uint8(255) * (stored != deep.transparent)))
        return picture
    rgb = _eight_bit(stored[..., 2::-1])
    if stored.shape[2] == 3:
        return PIL.Image.fromarray(rgb)
    rgba = np.ascontiguousarray(np.dstack([rgb, _eight_bit(stored[..., 3])]))
    if not deep.premultiplied:
        return PIL.Image.fromarray(rgba)
    size = (rgba.shape[1], rgba.shape[0])
    return PIL.Image.frombytes("RGBa", size, rgba.tobytes()).convert("RGBA")


def _eight_bit(values: NDArray[Any]) -> NDArray[np.uint8]:
    values = np.ascontiguousarray(values)
    if values.dtype == np.uint8:
        return values
    if values.dtype == np.uint16:  # exact: x / 257 is never halfway between two integers
        return np.asarray(cv2.convertScaleAbs(values, alpha=1 / 257), np.uint8)
    if values.dtype == np.uint32:
        return np.rint(values / (2**32 - 1) * 255).astype(np.uint8)
    with np.errstate(all="ignore"):
        finite = values[np.isfinite(values)].astype(np.float64)
        low, high = (finite.min(), finite.max()) if finite.size else (0.0, 1.0)
        if low >= 0 and high <= 1:
            low, high = 0.0, 1.0
        levels = (values - low) / (high - low) * 255
    levels = np.nan_to_num(levels, nan=0, posinf=255, neginf=0)
    eight: NDArray[np.uint8] = np.rint(np.clip(levels, 0, 255)).astype(np.uint8)
    return eight
