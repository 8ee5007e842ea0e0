"""Make a stereo pair from one photo."""

from dataclasses import dataclass
from functools import partial
from typing import Final, Literal

import cv2
import numpy as np

from nearfar.config import Options, option
from nearfar.depth import DepthMap
from nearfar.effects._render.view_synthesis import Move, view
from nearfar.effects.anaglyph import anaglyph
from nearfar.effects.base import Clip, Effect, Picture
from nearfar.imaging.inpainting import split
from nearfar.io.images import Image
from nearfar.parallel import run_parallel

LayoutName = Literal["sbs", "half-sbs", "tb", "half-tb", "cross-eyed", "anaglyph", "wiggle"]

SUFFIXES: Final[dict[str, str]] = {
    "sbs": "_LRF_Full_SBS",
    "half-sbs": "_LR",
    "tb": "_TBF_fulltb",
    "half-tb": "_TB",
    "cross-eyed": "_RLF_cross",
    "anaglyph": "_redcyan",
    "wiggle": "_wiggle",
}
"""How a file name ends, so that players (Skybox, Pigasus, 4XVR, DeoVR) know the layout; iw3's."""

WIGGLE_FPS: Final = 10.0

_WIGGLE: Final = (-1.0, -0.5, 0.0, 0.5, 1.0, 0.5, 0.0, -0.5)
"""Where the eye is in each frame: -1 is the left one."""


@dataclass(frozen=True)
class StereoOptions(Options):
    """Options of `stereo`."""

    layout: LayoutName = option(
        "Layout of the pair: side by side or top and bottom (left or top is the left eye;"
        " half keeps the photo's size), cross-eyed, red-cyan anaglyph, or a wiggle animation.",
        "sbs",
    )
    separation: float = option(
        "Disparity between nearest and farthest, as a part of the width.",
        0.025,
        ge=0,
        le=0.1,
    )
    convergence: float = option(
        "Nearness of the screen plane, 0 (farthest) to 1 (nearest); what is nearer appears in"
        " front of it.",
        0.5,
        ge=0,
        le=1,
    )


def suffix(layout: str) -> str:
    """Return the end of a file's stem by which players know the layout."""
    return SUFFIXES[layout]


def pair(photo: Image, depth: DepthMap, options: StereoOptions) -> tuple[Image, Image]:
    """Make the view of the left and of the right eye.

    A pixel of nearness n (`depth.nearness(robust=True)`) is seen at x + s/2 (n - c) by the left
    eye and at x - s/2 (n - c) by the right one, with s the separation in pixels and c the
    convergence. What comes into sight is filled from the background beside it.

    Args:
        photo: (H, W, 3) uint8 RGB.
        depth: of the same size.
        options: the layout does not matter here.

    Returns:
        two pictures of the photo's size.
    """
    left, right = _eyes(photo, depth, options, (-1.0, 1.0))
    return left, right


def stereo(photo: Image, depth: DepthMap, options: StereoOptions) -> Picture | Clip:
    """Make a stereo picture, or for the layout `wiggle` a clip."""
    if options.layout == "wiggle":
        half = len(_WIGGLE) // 2 + 1
        frames = _eyes(photo, depth, options, _WIGGLE[:half])
        back = frames[half - 2 : 0 : -1]
        return Clip(iter([*frames, *back]), len(_WIGGLE), WIGGLE_FPS, loops=True)
    left, right = pair(photo, depth, options)
    return Picture(_laid_out(left, right, options.layout))


def _eyes(
    photo: Image, depth: DepthMap, options: StereoOptions, places: tuple[float, ...]
) -> list[Image]:
    shift_px = options.separation * depth.width_px / 2
    scene = split(photo, depth.nearness(robust=True), (shift_px, 0))
    moves = [Move(x_px=-place * shift_px, focus=options.convergence) for place in places]
    return run_parallel(*(partial(view, scene, move) for move in moves))


def _laid_out(left: Image, right: Image, layout: str) -> Image:
    if layout == "anaglyph":
        return anaglyph(left, right)
    if layout == "cross-eyed":
        return np.concatenate((right, left), axis=1)
    height_px, width_px = left.shape[:2]
    axis = 1 if layout.endswith("sbs") else 0
    if not layout.startswith("half-"):
        return np.concatenate((left, right), axis=axis)
    first, second = (width_px + 1) // 2, width_px // 2
    sizes = [(first, height_px), (second, height_px)]
    if axis == 0:
        sizes = [(width_px, (height_px + 1) // 2), (width_px, height_px // 2)]
    halves = [
        cv2.resize(each, size, interpolation=cv2.INTER_AREA)
        for each, size in zip((left, right), sizes, strict=True)
        if min(size)
    ]
    return np.asarray(np.concatenate(halves, axis=axis), np.uint8)


EFFECT: Final = Effect(
    "stereo",
    "Make a stereo pair: side by side, top and bottom, anaglyph or wiggle animation.",
    StereoOptions,
    stereo,
)
