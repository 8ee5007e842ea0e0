"""A navigation plan in words."""

from typing import Final

from nearfar.effects.navigate import NavigationPlan, Sector

_STRAIGHT_DEG: Final = 3.0  # less is not worth a turn

_TEXTS: Final = {
    "en": {
        "no_floor": "no floor found: sectors go by nearness alone",
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
        "no_floor": "没有找到地面，只按远近判断",
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
    """Say where to go, and what is free, by language code, `en` and `zh`."""
    return {language: _said(plan, texts) for language, texts in _TEXTS.items()}


def _said(plan: NavigationPlan, texts: dict[str, str]) -> str:
    parts = [_way(plan, texts)]
    parts += [_sector(each, texts) for each in plan.sectors]
    return texts["between"].join(parts)


def _way(plan: NavigationPlan, texts: dict[str, str]) -> str:
    if not plan.floor_found:
        return texts["no_floor"]
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
