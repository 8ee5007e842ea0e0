"""Add fog that grows with distance."""

from dataclasses import dataclass

import numpy as np

from nearfar.config import Options, option
from nearfar.depth import DepthMap
from nearfar.effects._segment.edge_snapping import snap
from nearfar.effects.base import Effect, Picture, color_light
from nearfar.effects.depth_stats import far_light, remoteness
from nearfar.imaging.color import FloatMap, Light, luminance, mix, to_linear, to_srgb
from nearfar.io.images import Image


@dataclass(frozen=True)
class FogOptions(Options):
    """Options of `fog`."""

    density: float = option("Opacity of the fog at the farthest depth.", 0.85, ge=0, le=0.99)
    start: float = option("Relative distance at which the fog begins, 0 to 1.", 0.0, ge=0, lt=1)
    color: str | None = option(
        "Color of the fog, #rrggbb or a name; default: a pale color of the photo's background.",
        None,
    )


def fog(photo: Image, depth: DepthMap, options: FogOptions) -> Picture:
    """Add fog: transmission falls exponentially with distance.

    The distance is relative: the farthest counts as five times as far as the nearest
    (Koschmieder's law of 1924 gives the mix, in linear light).

    Args:
        photo: (H, W, 3) uint8 RGB.
        depth: map of the same size; all of a constant map counts as farthest.
        options: see `FogOptions`.

    Returns:
        (H, W, 3).

    Raises:
        UsageError: no such color.
    """
    nearness = snap(depth.nearness(robust=True), photo)
    light = to_linear(photo)
    way = np.clip((remoteness(nearness) - options.start) / (1 - options.start), 0, 1)
    hidden: FloatMap = 1 - np.power(np.float32(1 - options.density), way.astype(np.float32))
    air = _air(light, nearness) if options.color is None else color_light(options.color)
    return Picture(to_srgb(mix(light, air, hidden)))


def _air(light: Light, nearness: FloatMap) -> Light:
    """Return the color of daylight fog: that of the distance, a third as colorful, not dark."""
    far = far_light(light, nearness)
    bright = float(luminance(far.reshape(1, 1, 3))[0, 0])
    wanted = max(bright, 0.3)
    tint = far / max(bright, 1e-3) if bright > 0.02 else np.ones_like(far)
    return np.asarray(np.clip(wanted * (0.35 * tint + 0.65), 0, 1), np.float32)


EFFECT = Effect("fog", "Add fog that grows with distance.", FogOptions, fog)
