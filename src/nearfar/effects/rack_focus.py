"""Make a rack focus clip: the focus moves from one depth to another."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from nearfar.config import option
from nearfar.depth import DepthMap
from nearfar.effects._render.bokeh_render import render
from nearfar.effects._segment.focus import focus_on
from nearfar.effects.base import Clip, Effect
from nearfar.effects.bokeh import LensOptions, lens_of
from nearfar.effects.depth_stats import nearness_at, place_of
from nearfar.imaging.color import FloatMap
from nearfar.imaging.resize import smaller
from nearfar.io.images import Image


@dataclass(frozen=True)
class RackFocusOptions(LensOptions):
    """Options of `rack_focus`."""

    from_x: float | None = option(
        "First focus point, as a part of the width from the left; default: the subject.",
        None,
        ge=0,
        le=1,
    )
    from_y: float | None = option(
        "First focus point, as a part of the height from the top; default: the subject.",
        None,
        ge=0,
        le=1,
    )
    to_x: float | None = option(
        "Last focus point, from the left; default: the depth farthest from the first.",
        None,
        ge=0,
        le=1,
    )
    to_y: float | None = option(
        "Last focus point, from the top; default: the depth farthest from the first.",
        None,
        ge=0,
        le=1,
    )
    seconds: float = option("Duration of the focus movement, in seconds.", 3.0, gt=0, le=60)
    hold: float = option("Pause at each end, in seconds.", 0.5, ge=0, le=10)
    back: bool = option("Move the focus back again, so that the clip loops.", default=False)
    fps: float = option("Frames per second.", 25.0, ge=1, le=60)
    clip_side_px: int = option(
        "Longer side of the clip in pixels; the photo is never enlarged.", 1280, ge=16, le=4096
    )


def rack_focus(photo: Image, depth: DepthMap, options: RackFocusOptions) -> Clip:
    """Make a clip in which the focus moves, slowly at both ends.

    Args:
        photo: (H, W, 3) uint8 RGB.
        depth: map of the same size.
        options: a place with one coordinate has the middle's other.

    Returns:
        Frames of even width and height where the photo has two pixels or more each way: most
        video formats ask for that.
    """
    near, start, end = _ends(depth.nearness(robust=True), photo, options)
    small = _fit(photo, options.clip_side_px)
    near = smaller(near, small.shape[1::-1])
    way = _way(options)

    def frames() -> Iterator[Image]:
        for part in way:
            focus = start + (end - start) * part
            yield render(small, near, lens_of(options, small, focus))

    return Clip(frames(), len(way), options.fps, loops=options.back)


def _ends(
    nearness: FloatMap, photo: Image, options: RackFocusOptions
) -> tuple[FloatMap, float, float]:
    """Return the map, and the nearness that is sharp first, and last."""
    near, start = focus_on(nearness, photo, place_of(options.from_x, options.from_y))
    last = place_of(options.to_x, options.to_y)
    if last is not None:
        return near, start, nearness_at(near, *last)
    far, nearest = (float(each) for each in np.quantile(near, (0.05, 0.95)))
    return near, start, far if start - far >= nearest - start else nearest


def _way(options: RackFocusOptions) -> list[float]:
    """Return for each frame the position of the focus, 0 to 1."""
    steps = max(2, round(options.seconds * options.fps))
    rest = round(options.hold * options.fps)
    there = [0.5 - 0.5 * math.cos(math.pi * step / (steps - 1)) for step in range(steps)]
    way = [0.0] * rest + there + [1.0] * rest
    return way + there[-2:0:-1] if options.back else way


def _fit(photo: Image, max_side_px: int) -> Image:
    height_px, width_px = photo.shape[:2]
    scale = min(1.0, max_side_px / max(height_px, width_px))
    sides = [_even(round(side * scale)) for side in (width_px, height_px)]
    if sides == [width_px, height_px]:
        return photo
    small = cv2.resize(photo, sides, interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8).reshape(sides[1], sides[0], 3)


def _even(side_px: int) -> int:
    return max(1, side_px - side_px % 2 if side_px > 1 else side_px)


EFFECT = Effect(
    "rack-focus",
    "Make a clip in which the focus moves between two depths.",
    RackFocusOptions,
    rack_focus,
)
