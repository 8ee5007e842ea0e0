"""Convert decoded pixels of any mode and bit depth to 8-bit sRGB."""

import threading
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from typing import Any, Final

import cv2
import numpy as np
import PIL.Image
from numpy.typing import NDArray
from PIL.Image import Transpose

from nearfar.io.images import hdr
from nearfar.io.images.hdr import Coding

_LOG: Final = threading.Lock()
_COMMON_BITS: Final = (8, 10, 12)
"""Bit depths that scanners and cameras store in 16 bits; 14 can't be guessed reliably."""


@dataclass(frozen=True)
class Numbers:
    """Range of an image's integers.

    Attributes:
        bits: bits per sample, according to the file.
        max_value: value of full brightness, if the file states it (MaxSampleValue).
    """

    bits: int = 16
    max_value: int | None = None


def decode_opencv(data: bytes) -> NDArray[Any]:
    """Decode a PNG or TIFF with OpenCV, without its log messages.

    Returns:
        (H, W) or (H, W, channels) in the file's data type; channels are in OpenCV's order.

    Raises:
        ValueError: it can't be decoded.
    """
    log = cv2.utils.logging
    with _LOG:  # an exception reports damaged files, not standard error
        level = log.getLogLevel()
        log.setLogLevel(log.LOG_LEVEL_SILENT)
        try:
            stored = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        finally:
            log.setLogLevel(level)
    if stored is None:
        raise ValueError("the pixels can't be decoded")
    return np.asarray(stored)


def eight_bit(
    values: NDArray[Any], numbers: Numbers, warn: list[str], *, colors: int
) -> NDArray[np.uint8]:
    """Scale numbers of any type to 8 bits.

    Unsigned integers are scaled by their largest possible value, and rounded: 16 bits by 1/257.
    16-bit images with a maximum below 2^8, 2^10 or 2^12 are treated as having that bit depth.
    Floats in 0..1 are scaled by 255; other floats, and signed integers, are stretched from minimum
    to maximum. NaN becomes black.

    Args:
        values: (H, W, bands), colors first.
        numbers: their range according to the file.
        warn: list to which a warning about a guessed bit depth is appended.
        colors: number of color bands; floats of the other bands are scaled separately.
    """
    values = np.ascontiguousarray(values)
    if values.dtype == np.uint8:
        return values
    if values.dtype == np.uint16:
        max_value = _full_scale(values, numbers, warn)
        # exact where it is 65535: x / 257 is never halfway between two integers
        scaled = cv2.convertScaleAbs(values.reshape(len(values), -1), alpha=255 / max_value)
        return np.asarray(scaled, np.uint8).reshape(values.shape)
    if values.dtype == np.uint32:
        return np.rint(values / (2**32 - 1) * 255).astype(np.uint8)
    if values.shape[2] == colors:
        return _stretch(values)
    both = _stretch(values[..., :colors]), _stretch(values[..., colors:])
    return np.ascontiguousarray(np.concatenate(both, -1))


def _stretch(values: NDArray[Any]) -> NDArray[np.uint8]:
    with np.errstate(all="ignore"):
        finite = values[np.isfinite(values)].astype(np.float64)
        low, high = (finite.min(), finite.max()) if finite.size else (0.0, 1.0)
        if low >= 0 and high <= 1:
            low, high = 0.0, 1.0
        levels = (values - low) / (high - low) * 255
    levels = np.nan_to_num(levels, nan=0, posinf=255, neginf=0)
    eight: NDArray[np.uint8] = np.rint(np.clip(levels, 0, 255)).astype(np.uint8)
    return eight


def _full_scale(values: NDArray[np.uint16], numbers: Numbers, warn: list[str]) -> int:
    highest = int(values.max(initial=0))
    if numbers.bits < 16:
        return max(highest, (1 << numbers.bits) - 1)
    if numbers.max_value is not None and 255 <= numbers.max_value < 65535:
        return max(highest, numbers.max_value)
    bits: int = next((bits for bits in _COMMON_BITS if highest < 1 << bits), 16)
    if bits == 16 or highest == 0:
        return 65535
    warn.append(f"no 16-bit sample is above {highest}: read as samples of {bits} bits")
    return (1 << bits) - 1


_TRANSPOSITIONS: Final = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}
"""EXIF orientation -> transposition that makes the image upright (Exif 3.0, tag 0x0112)."""

_PROFILE_SPACES: Final = {"L": "GRAY", "RGB": "RGB ", "CMYK": "CMYK"}


def to_rgb(
    picture: PIL.Image.Image,
    *,
    icc: bytes | None = None,
    coding: Coding | None = None,
    orientation: int = 1,
    keep_alpha: bool = False,
) -> NDArray[np.uint8]:
    """Convert a loaded 8-bit image of any mode to an array.

    Args:
        picture: pixels with at most 8 bits per channel.
        icc: the embedded color profile. A damaged one, or one for another color space, is
            ignored.
        coding: color coding; replaces the profile.
        orientation: EXIF orientation to apply, 1 to 8.
        keep_alpha: keep transparency instead of blending with white.

    Returns:
        (H, W, 3) uint8 sRGB, upright, with transparent pixels blended with white. With `keep_alpha`
        and any transparent pixel, (H, W, 4) with straight alpha.
    """
    is_bmp = picture.format == "BMP"
    if orientation in _TRANSPOSITIONS:
        picture = picture.transpose(_TRANSPOSITIONS[orientation])
    if picture.mode in {"La", "RGBa"}:  # premultiplied
        picture = picture.convert(picture.mode.upper())
    alpha = None
    if picture.has_transparency_data:
        rgba = picture.convert("RGBA")
        alpha = rgba.getchannel("A")
        if is_bmp and alpha.getextrema() == (0, 0):
            alpha = None  # some writers without alpha leave its byte 0
        picture = picture if picture.mode in {"1", "L", "LA"} else rgba
    if coding is not None:
        colors = PIL.Image.fromarray(hdr.to_srgb(np.asarray(picture.convert("RGB")), coding))
    else:
        colors = _to_srgb(picture, icc)
    if alpha is not None and alpha.getextrema() != (255, 255):
        if keep_alpha:
            return np.dstack([np.asarray(colors), np.asarray(alpha)])
        white = PIL.Image.new("RGB", colors.size, "white")
        white.paste(colors, mask=alpha)
        colors = white
    return np.asarray(colors)


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
    """Build the color transform from a profile to sRGB.

    Returns:
        None if no conversion is needed: the profile is damaged, for another color space, or
        equivalent to sRGB, because it changes no color of a coarse grid by more than one level.
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
            # without optimization, building is five times faster
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


def decode_png(data: bytes, transparent: int | None, warn: list[str]) -> PIL.Image.Image:
    """Decode a PNG with 16 bits per channel, which Pillow would truncate.

    Args:
        data: the file.
        transparent: the gray value, as stored, that is transparent.
        warn: list to which warnings for the user are appended.

    Returns:
        Mode L, LA, RGB or RGBA, 8 bits, not rotated.

    Raises:
        ValueError: the content is damaged.
    """
    stored = decode_opencv(data)
    if stored.ndim == 2:
        picture = PIL.Image.fromarray(
            eight_bit(stored[..., None], Numbers(), warn, colors=1)[..., 0]
        )
        if transparent is not None:
            picture.putalpha(PIL.Image.fromarray(np.uint8(255) * (stored != transparent)))
        return picture
    order = [2, 1, 0, 3][: stored.shape[2]]
    return PIL.Image.fromarray(eight_bit(stored[..., order], Numbers(), warn, colors=3))
