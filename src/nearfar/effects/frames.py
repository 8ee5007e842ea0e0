"""Apply effects to the frames of a clip."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final, get_args, get_type_hints

from nearfar.config import Options
from nearfar.depth import DepthMap
from nearfar.effects import EFFECTS, Effect, Picture
from nearfar.effects._render.text import over_white
from nearfar.errors import VideoError
from nearfar.io.images import Image


def _makes_pictures(effect: Effect[Any, Any]) -> bool:
    made = get_type_hints(effect.apply).get("return")
    return Picture in (get_args(made) or (made,))


FRAME_EFFECTS: Final[dict[str, Effect[Any, Any]]] = {
    effect.name: effect for effect in EFFECTS if _makes_pictures(effect)
}
"""Name -> effect that can make a picture of every frame."""


def for_each_frame(
    effect: Effect[Any, Any], options: Options
) -> Callable[[Image, DepthMap], Image]:
    """Return what makes the picture of a frame; safe to call from several threads at once.

    Args:
        effect: one of `FRAME_EFFECTS`.
        options: of that effect, the same for all frames.

    Returns:
        (photo (H, W, 3) uint8, map of its size) -> picture (h, w, 3) uint8, what is transparent
        over white: films have no alpha. It raises VideoError where these options make a clip of
        every photo. It can be pickled.
    """
    return partial(_picture, effect.name, effect.for_clip(options))


def _picture(name: str, options: Options, photo: Image, depth: DepthMap) -> Image:
    made = FRAME_EFFECTS[name].apply(photo, depth, options)
    if not isinstance(made, Picture):
        raise VideoError(
            f"{name} makes no picture of a frame with these options, but a"
            f" {type(made).__name__.lower()}: choose others"
        )
    pixels = made.pixels
    return pixels if pixels.shape[2] == 3 else over_white(pixels)
