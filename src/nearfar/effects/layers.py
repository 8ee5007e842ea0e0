"""Render what a lens would see: the scene in layers of like blur, laid behind each other."""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, TypeAlias

import cv2
import numpy as np

from nearfar.effects.lens import blur
from nearfar.effects.linear import FloatMap, Light, brightest, luminance
from nearfar.effects.sizes import half, larger
from nearfar.effects.together import in_strips, together

Covered: TypeAlias = list[FloatMap]
"""Four (H, W) float32: red, green and blue light times cover, and cover; empty for nothing."""

SHARP_PX: Final = 2.0
"""Blur below this radius is rendered at full size, above it at half size."""

_UNSEEN_PX: Final = 1 / 3
_RATIO: Final = 1.4  # of the radii of neighbouring layers
_TINY: Final = np.float32(1e-4)
_HIGHLIGHT_GAIN: Final = 8.0
_BLOOM_PX: Final = 2.0  # highlights begin to shine at this blur, and fully at twice as much
_FARTHER: Final = 8.0  # how strongly a hole is filled from what is farther


@dataclass(frozen=True)
class Lens:
    """How the scene is seen.

    Attributes:
        focus: nearness that is sharp, 0 to 1.
        depth_of_field: nearness to each side of it that is as sharp.
        radius_px: blur of what is 1 away from there.
        blades: of the aperture; under 3 is round.
        bloom: how much brighter highlights are than the photo could store, 0 to 1.
    """

    focus: float
    depth_of_field: float
    radius_px: float
    blades: int
    bloom: float

    def radius(self, nearness: FloatMap) -> FloatMap:
        """Give each pixel's blur in pixels: over 0 before the focus, under 0 behind it.

        The circle of confusion of a thin lens grows as the difference of inverse depths, so it
        can be had from relative depth.
        """
        away: FloatMap = nearness - np.float32(self.focus)
        reach = np.abs(away)
        reach -= np.float32(self.depth_of_field)
        np.maximum(reach, 0, out=reach)
        reach *= np.float32(self.radius_px)
        return np.copysign(reach, away, out=away)


def render(light: Light, nearness: FloatMap, lens: Lens) -> Light:
    """Blur a scene as a lens does.

    The layers are gathered front to back: what is in focus covers the blur behind it exactly,
    and blurred background is divided by its own cover, so no colour of a sharp thing bleeds
    into it. A blurred thing in front is transparent at its rim; what the photo doesn't show
    there is filled from what is farther around it.

    Args:
        light: (H, W, 3) float32, linear.
        nearness: (H, W) float32, 0 to 1.
        lens: the lens.

    Returns:
        (H, W, 3) float32, linear; may shine brighter than 1.
    """
    radius = lens.radius(nearness)
    if max(-float(radius.min()), float(radius.max())) <= _UNSEEN_PX:
        return light
    shine, planes = together(
        lambda: _highlights(light, lens.bloom) if lens.bloom else None,
        lambda: [np.ascontiguousarray(light[..., channel]) for channel in range(3)],
    )
    before, sharp, after, behind = together(
        lambda: _blurred(planes, shine, radius, lens.blades, most_in_front=True),
        lambda: _in_focus(planes, np.abs(radius), lens.blades),
        lambda: _blurred(planes, shine, -radius, lens.blades, most_in_front=False),
        lambda: _behind(planes, nearness, lens) if float(radius.max()) > 0 else [],
    )
    result = np.empty_like(light)

    def lay(rows: slice) -> None:
        seen = [np.zeros_like(radius[rows]) for _ in range(4)]
        for layer in (before, sharp, after):
            _add_behind(seen, [plane[rows] for plane in layer])
        *colours, cover = seen
        hole = np.maximum(1 - cover, 0)
        hole *= np.clip(radius[rows] * np.float32(1 / SHARP_PX), 0, 1)
        cover += hole
        cover += _TINY
        for channel in range(3):
            colours[channel] += planes[channel][rows] * _TINY
            if behind:
                colours[channel] += behind[channel][rows] * hole
            np.divide(colours[channel], cover, out=result[rows, :, channel])

    in_strips(lay, light)
    return result


def _add_behind(seen: Covered, other: Covered) -> None:
    """Show another where the first leaves room.

    Covers add up, they don't multiply: where one surface is spread over several layers, these
    lie side by side, and nothing farther may shine through.
    """
    if not other:
        return
    share = np.maximum(1 - seen[-1], 0)
    share /= np.maximum(other[-1], _TINY)
    np.minimum(share, 1, out=share)
    for sum_, added in zip(seen, other, strict=True):
        cv2.accumulateProduct(added, share, sum_)


def _in_focus(planes: list[FloatMap], size: FloatMap, blades: int) -> Covered:
    """Render at full size what is blurred by less than `SHARP_PX`."""
    sharp: FloatMap = 1 - size
    np.clip(sharp, 0, 1, out=sharp)
    soft: FloatMap = SHARP_PX - size
    np.minimum(soft, size, out=soft)
    np.clip(soft, 0, 1, out=soft)
    covered = [*(plane * sharp for plane in planes), sharp]
    if soft.any():
        scratch = np.empty_like(soft)
        for channel, plane in enumerate(planes):
            covered[channel] += blur(np.multiply(plane, soft, out=scratch), 1.0, blades)
        covered[-1] += blur(soft, 1.0, blades)
    return covered


def _blurred(
    planes: list[FloatMap],
    shine: FloatMap | None,
    size: FloatMap,
    blades: int,
    *,
    most_in_front: bool,
) -> Covered:
    """Render one side of the focus, at half size.

    Args:
        planes: light.
        shine: at half size, how many times as much light highlights have on top.
        size: (H, W) blur in pixels; what is under 1 belongs elsewhere.
        blades: of the aperture.
        most_in_front: the most blurred layer is the nearest one.

    Returns:
        At full size; empty when nothing lies there.
    """
    cover: FloatMap = size - 1
    np.clip(cover, 0, SHARP_PX - 1, out=cover)
    if not cover.any():
        return []
    scratch = np.empty_like(cover)
    small = [half(np.multiply(plane, cover, out=scratch)) for plane in planes]
    small.append(half(cover))
    sizes = half(np.multiply(size, cover, out=scratch)) / np.maximum(small[-1], _TINY)
    if shine is not None:
        brighter = 1 + shine * np.clip(sizes / _BLOOM_PX - 1, 0, 1)
        for channel in range(3):
            small[channel] *= brighter
    knots = [SHARP_PX]
    while knots[-1] < float(sizes.max()):
        knots.append(knots[-1] * _RATIO)
    layers = list(zip(knots, _tents(sizes, knots), strict=True))
    gathered = [np.zeros_like(sizes) for _ in small]
    for radius_px, weight in reversed(layers) if most_in_front else layers:
        part = _reached(weight, radius_px / 2)
        lit = [blur(plane[part] * weight[part], radius_px / 2, blades) for plane in small]
        _add_behind([plane[part] for plane in gathered], lit)
    return [larger(plane, size.shape) for plane in gathered]


def _reached(weight: FloatMap, radius_px: float) -> tuple[slice, slice]:
    """Give the rows and the columns that the blur of all weights over 0 reaches."""
    left, top, width_px, height_px = cv2.boundingRect((weight > 0).view(np.uint8))
    far_px = math.ceil(1.6 * radius_px) + 8  # a corner of three blades, and smaller copies
    return (
        slice(max(0, top - far_px), top + height_px + far_px),
        slice(max(0, left - far_px), left + width_px + far_px),
    )


def _tents(sizes: FloatMap, knots: list[float]) -> list[FloatMap]:
    """Spread each size over its two neighbouring knots; the weights of a pixel sum to 1."""
    rises = [np.clip((sizes - low) / (high - low), 0, 1) for low, high in pairwise(knots)]
    ones = np.ones_like(sizes)
    starts = [ones, *rises]
    ends = [*rises, np.zeros_like(sizes)]
    return [np.asarray(start - end, np.float32) for start, end in zip(starts, ends, strict=True)]


def _behind(planes: list[FloatMap], nearness: FloatMap, lens: Lens) -> list[FloatMap]:
    """Guess what lies behind the rims of blurred things in front.

    It is the mean of what is around, where what is farther counts much more, down to the
    focus; on one surface that is the surface's own colour.
    """
    before = np.maximum(half(nearness) - np.float32(lens.focus), 0)
    weight = np.exp(np.float32(-_FARTHER) * before)
    total = blur(weight, lens.radius_px / 2, 0)
    spread = [blur(half(plane) * weight, lens.radius_px / 2, 0) / total for plane in planes]
    return [larger(plane, nearness.shape) for plane in spread]


def _highlights(light: Light, bloom: float) -> FloatMap:
    """Say how much light the photo cut off: of what is very bright, and brighter than around.

    Returns:
        (H, W) float32 at half size: how many times the light is to be added; 0 for most.
    """
    small = half(light)
    bright = luminance(small)
    side = 2 * max(1, round(0.03 * max(bright.shape))) + 1
    around = cv2.blur(bright, (side, side), borderType=cv2.BORDER_REFLECT)
    clipped = np.clip((brightest(small) - 0.7) / 0.3, 0, 1)
    shine: FloatMap = np.clip((bright - around - 0.15) / 0.4, 0, 1) * clipped * clipped
    shine *= np.float32(bloom * _HIGHLIGHT_GAIN)
    return shine
