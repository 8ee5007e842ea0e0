"""Types shared by all effects: `Effect`, its results, and common options."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeAlias, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ImageColor

from nearfar.config import Options, option
from nearfar.depth import DepthMap
from nearfar.errors import UsageError
from nearfar.imaging.color import Light, to_linear
from nearfar.io.images import Image


def color_light(text: str) -> Light:
    """Return the linear light of a color, (3,) float32.

    Args:
        text: `#rrggbb`, `rgb(r, g, b)` or a CSS name.

    Raises:
        UsageError: no such color.
    """
    try:
        red, green, blue = ImageColor.getrgb(text)[:3]
    except ValueError as error:
        raise UsageError(
            f"no color {text!r}: give #rrggbb, or a name such as white or skyblue"
        ) from error
    return to_linear(np.array([red, green, blue], np.uint8))


CLIP_PX: Final = 1920
"""Default longest side of a clip: players and encoders handle it."""


@dataclass(frozen=True)
class SizeOptions(Options):
    """Size of a result."""

    longest_px: int | None = option(
        "Longest side of the result in pixels; the photo is never enlarged.",
        None,
        ge=16,
        le=16384,
    )


def fitted(photo: Image, depth: DepthMap, longest_px: int | None) -> tuple[Image, DepthMap]:
    """Resize a photo and its map to one size.

    Args:
        photo: (H, W, 3) uint8, maybe decoded smaller than it is.
        depth: of the photo's own size.
        longest_px: neither becomes longer than this, nor than `depth` is; None keeps its size.

    Returns:
        Both of the same size.
    """
    longest = max(depth.size_px)
    scale = min(1.0, longest_px / longest) if longest_px else 1.0
    size_px = max(1, round(depth.width_px * scale)), max(1, round(depth.height_px * scale))
    if depth.size_px != size_px:
        small = cv2.resize(depth.inverse_depth, size_px, interpolation=cv2.INTER_AREA)
        depth = DepthMap(np.asarray(small, np.float32), depth.model)
    if photo.shape[1::-1] != size_px:
        way = cv2.INTER_AREA if size_px[0] < photo.shape[1] else cv2.INTER_LINEAR
        photo = np.asarray(cv2.resize(photo, size_px, interpolation=way), np.uint8)
    return photo, depth


Pixels: TypeAlias = NDArray[np.uint8]
"""(H, W, 3) RGB, or (H, W, 4) with alpha that is not multiplied in."""

EffectOptions = TypeVar("EffectOptions", bound=Options)
Result = TypeVar("Result")


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture.

    Attributes:
        pixels: (H, W, 3) uint8 RGB, or (H, W, 4) with alpha.
    """

    pixels: Pixels


@dataclass(frozen=True, eq=False)
class Clip:
    """A video clip whose frames are rendered while they are read.

    Attributes:
        frames: each (H, W, 3) uint8 RGB, all of one size; can be gone through once.
        count: how many.
        fps: frames a second.
        loops: whether the last frame leads over to the first.
    """

    frames: Iterator[Image]
    count: int
    fps: float
    loops: bool = False


@dataclass(frozen=True, eq=False)
class Sound:
    """Stereo sound and its description in words.

    Attributes:
        samples: (N, 2) float32 in -1 to 1, left and right.
        rate_hz: samples a second.
        summary: a sentence by language code, `en` and `zh`.
    """

    samples: NDArray[np.float32]
    rate_hz: int
    summary: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class WebPage:
    """A web page that needs no other file and no network.

    Attributes:
        html: the whole page.
    """

    html: str


def _unchanged(options: EffectOptions) -> EffectOptions:
    return options


@dataclass(frozen=True)
class Effect(Generic[EffectOptions, Result]):
    """An effect: its name, options and function.

    Attributes:
        name: what the user types.
        sentence: what it does, for the help.
        options: its options, a frozen dataclass of `nearfar.config`. Places in the picture are
            given as parts of its width and height, 0 to 1 from the upper left corner, so that
            they hold at any size.
        apply: (photo (H, W, 3) uint8, map of the same size, options) -> result.
        for_clip: options -> options for the frames of a clip, with automatic positions fixed.
    """

    name: str
    sentence: str
    options: type[EffectOptions]
    apply: Callable[[Image, DepthMap, EffectOptions], Result]
    for_clip: Callable[[EffectOptions], EffectOptions] = _unchanged


def picture_option(sentence: str) -> Any:
    """Declare an option that is a picture, (H, W, 3 or 4) uint8, or None.

    The command line takes a path for it, HTTP a file, the page an upload.
    """
    metadata = {"help": sentence, "description": sentence, "picture": True}
    return field(default=None, metadata=metadata)
