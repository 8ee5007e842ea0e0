"""What is near, to the left, ahead and to the right, in numbers and in words."""

from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np

from nearfar.depth import DepthMap
from nearfar.effects.ground import find_ground
from nearfar.imaging.color import FloatMap

NEAR: Final = 0.66
"""Nearness from which something is called near."""

FREE: Final = 0.33
"""Nearness below which a direction is called free."""

_FOV_DEG: Final = 60.0
_PART: Final = 90  # percentile: the nearest tenth of a direction speaks for it

_NAMES: Final = {
    "en": ("left", "ahead", "right"),
    "zh": ("左", "前方", "右"),
}
_WORDS: Final = {
    "en": ("free", "some way off", "near"),
    "zh": ("畅通", "稍远", "近"),
}
_EQUAL: Final = {
    "en": "everything is equally far; nothing can be told apart",
    "zh": "各处远近相同\N{FULLWIDTH COMMA}无法分辨",
}


class Surroundings(NamedTuple):
    """Nearness of what stands in three directions, 0 to 1, by the map's own measure."""

    left: float
    ahead: float
    right: float


def obstacles(depth: DepthMap) -> FloatMap:
    """Give the nearness of what is not floor; zero on the floor, if a flat one is found.

    Where the floor sinks away is no floor either: better one warning too many.

    Returns:
        (h, w) float32, 0 to 1, at most 320 pixels long.
    """
    ground = find_ground(depth.inverse_depth, _FOV_DEG)
    nearness = depth.nearness(robust=True)
    if ground is None:
        return nearness
    small = DepthMap(ground.inverse_depth).nearness(robust=True)
    return np.where(ground.mask, np.float32(0), small)


def look_around(nearness: FloatMap) -> Surroundings:
    """Say how near the nearest things are in the left, middle and right third.

    Args:
        nearness: (h, w) float32, 0 to 1, from `obstacles`.
    """
    width = nearness.shape[1]
    ends = [round(width * part / 3) for part in range(4)]
    parts = [
        nearness[:, min(start, width - 1) : max(stop, start + 1)] for start, stop in pairwise(ends)
    ]
    return Surroundings(*(float(np.percentile(part, _PART)) for part in parts))


def in_words(around: Surroundings, *, flat: bool = False) -> dict[str, str]:
    """Say it in English and Chinese, like "left: free; ahead: near; right: some way off".

    Args:
        around: from `look_around`.
        flat: the map is the same everywhere, so nothing can be said.
    """
    if flat:
        return dict(_EQUAL)
    grades = [int(each >= FREE) + int(each >= NEAR) for each in around]
    return {
        "en": _sentence("en", grades, ": ", "; "),
        "zh": _sentence("zh", grades, "\N{FULLWIDTH COLON}", "\N{FULLWIDTH SEMICOLON}"),
    }


def _sentence(language: str, grades: list[int], colon: str, between: str) -> str:
    names, words = _NAMES[language], _WORDS[language]
    return between.join(
        f"{name}{colon}{words[grade]}" for name, grade in zip(names, grades, strict=True)
    )
