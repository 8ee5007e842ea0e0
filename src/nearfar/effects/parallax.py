"""Make a parallax clip from one photo."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from nearfar.config import Options, option
from nearfar.depth import DepthMap
from nearfar.effects._render.view_synthesis import Move, view
from nearfar.effects.base import Clip, Effect
from nearfar.imaging.inpainting import Scene, split
from nearfar.io.images import Image

MotionName = Literal["orbit", "swing", "dolly", "zoom"]

_TALL: Final = 0.6
"""An orbit is less high than wide: ceilings and floors stretch sooner than walls."""

_SLACK: Final = 0.5
"""Of what leaves at a border is cut off by enlarging; the rest is filled by reflection."""


@dataclass(frozen=True)
class ParallaxOptions(Options):
    """Options of `parallax`."""

    motion: MotionName = option(
        "Camera motion: orbit (a circle), swing (left and right), dolly (forward and back) or"
        " zoom (dolly zoom, the Vertigo effect).",
        "orbit",
    )
    amount: float = option(
        "Largest displacement between nearest and farthest, as a part of the width.",
        0.03,
        ge=0,
        le=0.1,
    )
    focus: float = option(
        "Nearness that does not move, 0 (farthest) to 1 (nearest).", 0.4, ge=0, le=1
    )
    seconds: float = option("Duration of one loop, in seconds.", 4.0, ge=0.5, le=30)
    fps: float = option("Frames per second.", 25.0, ge=1, le=60)


def parallax(photo: Image, depth: DepthMap, options: ParallaxOptions) -> Clip:
    """Make the clip; frames are rendered while they are taken, one at a time.

    The background behind edges is made once, so that it does not flicker.
    """
    count = max(2, round(options.seconds * options.fps))
    reach_px = options.amount * depth.width_px
    sideways = options.motion == "swing"
    scene = split(photo, depth.nearness(robust=True), (reach_px, 0 if sideways else reach_px))
    return Clip(_frames(scene, depth.size_px, options, count), count, options.fps, loops=True)


def _frames(
    scene: Scene, size_px: tuple[int, int], options: ParallaxOptions, count: int
) -> Iterator[Image]:
    for number in range(count):
        yield view(scene, _move(options, size_px, 2 * math.pi * number / count))


def _move(options: ParallaxOptions, size_px: tuple[int, int], angle: float) -> Move:
    """Return the move at a point of the round, 0 to 2 pi."""
    half_px = options.amount * size_px[0] / 2
    farthest = max(options.focus, 1 - options.focus)
    zoom = 1 + _SLACK * options.amount * farthest
    if options.motion == "swing":
        return Move(x_px=half_px * math.sin(angle), focus=options.focus, zoom=zoom)
    if options.motion == "orbit":
        x_px, y_px = half_px * math.cos(angle), _TALL * half_px * math.sin(angle)
        return Move(x_px=x_px, y_px=y_px, focus=options.focus, zoom=zoom)
    # the corner moves by about as much as an orbit's nearest; 0 at the start, most half way
    growth = 2 * options.amount * (1 - math.cos(angle)) / 2
    if options.motion == "dolly":
        return Move(growth=growth, focus=0.0)
    return Move(growth=growth, focus=options.focus, zoom=1 + 2 * options.amount * options.focus)


EFFECT: Final = Effect(
    "parallax",
    "Make a short looping clip from one photo, as if the camera moved.",
    ParallaxOptions,
    parallax,
)
