"""Describe obstacles and free directions in English and Chinese."""

from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np

from nearfar.depth import DepthMap
from nearfar.effects._ground.ground import find_ground
from nearfar.effects.navigate import NavigationPlan, Sector
from nearfar.imaging.color import FloatMap

_STRAIGHT_DEG: Final = 3.0  # less is not worth a turn

_TEXTS: Final = {
    "en": {
        "flat": "no floor found, because everything is equally far",
        "upside_down": "no floor found, because the upper part is nearer than the lower one:"
        " turn the picture the right way up",
        "hidden": "no floor found: turn the camera down or step back, until bare floor is seen at"
        " the lower border",
        "unknown": "sectors are judged by nearness alone",
        "caution": "flat water, ice, glass and steps down can look like floor",
        "no_way": "no way is free: stop",
        "straight": "go straight on",
        "left": "turn {deg:.0f}° to the left",
        "right": "turn {deg:.0f}° to the right",
        "free": "free",
        "blocked": "blocked",
        "metres": "{metres:.1f} m",
        "sector": "{start:+.0f}° to {stop:+.0f}°: {state}",
        "colon": ": ",
        "comma": ", ",
        "between": "; ",
    },
    "zh": {
        "flat": "没有找到地面，因为各处远近相同",
        "upside_down": "没有找到地面，因为画面上方比下方更近：请把照片转正",
        "hidden": "没有找到地面：请把相机朝下或后退，让画面下缘露出地面",
        "unknown": "各方向只按远近判断",
        "caution": "平静的水面、冰面、玻璃和下行台阶看上去可能和地面一样",
        "no_way": "没有可走的方向，请停下",
        "straight": "直行",
        "left": "向左转 {deg:.0f}°",
        "right": "向右转 {deg:.0f}°",
        "free": "畅通",
        "blocked": "受阻",
        "metres": "{metres:.1f} 米",
        "sector": "{start:+.0f}° 到 {stop:+.0f}°：{state}",
        "colon": "：",
        "comma": "，",
        "between": "；",
    },
}


def plan_in_words(plan: NavigationPlan) -> dict[str, str]:
    """Return where to go, and what is free, by language code, `en` and `zh`."""
    return {language: _said(plan, texts) for language, texts in _TEXTS.items()}


def _said(plan: NavigationPlan, texts: dict[str, str]) -> str:
    parts = [_way(plan, texts)]
    parts += [_sector(each, texts) for each in plan.sectors]
    if plan.floor_found:
        parts.append(texts["caution"])
    return texts["between"].join(parts)


def _way(plan: NavigationPlan, texts: dict[str, str]) -> str:
    if not plan.floor_found:
        return texts["between"].join((texts[plan.missing or "hidden"], texts["unknown"]))
    if plan.heading_deg is None:
        return texts["no_way"]
    if abs(plan.heading_deg) < _STRAIGHT_DEG:
        return texts["straight"]
    side = "left" if plan.heading_deg < 0 else "right"
    return texts[side].format(deg=abs(plan.heading_deg))


def _sector(sector: Sector, texts: dict[str, str]) -> str:
    state = texts["free" if sector.is_free else "blocked"]
    if sector.reach_m is not None:
        state += texts["comma"] + texts["metres"].format(metres=sector.reach_m)
    return texts["sector"].format(start=sector.from_deg, stop=sector.to_deg, state=state)


NEAR: Final = 0.66
"""Nearness from which something is called near."""

FREE: Final = 0.33
"""Nearness below which a direction is called free."""

_FOV_DEG: Final = 60.0
_PART: Final = 90  # percentile: the nearest tenth of a direction counts

_NAMES: Final = {
    "en": ("left", "ahead", "right"),
    "zh": ("左", "前方", "右"),
}
_WORDS: Final = {
    "en": ("free", "some way off", "near"),
    "zh": ("畅通", "稍远", "近"),
}
_EQUAL: Final = {
    "en": "everything is equally far; no depth differences",
    "zh": "各处远近相同\N{FULLWIDTH COMMA}无法分辨",
}


class Surroundings(NamedTuple):
    """Nearness of what stands in three directions, 0 to 1, by the map's own measure."""

    left: float
    ahead: float
    right: float


def obstacles(depth: DepthMap) -> FloatMap:
    """Return the nearness of what is not floor; zero on the floor, if a flat one is found.

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
    """Return how near the nearest things are in the left, middle and right third.

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
    """Describe the surroundings in English and Chinese, like "left: free; ahead: near".

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
