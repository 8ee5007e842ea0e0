"""Keep the color of what is near and desaturate what is far."""

from dataclasses import dataclass

import numpy as np

from nearfar.config import Options, option
from nearfar.depth import DepthMap
from nearfar.effects._segment.edge_snapping import snap
from nearfar.effects.base import Effect, Picture
from nearfar.effects.depth_stats import near_cut
from nearfar.imaging.color import FloatMap, luminance, mix, to_linear, to_srgb
from nearfar.io.images import Image


@dataclass(frozen=True)
class FadeOptions(Options):
    """Options of `fade`."""

    cut: float | None = option(
        "Nearness at which half of the saturation is left; default: automatic.", None, ge=0, le=1
    )
    softness: float = option("Width of the transition, in nearness.", 0.3, ge=0, le=1)
    amount: float = option("Desaturation of the distance.", 1.0, ge=0, le=1)
    darken: float = option("Darkening of the distance.", 0.25, ge=0, le=1)


def fade(photo: Image, depth: DepthMap, options: FadeOptions) -> Picture:
    """Keep the color of what is near, and desaturate what is far.

    Args:
        photo: (H, W, 3) uint8 RGB.
        depth: map of the same size; all of a constant map keeps its color, unless `cut` is
            given.
        options: see `FadeOptions`.

    Returns:
        (H, W, 3).
    """
    nearness = snap(depth.nearness(robust=True), photo)
    cut = near_cut(nearness) if options.cut is None else options.cut
    if cut is None:
        return Picture(photo)
    light = to_linear(photo)
    grey = np.repeat(luminance(light)[..., None], 3, axis=2)
    grey *= np.float32(1 - options.darken)
    return Picture(to_srgb(mix(light, grey, options.amount * _far(nearness, cut, options))))


def _far(nearness: FloatMap, cut: float, options: FadeOptions) -> FloatMap:
    """Return 0 to 1, with no kink where the fading begins and ends."""
    ramp = np.clip((cut - nearness) / max(options.softness, 1e-3) + 0.5, 0, 1)
    return np.asarray(ramp * ramp * (3 - 2 * ramp), np.float32)


EFFECT = Effect(
    "fade", "Keep the color of what is near and desaturate what is far.", FadeOptions, fade
)
