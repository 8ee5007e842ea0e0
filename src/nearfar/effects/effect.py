"""What an effect is, and what it makes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Generic, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from nearfar.config import Options
from nearfar.depth import DepthMap
from nearfar.io.images import Image

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
    """Moving pictures, made one by one while they are written.

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
    """Stereo sound, and what it says in words.

    Attributes:
        samples: (N, 2) float32 in -1 to 1, left and right.
        rate_hz: samples a second.
        summary: a sentence by language code, `en` and `zh`.
    """

    samples: NDArray[np.float32]
    rate_hz: int
    summary: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Effect(Generic[EffectOptions, Result]):
    """One use of depth.

    Attributes:
        name: what the user types.
        sentence: what it does, for the help.
        options: its options, a frozen dataclass of `nearfar.config`. Places in the picture are
            given as parts of its width and height, 0 to 1 from the upper left corner, so that
            they hold at any size.
        apply: (photo (H, W, 3) uint8, map of the same size, options) -> result.
    """

    name: str
    sentence: str
    options: type[EffectOptions]
    apply: Callable[[Image, DepthMap, EffectOptions], Result]


def picture_option(sentence: str) -> Any:
    """Declare an option that is a picture, (H, W, 3 or 4) uint8, or None.

    The command line takes a path for it, HTTP a file, the page an upload.
    """
    metadata = {"help": sentence, "description": sentence, "picture": True}
    return field(default=None, metadata=metadata)
