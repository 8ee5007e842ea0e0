"""Cut out what is near."""

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from nearfar.depthmap import DepthMap
from nearfar.effects.alpha import nearer_than, own_light, soften
from nearfar.effects.colours import colour_light
from nearfar.effects.effect import Effect, Picture, Pixels, picture_option
from nearfar.effects.lens import blur, double, half_size
from nearfar.effects.linear import FloatMap, Light, mix, to_linear, to_srgb
from nearfar.effects.pictures import over_white
from nearfar.effects.places import is_parted, near_cut, nearness_at, pixel_at, valley
from nearfar.effects.regions import decide
from nearfar.effects.snap import snap
from nearfar.errors import UsageError
from nearfar.images import Image
from nearfar.options import Options, option


@dataclass(frozen=True)
class CutoutOptions(Options):
    """What is cut out, and what it lies on."""

    background: Literal["transparent", "colour", "photo", "blur"] = option(
        "What the cutout lies on.", "transparent"
    )
    colour: str = option("Colour of the background: #rrggbb or a name.", "#ffffff")
    picture: Pixels | None = picture_option("Photo to lay the cutout on.")
    blur: float = option(
        "Blur of the background: radius in percent of the diagonal.", 3.0, ge=0, le=10
    )
    cut: float | None = option(
        "Nearness from which things belong to the cutout; automatic when not given.",
        None,
        ge=0,
        le=1,
    )
    subject_x: float | None = option(
        "Place on the thing to cut out, from the left; all that is near when not given.",
        None,
        ge=0,
        le=1,
    )
    subject_y: float | None = option(
        "Place on the thing to cut out, from the top; all that is near when not given.",
        None,
        ge=0,
        le=1,
    )
    softness: float = option(
        "Width of the rim that follows the photo, in percent of the longer side.", 0.6, ge=0, le=5
    )


def cutout(photo: Image, depth: DepthMap, options: CutoutOptions) -> Picture:
    """Cut out the near subject, with a soft rim.

    The histogram of distances is parted where it falls into two best (Otsu). With a place, what
    is cut out is connected to it and at its depth: when the place is in the far class, that is
    parted again, until the place is on the near side. Where the map is smeared, or slopes
    through the cut, the photo's colours decide, unless `cut` was given.

    Args:
        photo: (H, W, 3) uint8 RGB.
        depth: map of the same size.
        options: as below; `cut` goes before the automatic one.

    Returns:
        (H, W, 4) on `transparent`, else (H, W, 3). Where all is equally far, all is cut out.

    Raises:
        UsageError: no such colour, or `photo` is asked for and no picture given.
    """
    alpha = soften(_mask(photo, depth, options), photo, options.softness / 100)
    light = to_linear(photo)
    rim_px = max(2, round(options.softness / 100 * max(photo.shape)))
    own = own_light(light, alpha, rim_px)
    if options.background == "transparent":
        opacity = np.rint(alpha * 255).astype(np.uint8)
        colours = to_srgb(own)
        colours[opacity == 0] = 0
        return Picture(np.dstack([colours, opacity]))
    return Picture(to_srgb(mix(_background(light, alpha, options), own, alpha)))


def _mask(photo: Image, depth: DepthMap, options: CutoutOptions) -> FloatMap:
    nearness = snap(depth.nearness(robust=True), photo)
    if options.subject_x is None and options.subject_y is None:
        cut = near_cut(nearness) if options.cut is None else options.cut
        return _nearer(nearness, cut, photo, options)
    x = 0.5 if options.subject_x is None else options.subject_x
    y = 0.5 if options.subject_y is None else options.subject_y
    low, high = _slab(nearness, nearness_at(nearness, x, y), options.cut)
    mask = _nearer(nearness, low, photo, options)
    if high is not None:
        mask = mask * (1 - nearer_than(nearness, high))
    return mask * _connected(mask > 0, *pixel_at(mask.shape, x, y))


def _nearer(
    nearness: FloatMap, cut: float | None, photo: Image, options: CutoutOptions
) -> FloatMap:
    """Give the mask of what is nearer; a cut that was asked for is kept to the letter."""
    if cut is None:
        return np.ones_like(nearness)
    mask = nearer_than(nearness, cut)
    return mask if options.cut is not None else decide(nearness, cut, mask, photo)


def _slab(
    nearness: FloatMap, wanted: float, cut: float | None
) -> tuple[float | None, float | None]:
    """Find the two cuts that a nearness lies between; None is no cut."""
    low = near_cut(nearness) if cut is None else cut
    high = None
    while low is not None and wanted < low:
        high = low
        low = near_cut(nearness[nearness < high])
    if high is None and low is not None:
        high = _front(nearness[nearness >= low], wanted)
    return low, high


def _front(near: FloatMap, wanted: float) -> float | None:
    """Find where something begins that stands before the wanted thing, if anything does."""
    cut = valley(near)
    if cut is None or not is_parted(near, cut):
        return None
    return cut if wanted < cut else None


def _connected(mask: NDArray[np.bool_], column: int, row: int) -> NDArray[np.bool_]:
    """Keep the part of a mask that holds a pixel; all of it when the pixel is outside."""
    if not mask[row, column]:
        return mask
    _, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)
    return np.asarray(labels == labels[row, column])


def _background(light: Light, alpha: FloatMap, options: CutoutOptions) -> Light:
    if options.background == "colour":
        return np.broadcast_to(colour_light(options.colour), light.shape).astype(np.float32)
    if options.background == "blur":
        return _blurred(light, alpha, options.blur / 100 * float(np.hypot(*alpha.shape)))
    if options.picture is None:
        raise UsageError("the background photo is missing: give `picture`")
    return to_linear(_filling(over_white(options.picture), light.shape))


def _blurred(light: Light, alpha: FloatMap, radius_px: float) -> Light:
    """Blur what lies around the cutout, without the cutout's own colours."""
    size_px = half_size(alpha.shape)
    share = cv2.resize(1 - alpha, size_px, interpolation=cv2.INTER_AREA)
    weight = np.asarray(share, np.float32) ** 2 + np.float32(1e-4)
    small = np.asarray(cv2.resize(light, size_px, interpolation=cv2.INTER_AREA), np.float32)
    small = small.reshape(*weight.shape, 3)
    total = blur(weight, radius_px / 2, 7)
    spread = blur(small * weight[..., None], radius_px / 2, 7)
    return double(spread / np.maximum(total, np.float32(1e-6))[..., None], light.shape)


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


EFFECT = Effect("cutout", "Cut out what is near, with a soft rim.", CutoutOptions, cutout)
