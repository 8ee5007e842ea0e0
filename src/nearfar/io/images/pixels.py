"""Decoded pixels of any kind to 8-bit sRGB: depth, colour profile, alpha, turn."""

from functools import lru_cache
from io import BytesIO
from typing import Any, Final

import numpy as np
import PIL.Image
from numpy.typing import NDArray
from PIL.Image import Transpose

from nearfar.io.images import hdr
from nearfar.io.images.eightbit import Numbers, decode_opencv, eight_bit
from nearfar.io.images.hdr import Coding

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


def to_rgb(
    picture: PIL.Image.Image,
    *,
    icc: bytes | None = None,
    coding: Coding | None = None,
    orientation: int = 1,
    keep_alpha: bool = False,
) -> NDArray[np.uint8]:
    """Turn a loaded 8-bit picture of any mode into an array.

    Args:
        picture: pixels with 8 bits a channel or fewer.
        icc: the embedded colour profile. One that is damaged or of another colour space is
            ignored.
        coding: what the colours mean by number; the profile is not asked then.
        orientation: EXIF orientation that is still to be undone, 1 to 8.
        keep_alpha: give what is transparent as it is, not over white.

    Returns:
        (H, W, 3) uint8 sRGB, upright; what was transparent lies over white. Where alpha is kept
        and something is transparent, (H, W, 4), with colours that alpha is not multiplied in.
    """
    is_bmp = picture.format == "BMP"
    if orientation in _TURNS:
        picture = picture.transpose(_TURNS[orientation])
    if picture.mode in {"La", "RGBa"}:  # premultiplied
        picture = picture.convert(picture.mode.upper())
    alpha = None
    if picture.has_transparency_data:
        rgba = picture.convert("RGBA")
        alpha = rgba.getchannel("A")
        if is_bmp and alpha.getextrema() == (0, 0):
            alpha = None  # writers that have no alpha leave its byte 0
        picture = picture if picture.mode in {"1", "L", "LA"} else rgba
    if coding is not None:
        colours = PIL.Image.fromarray(hdr.to_srgb(np.asarray(picture.convert("RGB")), coding))
    else:
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


def decode_png(data: bytes, transparent: int | None, warn: list[str]) -> PIL.Image.Image:
    """Decode a PNG of 16 bits a channel, which Pillow would truncate.

    Args:
        data: the file.
        transparent: the one grey value, as stored, that is transparent.
        warn: takes what the user should know.

    Returns:
        Mode L, LA, RGB or RGBA, 8 bits, not turned.

    Raises:
        ValueError: the content is damaged.
    """
    stored = decode_opencv(data)
    if stored.ndim == 2:
        picture = PIL.Image.fromarray(
            eight_bit(stored[..., None], Numbers(), warn, colours=1)[..., 0]
        )
        if transparent is not None:
            picture.putalpha(PIL.Image.fromarray(np.uint8(255) * (stored != transparent)))
        return picture
    order = [2, 1, 0, 3][: stored.shape[2]]
    return PIL.Image.fromarray(eight_bit(stored[..., order], Numbers(), warn, colours=3))
