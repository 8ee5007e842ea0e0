"""Make a single-image stereogram (autostereogram)."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from nearfar.config import Options, option
from nearfar.depth import DepthMap
from nearfar.effects.base import Effect, Picture, Pixels, picture_option
from nearfar.imaging.color import FloatMap
from nearfar.io.images import Image
from nearfar.parallel import for_each_strip

_SEED: Final = 0

_DOTS: Final = np.array(
    [[20, 24, 38], [46, 94, 122], [231, 111, 81], [244, 211, 130], [250, 250, 245]], np.uint8
)
"""Few colors of very different brightness: the eyes find matches sooner than in noise."""


_NEAR_PX: Final = 9
_LEAST_SPREAD: Final = 24.0
"""Standard deviation of lightness, of 255, along `_NEAR_PX` of a row, that a texture gets: the eyes
match along rows."""


@dataclass(frozen=True)
class AutostereogramOptions(Options):
    """Options of `autostereogram`."""

    period: float = option(
        "Period of the pattern at the farthest depth, as a part of the width; at most the eye"
        " distance where it is shown.",
        0.1,
        gt=0,
        le=0.5,
    )
    depth: float = option(
        "Depth of the scene, from 0 (flat) to 1 (equal to the viewing distance).",
        0.33,
        ge=0,
        le=1,
    )
    dot_px: int = option("Size of the random dots, in pixels.", 2, ge=1, le=32)
    texture: Pixels | None = picture_option("Picture to tile instead of random dots.")


def separations(nearness: FloatMap, period_px: float, depth: float) -> NDArray[np.int32]:
    """Return how far apart the two pixels are in which the eyes see one point of the scene.

    s = E (1 - mu z) / (2 - mu z), with E twice the period (Thimbleby, Inglis and Witten,
    "Displaying 3D images: algorithms for single-image random-dot stereograms", IEEE Computer
    27(10), 1994).

    Args:
        nearness: (H, W) float32, z, 0 to 1.
        period_px: over 0; the separation at z = 0.
        depth: mu.

    Returns:
        (H, W) int32, 1 or more.
    """
    z = nearness * np.float32(depth)
    s = 2 * np.float32(period_px) * (1 - z) / (2 - z)
    return np.asarray(np.maximum(np.rint(s), 1), np.int32)


def partners(nearness: FloatMap, period_px: float, depth: float) -> NDArray[np.int32]:
    """Link each pixel to the one on its right that must look the same.

    The symmetric algorithm of Thimbleby, Inglis and Witten with its hidden-surface removal: a
    point links its two pixels only if both eyes see it. Where rounding still gives one pixel two
    partners, the nearer point keeps it.

    Args:
        nearness: as for `separations`.
        period_px: as for `separations`.
        depth: as for `separations`.

    Returns:
        (H, W) int32, a column; a pixel without a partner gives its own.
    """
    height_px, width_px = nearness.shape
    columns = np.arange(width_px, dtype=np.int32)
    apart = separations(nearness, period_px, depth)
    left = columns - apart // 2
    right = left + apart
    linked = (left >= 0) & (right < width_px)
    linked &= _seen_by_both(nearness, period_px, depth)
    rows, points = np.nonzero(linked)
    left, right = left[rows, points], right[rows, points]
    # of two points on one ray the nearer is seen farther right by the left eye, and the other
    # way round by the right one, so painted in these orders the nearer comes last
    by_left = np.full((height_px, width_px), -1, np.int32)
    backwards = rows[::-1].copy(), left[::-1].copy()  # NumPy may turn reversed views round
    by_left[backwards] = points[::-1].copy()
    by_right = np.full((height_px, width_px), -1, np.int32)
    by_right[rows, right] = points
    kept = (by_left[rows, left] == points) & (by_right[rows, right] == points)
    partner: NDArray[np.int32] = np.broadcast_to(columns, nearness.shape).copy()
    partner[rows[kept], left[kept]] = right[kept]
    return partner


def autostereogram(photo: Image, depth: DepthMap, options: AutostereogramOptions) -> Picture:
    """Make the picture, of the size of the map; the photo itself is not in it."""
    del photo
    height_px, width_px = depth.inverse_depth.shape
    period_px = max(1.0, options.period * width_px)
    nearness = depth.nearness(robust=True)
    pattern = _pattern(options, max(1, round(period_px)), height_px)
    pixels = np.empty((height_px, width_px, 3), np.uint8)

    def fill(rows: slice) -> None:
        partner = partners(nearness[rows], period_px, options.depth)
        if options.texture is not None:
            partner = _continued(partner)
        down = np.arange(height_px)[rows, None] % pattern.shape[0]
        pixels[rows] = pattern[down, _ends(partner) % pattern.shape[1]]

    for_each_strip(fill, nearness)
    return Picture(pixels)


def _seen_by_both(nearness: FloatMap, period_px: float, depth: float) -> NDArray[np.bool_]:
    """Follow both rays towards the eyes until nothing can occlude them."""
    width_px = nearness.shape[1]
    seen = np.ones(nearness.shape, bool)
    if depth * period_px < 0.1:  # flat to within a pixel
        return seen
    rise = 2 * (2 - np.float32(depth) * nearness) / np.float32(depth * 2 * period_px)
    least = float(rise.min())
    for step in range(1, min(width_px, int(1 / least) + 2)):
        ray = nearness + rise * np.float32(step)
        seen[:, step:] &= nearness[:, :-step] < ray[:, step:]
        seen[:, :-step] &= nearness[:, step:] < ray[:, :-step]
    return seen


def _pattern(options: AutostereogramOptions, period_px: int, height_px: int) -> Image:
    """Return one period of the pattern, (h, period_px, 3), to be repeated downwards."""
    if options.texture is None:
        side = options.dot_px
        rng = np.random.default_rng(_SEED)
        names = rng.integers(len(_DOTS), size=(-(-height_px // side), -(-period_px // side)))
        dots = _DOTS[names].repeat(side, axis=0).repeat(side, axis=1)
        return dots[:height_px, :period_px]
    texture = options.texture[:, :, :3]
    tall = max(1, round(texture.shape[0] * period_px / texture.shape[1]))
    small = period_px < texture.shape[1]
    way = cv2.INTER_AREA if small else cv2.INTER_CUBIC
    tile = np.asarray(cv2.resize(texture, (period_px, tall), interpolation=way), np.uint8)
    return _detailed(np.concatenate((tile, tile[::-1])))


def _detailed(tile: Image) -> Image:
    """Return a texture what the eyes hold on to: strong local contrast, and grain where it is even.

    Contrast by CLAHE (Zuiderveld, in "Graphics Gems IV", 1994), on lightness alone.
    """
    lab = np.asarray(cv2.cvtColor(tile, cv2.COLOR_RGB2LAB), np.uint8)
    bright = cv2.createCLAHE(3.0, (4, 4)).apply(lab[..., 0]).astype(np.float32)
    around = cv2.blur(bright, (_NEAR_PX, 1))
    spread = np.sqrt(np.maximum(cv2.blur(bright * bright, (_NEAR_PX, 1)) - around**2, 0))
    grain = np.random.default_rng(_SEED).standard_normal(bright.shape, np.float32)
    bright += grain * np.maximum(_LEAST_SPREAD - spread.reshape(bright.shape), 0)
    lab[..., 0] = np.clip(np.rint(bright), 0, 255).astype(np.uint8)
    return np.asarray(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB), np.uint8)


def _continued(partner: NDArray[np.int32]) -> NDArray[np.int32]:
    """Continue the link of the left neighbour at pixels without one, so that no seam shows."""
    columns = np.arange(partner.shape[1], dtype=np.int32)
    linked = partner > columns
    last = np.maximum.accumulate(np.where(linked, columns, np.int32(0)), axis=1)
    apart = np.take_along_axis(partner, last, axis=1) - last
    onward = columns + apart
    return np.where(linked | (onward >= partner.shape[1]), partner, onward).astype(np.int32)


def _ends(partner: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the column of the right end of every chain of partners: its color is the chain's."""
    height_px, width_px = partner.shape
    rows = (np.arange(height_px, dtype=np.int32) * width_px)[:, None]
    end = (partner + rows).ravel()
    while True:  # each round doubles the length of the chains that are followed
        farther = end[end]
        if np.array_equal(farther, end):
            return np.asarray(end.reshape(height_px, width_px) - rows, np.int32)
        end = farther


EFFECT: Final = Effect(
    "autostereogram",
    "Make a single-image stereogram of random dots or of a texture.",
    AutostereogramOptions,
    autostereogram,
)
