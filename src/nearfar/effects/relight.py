"""Relight a photo with a virtual lamp."""

import math
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from nearfar.config import Options, option
from nearfar.depth import DepthMap
from nearfar.effects._segment.edge_snapping import snap
from nearfar.effects.base import Effect, Picture, color_light
from nearfar.imaging.color import FloatMap, Light, brightest, to_linear, to_srgb
from nearfar.imaging.resize import fitting, larger, smaller
from nearfar.io.images import Image
from nearfar.parallel import for_each_strip

_WORK_PX: Final = 512
_FLAT: Final = 1e-30  # a lower relief is none in float32
"""Longer side that light is worked out at: it is smooth."""

_STEEPEST: Final = 1.5  # slope of a surface: a steeper one is an edge between two surfaces
_SUPPORT: Final = 1 / 40  # of the longer side: how far around a slope is averaged
_STEPS: Final = 24  # places looked at on the way to the lamp


@dataclass(frozen=True)
class RelightOptions(Options):
    """Options of `relight`."""

    x: float = option(
        "Position of the lamp, as a part of the width from the left.", 0.25, ge=0, le=1
    )
    y: float = option(
        "Position of the lamp, as a part of the height from the top.", 0.2, ge=0, le=1
    )
    nearness: float = option(
        "Nearness of the lamp: 0 farthest, 1 nearest surface, more than 1 in front of the scene.",
        1.4,
        ge=0,
        le=3,
    )
    brightness: float = option(
        "Brightness of the lamp, relative to the photo's own light.", 3.0, ge=0, le=5
    )
    ambient: float = option("Part of the photo's own light that is kept.", 0.15, ge=0, le=1)
    color: str = option("Color of the lamp: #rrggbb or a name.", "#ffe9cc")
    relief: float = option(
        "Depth range of the scene, relative to the photo's longer side.",
        0.5,
        gt=0,
        le=2,
    )
    shadow: float = option("Opacity of the cast shadows.", 0.6, ge=0, le=1)


def relight(photo: Image, depth: DepthMap, options: RelightOptions) -> Picture:
    """Relight a photo with a lamp at a given position.

    The scene is a relief as high as its nearness: normals come from its slope, light falls off
    with the distance to the lamp and the angle to the normal (Lambert), and what stands
    between throws a shadow. Where the light is strong it saturates, and never clips.

    Raises:
        UsageError: no such color.
    """
    nearness = snap(depth.nearness(robust=True), photo)
    lit = _lamp(smaller(nearness, fitting(nearness.shape, _WORK_PX)), options)
    lit = larger(lit, nearness.shape)
    lamp = color_light(options.color) * np.float32(options.brightness)
    return Picture(to_srgb(_exposed(to_linear(photo), lit, lamp, options.ambient)))


def _exposed(light: Light, lit: FloatMap, lamp: Light, ambient: float) -> Light:
    """Add a lamp to the photo's own light, as film does: what is left up to white is never used up.

    All three colors are held back alike, so that what is bright keeps its hue.

    Args:
        light: (H, W, 3) float32, of the photo.
        lit: (H, W) float32, how much of the lamp falls there.
        lamp: (3,) float32, its color.
        ambient: how much of the photo's light is kept.

    Returns:
        (H, W, 3) float32.
    """
    exposed = np.empty_like(light)

    def expose(rows: slice) -> None:
        own = light[rows]
        added = own * lamp
        room = np.maximum(1 - brightest(own) * np.float32(ambient), np.float32(1e-3))
        most = np.maximum(brightest(added) * lit[rows] / room, np.float32(1e-6))
        added *= (lit[rows] * -np.expm1(-most) / most)[..., None]
        exposed[rows] = own * np.float32(ambient) + added

    for_each_strip(expose, light)
    return exposed


def _lamp(nearness: FloatMap, options: RelightOptions) -> FloatMap:
    """Return the lamp's light on every place of the relief, 1 where it falls straight from near."""
    longer = max(nearness.shape)
    high = cv2.GaussianBlur(nearness, (0, 0), 1 + longer / 256) * np.float32(options.relief)
    across, down = _slopes(high)
    columns = (np.arange(high.shape[1], dtype=np.float32) + 0.5) / longer
    rows = (np.arange(high.shape[0], dtype=np.float32) + 0.5) / longer
    to_x = options.x * high.shape[1] / longer - columns[None, :]
    to_y = options.y * high.shape[0] / longer - rows[:, None]
    to_z = options.nearness * options.relief - high
    away = np.sqrt(to_x**2 + to_y**2 + to_z**2) + np.float32(1e-3)
    facing = (to_z - across * to_x - down * to_y) / (away * np.sqrt(1 + across**2 + down**2))
    reach = max(0.35, abs(options.nearness - 0.5) * options.relief)
    lit = np.maximum(facing, 0) / (1 + (away / reach) ** 2) * 2
    if options.shadow > 0:
        lit = lit * (1 - options.shadow * _shadow(high, options))
    return np.asarray(lit, np.float32)


def _slopes(high: FloatMap) -> tuple[FloatMap, FloatMap]:
    """Return the slopes across and down of the surfaces, each a mean of those around.

    The mean is a robust one (the weights are Geman and McClure's, 1987): what is steeper than
    any surface is the edge of one, and gets its slope from beside it.
    """
    longer = max(high.shape)
    across, down = (_slope(high, axis) * np.float32(longer) for axis in (1, 0))
    weight = 1 / (1 + (across * across + down * down) / np.float32(_STEEPEST**2)) ** 2
    reach = 1 + longer * _SUPPORT
    total, summed_across, summed_down = (
        np.asarray(cv2.GaussianBlur(each, (0, 0), reach), np.float32).reshape(high.shape)
        for each in (weight, weight * across, weight * down)
    )
    total = np.maximum(total, np.float32(1e-6))
    return summed_across / total, summed_down / total


def _slope(high: FloatMap, axis: int) -> FloatMap:
    if high.shape[axis] < 2:
        return np.zeros_like(high)
    return np.asarray(np.gradient(high, axis=axis), np.float32)


def _shadow(high: FloatMap, options: RelightOptions) -> FloatMap:
    """Return how much of the lamp is occluded, 0 to 1, by marching from each place to the lamp."""
    size_px = max(1, high.shape[1] // 2), max(1, high.shape[0] // 2)
    relief = smaller(high, size_px)
    lamp_x, lamp_y = options.x * size_px[0] - 0.5, options.y * size_px[1] - 0.5
    lamp_z = np.float32(options.nearness * options.relief)
    columns, rows = np.meshgrid(*(np.arange(side, dtype=np.float32) for side in size_px))
    over = np.zeros_like(relief)
    for step in range(1, _STEPS):
        part = np.float32((step / _STEPS) ** 1.5)
        there = cv2.remap(
            relief,
            columns + part * np.float32(lamp_x - columns),
            rows + part * np.float32(lamp_y - rows),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        ray = relief + part * (lamp_z - relief)
        np.maximum(over, (there - ray) / math.sqrt(part), out=over)
    full = max(0.15 * options.relief, _FLAT)
    hidden = np.clip(over / np.float32(full), 0, 1)
    soft = cv2.GaussianBlur(hidden, (0, 0), 1 + max(size_px) / 50)
    return larger(np.asarray(soft, np.float32).reshape(relief.shape), high.shape)


EFFECT = Effect(
    "relight", "Add a lamp to the scene, with shading and shadows.", RelightOptions, relight
)
