"""What a catalogue's models are in a room, judged by their names, groups and sizes."""

from __future__ import annotations

import re

_OUTDOORS = {"Vehicles", "Exterior", "Staircases", "Doors and windows"}
_NEVER = re.compile(
    r"""container|railing|fence|horse$|chicken|chimney|emergency|barnum|surveillance|cctv|fountain|
    tatami|pallet|round\ carpet|rug|doormat|bathmat|screen\ door|shower\ door|column|hammock|
    mailbox|curtain|ceiling\ fan|water\ heater|bill\ |^rock$|lying\ down|sitting|socket$|watch$|
    ^ring|punching|smoke""",
    re.VERBOSE,
)
_DESPITE_OUTDOORS = re.compile(
    r"""^chair|folding\ chair|cafe|rattan|flower\ box|trashcan|spray\ bottle|bicycle|^bike|stroller|
    tricycle|skateboard|teck\ chair|relax\ chair|plant\ box|^bench""",
    re.VERBOSE,
)
_BY_NAME = (
    ("top", "desk lamp|table fan|^hood$|range hood|speaker"),
    ("wall", "radiator"),
    ("middle", "^screen$"),
    ("middle", "pool table|football table|table tennis$|piano$"),
    ("person", "^male|^female|^boy|^girl|holding|mannequin"),
    ("floor", "^cat$|^dog$|rabbit|bulldog|siamese|bicycle|^bike|stroller|tricycle|skateboard"),
    ("bedside", "bedside"),
    ("bed", "bed$|crib|futon$|mattress"),
    ("floor", "piano bench|puff|trash|dustbin|recycling|basket|dog house|sleeping bag"),
    ("sofa", "sofa|couch|day bed|armchair ottoman|winchester"),
    ("chair", "chair|stool|class seat|little bank|^bench"),
    ("fridge", "fridge|refrigerator|high cabinet|water cooler|double oven"),
    ("upper", "upper|hood|glass door cabinet"),
    ("unit", "lower cabinet|lower corner|drawers cabinet|^oven$|large stove"),
    ("unit", "washing machine|dryer machine|^sink|freezer"),
    ("island", "island$|island extension"),
    ("bath", "toilets unit|washbasin|vanity|^bath$|bathtub|island bath|bidet|urinal|shower stall"),
    ("bath", "lavatory|clothes horse"),
    ("tv", "^tv$|tv 16|imac"),
    ("stand", "tv stand|television cabinet"),
    ("desk", "^desk|wooden desk|technical table|workbench|dressing table|changing table"),
    ("office", "wooden.*table"),
    ("shelf", "bookcase|shelves|contemporary living|clothes rack"),
    ("cupboard", "wardrobe|cupboard|dresser|^chest$|filing|^safe$|fireplace|furnace|locker$"),
    ("plant", "plant|ficus|yucca|bamboo|christmas tree|spathi|lily|tulips|orchid|flowers"),
)


def role(
    name: str, group: str, size_m: tuple[float, float, float], elevation_m: float
) -> str | None:
    """Return what a model is in a room, or None if it belongs in none.

    Args:
        name: The catalogue's name of it.
        group: The catalogue's category.
        size_m: Width, height and depth.
        elevation_m: Height above the floor at which it hangs.
    """
    lower = name.lower()
    width, height, depth = size_m
    outside = group in _OUTDOORS and not _DESPITE_OUTDOORS.search(lower)
    if outside or _NEVER.search(lower) or max(width, depth) > 3.0 or height > 2.4:
        return None
    for found, pattern in _BY_NAME:
        if re.search(pattern, lower):
            return _refined(found, size_m, elevation_m)
    if "table" in lower and height > 0.3 and width > 0.4:
        return "low" if height < 0.58 or max(width, depth) < 0.7 else "table"
    if elevation_m > 0.1:
        return _hung(group, size_m, elevation_m)
    return _standing(group, size_m)


def _refined(found: str, size_m: tuple[float, float, float], elevation_m: float) -> str:
    """Return a finer role for models whose size makes them something else."""
    _, height, depth = size_m
    others = {
        "middle": ("cupboard", depth < 0.6),
        "plant": ("top", height < 0.5),
        "chair": ("floor", height < 0.4),
        "cupboard": ("bedside", height < 0.6) if elevation_m < 0.3 else ("wall", True),
        "shelf": ("bedside", height < 0.6),
        "tv": ("wall", elevation_m > 0.3),
        "wall": ("floor", depth > 0.3),
        "top": ("upper", elevation_m > 1.0),
        "upper": ("unit" if height > 0.6 else "top", elevation_m < 0.5),
    }
    other, fits = others.get(found, ("", False))
    return other if fits else found


def _hung(group: str, size_m: tuple[float, float, float], elevation_m: float) -> str | None:
    """Return whether something hangs on a wall or from the ceiling."""
    width, height, depth = size_m
    if group == "Lights" and elevation_m > 1.2 and min(width, depth) > 0.2:
        return "ceiling"
    if depth < 0.03:
        return "plug"
    return "wall" if depth < 0.6 and elevation_m + height < 2.5 else None


def _standing(group: str, size_m: tuple[float, float, float]) -> str:
    """Return where something of no telling name stands."""
    width, height, depth = size_m
    if group == "Lights":
        return "lamp" if height > 0.9 else "top"
    if height < 0.56 and max(width, depth) < 0.62:
        return "top"
    if group == "Bathroom":
        return "bath"
    if height > 0.95 and width > 0.8 and depth < 0.7:
        return "cupboard"
    return "floor" if max(width, depth) < 1.5 else "middle"
