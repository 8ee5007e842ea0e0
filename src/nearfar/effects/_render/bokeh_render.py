"""Render lens blur: layers of similar blur are blurred and composited."""

import math
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Final, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from nearfar.imaging.color import FloatMap, Light, brightest, luminance, to_linear, to_srgb
from nearfar.imaging.resize import Scalar, doubled_rows, half, larger
from nearfar.io.images import Image
from nearfar.parallel import for_each_strip, row_strips, run_parallel

_FINE: Final = 16
"""Dots a pixel that the kernel is drawn with."""

_KERNEL_PX: Final = 5.0
"""Larger radii are blurred on a smaller copy: at this radius it can't be seen, and direct
filtering of a kernel of 11 x 11 is OpenCV's fastest."""

_TILT: Final = 0.2


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
        """Return each pixel's blur in pixels: over 0 before the focus, under 0 behind it.

        The circle of confusion of a thin lens grows as the difference of inverse depths, so it
        can be had from relative depth.
        """
        away: FloatMap = nearness - np.float32(self.focus)
        reach = np.abs(away)
        reach -= np.float32(self.depth_of_field)
        np.maximum(reach, 0, out=reach)
        reach *= np.float32(self.radius_px)
        return np.copysign(reach, away, out=away)


def blur(values: NDArray[np.float32], radius_px: float, blades: int) -> NDArray[np.float32]:
    """Blur by a lens; the sum of the values is kept but for the borders.

    Args:
        values: (H, W) or (H, W, C) float32.
        radius_px: of the disc whose area the opening has; up to a third does nothing.
        blades: of the aperture; under 3 is round.

    Returns:
        The same shape.
    """
    if radius_px <= 1 / 3:
        return values
    shape = values.shape[:2]
    if radius_px > _KERNEL_PX and min(shape) > 1:
        return larger(blur(half(values), radius_px / 2, blades), shape)
    shown = kernel(radius_px, blades)
    blurred = cv2.filter2D(values, -1, shown[::-1, ::-1], borderType=cv2.BORDER_REFLECT)
    return np.asarray(blurred, np.float32).reshape(values.shape)


@lru_cache(maxsize=256)
def kernel(radius_px: float, blades: int) -> FloatMap:
    """Draw the opening; (N, N) float32 with the sum 1, N odd.

    A polygon gets the area of the disc, so the number of blades doesn't change how soft all
    looks.
    """
    around = np.arange(blades or 1) * (2 * math.pi / (blades or 1)) + _TILT - math.pi / 2
    is_round = blades < 3
    reach = 1.0 if is_round else math.sqrt(2 * math.pi / (blades * math.sin(2 * math.pi / blades)))
    side = 2 * math.ceil(radius_px * reach) + 1
    drawn = np.zeros((side * _FINE, side * _FINE), np.uint8)
    middle = (side * _FINE - 1) / 2
    if is_round:
        ramp = np.arange(side * _FINE) - middle
        inside = ramp[:, None] ** 2 + ramp[None, :] ** 2 <= (radius_px * _FINE) ** 2
        drawn[inside] = 1
    else:
        far = radius_px * reach * _FINE
        corners = np.stack([middle + far * np.cos(around), middle + far * np.sin(around)], axis=1)
        cv2.fillPoly(drawn, [np.rint(corners * 16).astype(np.int32)], (1,), shift=4)
    shown = drawn.reshape(side, _FINE, side, _FINE).sum(axis=(1, 3)).astype(np.float64)
    return np.asarray(shown / shown.sum(), np.float32)


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


def render(photo: Image, nearness: FloatMap, lens: Lens) -> Image:
    """Blur a scene as a lens does, in linear light, strip by strip.

    The layers are gathered front to back: what is in focus covers the blur behind it exactly,
    and blurred background is divided by its own cover, so no color of a sharp thing bleeds
    into it. A blurred thing in front is transparent at its rim; what the photo doesn't show
    there is filled from what is farther around it.

    Args:
        photo: (H, W, 3) uint8 RGB.
        nearness: (H, W) float32, 0 to 1.
        lens: the lens.

    Returns:
        (H, W, 3) uint8.
    """
    radius = lens.radius(nearness)
    if max(-float(radius.min()), float(radius.max())) <= _UNSEEN_PX:
        return photo
    height_px, width_px = radius.shape
    if height_px % 2 or width_px % 2:
        return render(_even(photo), _even(nearness), lens)[:height_px, :width_px]
    small = np.empty((height_px // 2, width_px // 2, 3), np.float32)
    for rows in row_strips(photo):
        small[rows.start // 2 : rows.stop // 2] = half(to_linear(photo[rows]))
    shine = _highlights(small, lens.bloom)
    before, after, behind = run_parallel(
        lambda: _blurred(photo, shine, radius, lens.blades, in_front=True),
        lambda: _blurred(photo, shine, radius, lens.blades, in_front=False),
        lambda: _behind(small, nearness, lens) if float(radius.max()) > 0 else [],
    )
    result = np.empty_like(photo)

    def lay(rows: slice) -> None:
        layers = [
            _enlarged(before, rows),
            _in_focus(photo, radius, rows, lens.blades),
            _enlarged(after, rows),
        ]
        seen, *farther = (layer for layer in layers if layer)
        for layer in farther:
            _add_behind(seen, layer)
        *colors, cover = seen
        hole = np.maximum(1 - cover, 0)
        hole *= np.clip(radius[rows] * np.float32(1 / SHARP_PX), 0, 1)
        cover += hole
        for channel, color in enumerate(colors):
            if behind:
                cv2.accumulateProduct(doubled_rows(behind[channel], rows), hole, color)
            np.divide(color, cover, out=color)
            result[rows, :, channel] = to_srgb(color)

    for_each_strip(lay, photo)
    return result


def _even(values: NDArray[Scalar]) -> NDArray[Scalar]:
    """Repeat the last row and column where their number is odd."""
    odd = values.shape[0] % 2, values.shape[1] % 2
    whole = cv2.copyMakeBorder(values, 0, odd[0], 0, odd[1], cv2.BORDER_REPLICATE)
    return np.asarray(whole, values.dtype)


def _enlarged(small: Covered, rows: slice) -> Covered:
    """Return some rows at full size; nothing where there is no cover."""
    if not small or not small[-1][max(0, rows.start // 2 - 1) : rows.stop // 2 + 1].any():
        return []
    return [doubled_rows(plane, rows) for plane in small]


def _add_behind(seen: Covered, other: Covered) -> None:
    """Show another where the first leaves room.

    Covers add up, they don't multiply: where one surface is spread over several layers, these
    lie side by side, and nothing farther may shine through.
    """
    share = np.maximum(1 - seen[-1], 0)
    share /= np.maximum(other[-1], _TINY)
    np.minimum(share, 1, out=share)
    for sum_, added in zip(seen, other, strict=True):
        cv2.accumulateProduct(added, share, sum_)


def _in_focus(photo: Image, radius: FloatMap, rows: slice, blades: int) -> Covered:
    """Render some rows of what is blurred by less than `SHARP_PX`."""
    reach = len(kernel(1.0, blades)) // 2
    top = max(0, rows.start - reach)
    wide, inner = slice(top, rows.stop + reach), slice(rows.start - top, rows.stop - top)
    light, size = to_linear(photo[wide]), np.abs(radius[wide])
    sharp = np.clip(1 - size[inner], _TINY, 1)  # something everywhere, to be divided by
    soft = np.clip(np.minimum(size, SHARP_PX - size), 0, 1)
    covered = [*(light[inner, :, channel] * sharp for channel in range(3)), sharp]
    if not soft.any():
        return covered
    spread = [*(light[..., channel] * soft for channel in range(3)), soft]
    for index, plane in enumerate(spread):
        covered[index] += blur(plane, 1.0, blades)[inner]
    return covered


def _blurred(
    photo: Image, shine: FloatMap, radius: FloatMap, blades: int, *, in_front: bool
) -> Covered:
    """Render one side of the focus.

    Args:
        photo: (H, W, 3) uint8, of even height and width.
        shine: at half size, how many times as much light highlights have on top.
        radius: blur in pixels, over 0 before the focus; what is under 1 belongs elsewhere.
        blades: of the aperture.
        in_front: the side before the focus, where the most blurred layer is the nearest one.

    Returns:
        At half size; empty when nothing lies there.
    """
    if float(radius.max() if in_front else -radius.min()) <= 1:
        return []
    shape = radius.shape[0] // 2, radius.shape[1] // 2
    small = [np.zeros(shape, np.float32) for _ in range(4)]
    sizes = np.zeros(shape, np.float32)
    for rows in row_strips(photo):
        size = radius[rows] if in_front else -radius[rows]
        cover = np.clip(size - 1, 0, SHARP_PX - 1)
        if not cover.any():
            continue
        light = to_linear(photo[rows])
        planes = (*(light[..., channel] * cover for channel in range(3)), cover, size * cover)
        for kept, plane in zip((*small, sizes), planes, strict=True):
            kept[rows.start // 2 : rows.stop // 2] = half(plane)
    sizes /= np.maximum(small[-1], _TINY)
    brighter = np.clip(sizes / _BLOOM_PX - 1, 0, 1)
    brighter *= shine
    for plane in small[:3]:
        cv2.accumulateProduct(plane, brighter, plane)
    knots = [SHARP_PX]
    while knots[-1] < float(sizes.max()):
        knots.append(knots[-1] * _RATIO)
    layers = list(zip(knots, _tents(sizes, knots), strict=True))
    gathered = [np.zeros_like(sizes) for _ in small]
    for radius_px, weight in reversed(layers) if in_front else layers:
        part = _reached(weight, radius_px / 2)
        lit = [blur(plane[part] * weight[part], radius_px / 2, blades) for plane in small]
        _add_behind([plane[part] for plane in gathered], lit)
    return gathered


def _reached(weight: FloatMap, radius_px: float) -> tuple[slice, slice]:
    """Return the rows and the columns that the blur of all weights over 0 reaches."""
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


def _behind(small: Light, nearness: FloatMap, lens: Lens) -> list[FloatMap]:
    """Guess, at half size, what lies behind the rims of blurred things in front.

    It is the mean of what is around, where what is farther counts much more, down to the
    focus; on one surface that is the surface's own color.
    """
    before = np.maximum(half(nearness) - np.float32(lens.focus), 0)
    weight = np.exp(np.float32(-_FARTHER) * before)
    total = blur(weight, lens.radius_px / 2, 0)
    return [
        blur(small[..., channel] * weight, lens.radius_px / 2, 0) / total for channel in range(3)
    ]


def _highlights(light: Light, bloom: float) -> FloatMap:
    """Return how much light the photo cut off: of what is very bright, and brighter than around.

    Returns:
        (H, W) float32: how many times the light is to be added; 0 for most.
    """
    bright = luminance(light)
    side = 2 * max(1, round(0.03 * max(bright.shape))) + 1
    around = cv2.blur(bright, (side, side), borderType=cv2.BORDER_REFLECT)
    clipped = np.clip((brightest(light) - 0.7) / 0.3, 0, 1)
    shine: FloatMap = np.clip((bright - around - 0.15) / 0.4, 0, 1) * clipped * clipped
    shine *= np.float32(bloom * _HIGHLIGHT_GAIN)
    return shine
