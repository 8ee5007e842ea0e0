"""Blur a photo as a lens does (bokeh), with the subject in focus."""

import math
from dataclasses import dataclass

from nearfar.config import Options, option
from nearfar.depth import DepthMap
from nearfar.effects._render.bokeh_render import Lens, render
from nearfar.effects._segment.edge_snapping import snap
from nearfar.effects._segment.focus import Focus, focus_on
from nearfar.effects.base import Effect, Picture
from nearfar.effects.depth_stats import place_of
from nearfar.io.images import Image


@dataclass(frozen=True)
class LensOptions(Options):
    """Options of the lens."""

    depth_of_field: float = option(
        "Depth of field to each side of the focus, in nearness.", 0.1, ge=0, le=1
    )
    aperture: float = option(
        "Largest blur radius, in percent of the photo's diagonal.",
        2.0,
        ge=0,
        le=10,
    )
    blades: int = option("Number of aperture blades; 0 makes round highlights.", 7, ge=0, le=16)
    bloom: float = option("Brightness added to highlights that are out of focus.", 0.0, ge=0, le=1)


@dataclass(frozen=True)
class BokehOptions(LensOptions):
    """Options of `bokeh`."""

    focus_x: float | None = option(
        "Focus point, as a part of the width from the left; default: the subject.", None, ge=0, le=1
    )
    focus_y: float | None = option(
        "Focus point, as a part of the height from the top; default: the subject.", None, ge=0, le=1
    )
    focus_nearness: float | None = option(
        "Nearness in focus, 0 (farthest) to 1 (nearest), instead of a focus point.",
        None,
        ge=0,
        le=1,
    )


def bokeh(photo: Image, depth: DepthMap, options: BokehOptions) -> Picture:
    """Blur a photo as a fast lens does, in linear light.

    Args:
        photo: (H, W, 3) uint8 RGB.
        depth: map of the same size.
        options: the focus is `focus_nearness`, or else the given place, or else the subject
            that is guessed.

    Returns:
        (H, W, 3), the photo itself where nothing is out of focus.
    """
    nearness = depth.nearness(robust=True)
    if options.focus_nearness is not None:
        focus = Focus(snap(nearness, photo), options.focus_nearness)
    else:
        focus = focus_on(nearness, photo, place_of(options.focus_x, options.focus_y))
    return Picture(render(photo, focus.nearness, lens_of(options, photo, focus.at)))


def lens_of(options: LensOptions, photo: Image, focus: float) -> Lens:
    """Return the lens for a photo of this size, focused at a nearness."""
    radius_px = math.hypot(*photo.shape[:2]) * options.aperture / 100
    return Lens(focus, options.depth_of_field, radius_px, options.blades, options.bloom)


EFFECT = Effect(
    "bokeh", "Blur the photo as a lens does, with the subject in focus.", BokehOptions, bokeh
)
