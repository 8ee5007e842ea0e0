"""Insert a picture or a text into the scene, with occlusion and shadow."""

from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np

from nearfar.config import Options, option
from nearfar.depth import DepthMap
from nearfar.effects._render.placement import Place, choose_place
from nearfar.effects._render.shadow import shadow
from nearfar.effects._render.text import with_alpha, write_text
from nearfar.effects._segment.edge_snapping import snap
from nearfar.effects._segment.matting import nearer_than
from nearfar.effects.base import Effect, Picture, Pixels, color_light, picture_option
from nearfar.effects.depth_stats import far_light, nearness_at, relative_size, remoteness
from nearfar.errors import UsageError
from nearfar.imaging.color import FloatMap, Light, mix, to_linear, to_srgb
from nearfar.io.images import Image

_TEXT_PX: Final = 256  # height of a line of text, before it is scaled
_MARGIN: Final = 0.07
"""The scene covers the sticker when it is nearer by this much: what it stands on doesn't."""


@dataclass(frozen=True)
class StickerOptions(Options):
    """Options of `sticker`."""

    picture: Pixels | None = picture_option("Picture to insert.")
    text: str = option("Text to insert when no picture is given.", "Hello")
    color: str = option("Color of the text: #rrggbb or a name.", "#ffffff")
    font: str | None = option(
        "Path of a font file. Default: the built-in font for Latin letters, an installed font"
        " such as Noto Sans CJK for Chinese.",
        None,
    )
    x: float | None = option(
        "Middle of its lower edge, from the left; default: beside the subject.",
        None,
        ge=0,
        le=1,
    )
    y: float | None = option(
        "Its lower edge, from the top; default: beside the subject.",
        None,
        ge=0,
        le=1,
    )
    nearness: float | None = option(
        "Its nearness, 0 (farthest) to 1 (nearest); default: that of its position.",
        None,
        ge=0,
        le=1,
    )
    size: float | None = option(
        "Its size at the nearest depth, as a part of the photo's width or height; default: as"
        " large as fits beside the subject.",
        None,
        gt=0,
        le=4,
    )
    haze: float = option("Haze over a distant sticker.", 0.3, ge=0, le=1)
    shadow: float = option("Opacity of its shadow.", 0.6, ge=0, le=1)


def sticker(photo: Image, depth: DepthMap, options: StickerOptions) -> Picture:
    """Put a picture or a text at a depth of the scene.

    What is nearer covers it. It is smaller and paler the farther it stands, and its shadow
    falls on what it touches and on what lies behind it.

    Raises:
        UsageError: neither a picture nor a text, an unknown color, or a font that lacks a
            letter.
        ImageError: the picture is none.
    """
    given = depth.nearness(robust=True)
    nearness = snap(given, photo)
    whole = _trimmed(_source(options, _TEXT_PX))
    at = _place(given, photo, whole, options)
    place = options.nearness
    if place is None:
        place = nearness_at(nearness, at.x, at.y)
    shown = _scaled(whole, photo.shape, at.size * relative_size(place))
    light = to_linear(photo)
    pasted = _pasted(shown, photo.shape, at)
    if options.shadow > 0:
        taken = shadow(pasted[..., 3], nearness, place)
        light = light * (1 - np.float32(options.shadow) * taken)[..., None]
    free = 1 - nearer_than(nearness, place + _MARGIN)
    alpha = pasted[..., 3] * free
    air = options.haze * float(remoteness(np.full((1, 1), place, np.float32))[0, 0])
    opacity = np.maximum(pasted[..., 3:], np.float32(1e-6))
    own: Light = pasted[..., :3] / opacity * np.float32(1 - air)
    own += far_light(light, nearness) * np.float32(air)
    return Picture(to_srgb(mix(light, own, alpha)))


def _place(nearness: FloatMap, photo: Image, whole: Pixels, options: StickerOptions) -> Place:
    """Return the place and the size that are given, or else such that no face is hidden."""
    x, y, size = options.x, options.y, options.size
    if x is not None or y is not None:
        x, y = 0.5 if x is None else x, 0.7 if y is None else y
    if x is not None and y is not None and size is not None:
        return Place(x, y, size)
    aspect = whole.shape[1] / whole.shape[0]
    return choose_place(
        nearness, photo, aspect, (x, y, size), level=options.nearness, margin=_MARGIN
    )


def _scaled(whole: Pixels, shape: tuple[int, ...], scale: float) -> Light:
    """Return the sticker at its size; (h, w, 4) float32, linear light times alpha, and alpha."""
    height_px, width_px = (side * scale for side in shape[:2])
    zoom = min(height_px / whole.shape[0], width_px / whole.shape[1])
    size_px = max(1, round(whole.shape[1] * zoom)), max(1, round(whole.shape[0] * zoom))
    share = whole[..., 3].astype(np.float32) / 255
    covered = np.dstack([to_linear(whole[..., :3]) * share[..., None], share])
    way = cv2.INTER_AREA if zoom < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(covered, size_px, interpolation=way), np.float32)


def _source(options: StickerOptions, height_px: int) -> Pixels:
    if options.picture is not None:
        return with_alpha(options.picture)
    if not options.text.strip():
        raise UsageError("no sticker: give `picture` or `text`")
    red, green, blue = (int(each) for each in to_srgb(color_light(options.color)))
    return write_text(options.text, (red, green, blue), height_px, options.font)


def _trimmed(picture: Pixels) -> Pixels:
    """Crop fully transparent borders, so that the lower edge is the foot."""
    rows = np.flatnonzero(picture[..., 3].any(axis=1))
    columns = np.flatnonzero(picture[..., 3].any(axis=0))
    if rows.size == 0:
        raise UsageError("the picture is wholly transparent: give one that shows something")
    return picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _pasted(shown: Light, shape: tuple[int, ...], at: Place) -> Light:
    """Paste the sticker into a frame of the photo's size, (H, W, 4)."""
    frame = np.zeros((*shape[:2], 4), np.float32)
    height_px, width_px = shown.shape[:2]
    top = round(at.y * shape[0]) - height_px
    left = round(at.x * shape[1] - width_px / 2)
    rows = slice(max(0, top), max(0, top + height_px))
    columns = slice(max(0, left), max(0, left + width_px))
    target = frame[rows, columns]
    target[...] = shown[max(0, -top) :, max(0, -left) :][: target.shape[0], : target.shape[1]]
    return frame


def _fixed(options: StickerOptions) -> StickerOptions:
    """Set the lower left corner where no place is given: a place per frame would jump."""
    if options.x is None and options.y is None:
        options = replace(options, x=0.25, y=0.95)
    return options if options.size is not None else replace(options, size=0.35)


EFFECT = Effect(
    "sticker",
    "Insert a picture or a text at a depth of the scene.",
    StickerOptions,
    sticker,
    _fixed,
)
