"""Cut out the subject of a photo."""

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from nearfar.config import Options, option
from nearfar.depth import DepthMap
from nearfar.effects._render.bokeh_render import blur
from nearfar.effects._render.text import over_white
from nearfar.effects._segment.edge_snapping import snap
from nearfar.effects._segment.matting import WORK_PX, nearer_than, own_light, soften
from nearfar.effects._segment.subject import between, connected, slab, subject
from nearfar.effects.base import Effect, Picture, Pixels, color_light, picture_option
from nearfar.effects.depth_stats import nearness_at, place_of
from nearfar.errors import UsageError
from nearfar.imaging.color import FloatMap, Light, mix, to_linear, to_srgb
from nearfar.imaging.resize import fitting, half, larger, smaller
from nearfar.io.images import Image
from nearfar.parallel import run_parallel


@dataclass(frozen=True)
class CutoutOptions(Options):
    """Options of `cutout`."""

    background: Literal["transparent", "color", "photo", "blur"] = option(
        "Background of the cutout.", "transparent"
    )
    color: str = option("Color of the background: #rrggbb or a name.", "#ffffff")
    picture: Pixels | None = picture_option("Photo for the background.")
    blur: float = option(
        "Blur radius of the background, in percent of the photo's diagonal.", 3.0, ge=0, le=10
    )
    cut: float | None = option(
        "Nearness threshold of the cutout; default: automatic.",
        None,
        ge=0,
        le=1,
    )
    subject_x: float | None = option(
        "Point on the subject, as a part of the width from the left; default: automatic.",
        None,
        ge=0,
        le=1,
    )
    subject_y: float | None = option(
        "Point on the subject, as a part of the height from the top; default: automatic.",
        None,
        ge=0,
        le=1,
    )
    softness: float = option(
        "Width of the soft edge, in percent of the photo's longer side.", 0.6, ge=0, le=5
    )


def cutout(photo: Image, depth: DepthMap, options: CutoutOptions) -> Picture:
    """Cut out the near subject, with a soft rim.

    Depth and the photo's colors together decide what the subject is and where it ends
    (`nearfar.effects._segment.subject`); the floor stays behind. With `cut` depth alone decides, to
    the letter: all that is nearer, or, with a place, what is connected to it and at its depth.

    Args:
        photo: (H, W, 3) uint8 RGB.
        depth: map of the same size.
        options: see `CutoutOptions`; `cut` replaces the automatic threshold.

    Returns:
        (H, W, 4) on `transparent`, else (H, W, 3). Where all is equally far, all is cut out.

    Raises:
        UsageError: no such color, or background `photo` without a picture.
    """
    light, mask = run_parallel(lambda: to_linear(photo), lambda: _mask(photo, depth, options))
    alpha = soften(mask, photo, options.softness / 100)
    rim_px = max(2, round(options.softness / 100 * max(photo.shape)))
    rim, own = own_light(light, alpha, rim_px)
    if options.background == "transparent":
        opacity = np.rint(alpha * 255).astype(np.uint8)
        colors = np.asarray(cv2.copyTo(photo, opacity), np.uint8).reshape(photo.shape)
        colors.reshape(-1, 3)[rim] = to_srgb(own)
        return Picture(np.asarray(cv2.merge([*cv2.split(colors), opacity]), np.uint8))
    behind = _background(light, alpha, options)
    light.reshape(-1, 3)[rim] = own
    return Picture(to_srgb(mix(behind, light, alpha)))


def _mask(photo: Image, depth: DepthMap, options: CutoutOptions) -> FloatMap:
    """Return the mask for `soften`, (h, w): at full size only where nothing is softened."""
    place = place_of(options.subject_x, options.subject_y)
    nearness = depth.nearness(robust=True)
    if options.cut is None:
        size_px = fitting(photo.shape, WORK_PX if options.softness else max(photo.shape))
        return subject(smaller(nearness, size_px), smaller(photo, size_px), place)
    nearness = snap(nearness, photo)
    if place is None:
        return nearer_than(nearness, options.cut)
    low, high = slab(nearness, nearness_at(nearness, *place), options.cut)
    mask = between(nearness, low, high)
    return mask * connected(mask > 0, *place)


def _background(light: Light, alpha: FloatMap, options: CutoutOptions) -> Light:
    if options.background == "color":
        return np.broadcast_to(color_light(options.color), light.shape).astype(np.float32)
    if options.background == "blur":
        return _blurred(light, alpha, options.blur / 100 * float(np.hypot(*alpha.shape)))
    if options.picture is None:
        raise UsageError("the background photo is missing: give `picture`")
    return to_linear(_filling(over_white(options.picture), light.shape))


def _blurred(light: Light, alpha: FloatMap, radius_px: float) -> Light:
    """Blur what lies around the cutout, without the cutout's own colors."""
    weight = half(1 - alpha) ** 2 + np.float32(1e-4)
    total = blur(weight, radius_px / 2, 7)
    spread = blur(half(light) * weight[..., None], radius_px / 2, 7)
    return larger(spread / np.maximum(total, np.float32(1e-6))[..., None], light.shape)


def _filling(picture: Image, shape: tuple[int, ...]) -> Image:
    """Scale a picture until it fills a frame, and cut off what reaches over."""
    height_px, width_px = shape[:2]
    scale = max(height_px / picture.shape[0], width_px / picture.shape[1])
    high, wide = (max(1, round(side / scale)) for side in (height_px, width_px))
    top = max(0, (picture.shape[0] - high) // 2)
    left = max(0, (picture.shape[1] - wide) // 2)
    part = picture[top : top + high, left : left + wide]
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(part, (width_px, height_px), interpolation=way), np.uint8)


EFFECT = Effect("cutout", "Cut out the subject, with a soft edge.", CutoutOptions, cutout)
