"""A catalogue's pieces in a room: painted anew, laden, and in the groups in which they stand."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from worlds.shapes import moves
from worlds.shapes.moves import at
from worlds.surfaces import indoors
from worlds.things.catalogue.levels import Levels

if TYPE_CHECKING:
    from worlds.scene.solid import Solid, Thing
    from worlds.things.catalogue.catalogue import Catalogue, Entry
    from worlds.things.catalogue.model import Part
    from worlds.things.furniture.workshop import Workshop

_SHARE = 0.8  # of the pieces that come from the catalogue where it has any
_SOFT = {"sofa", "chair", "bed"}
_WOODEN = {
    "cupboard", "shelf", "table", "desk", "office", "low", "bedside", "unit", "upper", "stand"
}  # fmt: skip
_LOADS = {
    "bed": 1, "bedside": 2, "chair": 0.25, "cupboard": 3, "desk": 5, "fridge": 1.5, "island": 5,
    "low": 4, "office": 5, "shelf": 8, "sofa": 0.7, "stand": 3, "table": 5, "unit": 2.5, "bath": 1,
}  # fmt: skip
_ALONE = {
    "bath": ("bath",), "bed": ("bed",), "chair": ("chair",), "fridge": ("fridge",),
    "lamp": ("lamp",), "low": ("low",), "night": ("bedside",), "plant": ("plant",),
    "round": ("low", "table"), "shelf": ("shelf",), "sofa": ("sofa", "sofa", "chair"),
    "cupboard": ("cupboard", "cupboard", "shelf", "stand"),
}  # fmt: skip


def piece(shop: Workshop, catalogue: Catalogue, name: str) -> Thing | None:
    """Return one of the room's pieces from the catalogue; None leaves it to the workshop."""
    if not shop.maybe(_SHARE):
        return None
    if name in _GROUPS:
        return _GROUPS[name](shop, catalogue)
    roles = _ALONE.get(name, ())
    found = str(shop.rng.choice(roles)) if roles else ""
    if found == "lamp" and shop.maybe(0.7):
        return None
    return single(shop, catalogue, found)


def single(shop: Workshop, catalogue: Catalogue, role: str, load: bool = True) -> Thing | None:
    """Return a chance model of a role, laden with small things, at the height it hangs at."""
    entry = catalogue.chosen(shop.rng, role)
    if entry is None:
        return None
    parts = painted(shop, catalogue, entry)
    if load:
        parts = parts + laden(shop, catalogue, parts, _LOADS.get(role, 0))
    return at(parts, (0, entry.elevation_m, 0)) if entry.elevation_m > 0 else parts


def painted(shop: Workshop, catalogue: Catalogue, entry: Entry) -> Thing:
    """Return a model a little larger or smaller than listed, some of its stuffs anew."""
    size = shop.between(0.85, 1.15) if entry.role != "unit" else 1.0
    shape = np.array([shop.between(0.95, 1.05), shop.between(0.97, 1.03), shop.between(0.95, 1.05)])
    made = [_stuff(shop, part, entry.role) for part in catalogue.parts(entry)]
    return [moves.scaled(part, [float(by) for by in size * shape]) for part in made]


def _stuff(shop: Workshop, part: Part, role: str) -> Solid:
    solid = part.solid
    if part.picture is not None:
        tint = np.ones(3) * shop.between(0.7, 1.0)
        if shop.maybe(0.25):
            tint = np.array(shop.plain(0.3, 0.5))
        texture = shop.scene.add_texture(part.picture)
        return replace(solid, texture=texture, color=tint.astype(np.float32))
    if not shop.maybe(0.4):
        return solid
    if role in _SOFT and shop.maybe(0.5):
        return shop.clothed(solid)
    if role in _WOODEN and shop.maybe(0.6):
        return shop.wooden(solid)
    if shop.maybe(0.2):
        maker = indoors.veneer if shop.maybe(0.6) else indoors.carpet
        texture = shop.scene.add_texture(shop.library.surface(shop.rng, maker))
        return solid.painted(shop.plain(0.3, 0.4), texture, gloss=solid.gloss)
    return replace(solid, color=np.array(shop.plain(0.5, 0.03), np.float32))


def small(shop: Workshop, catalogue: Catalogue, tallest_m: float = 0.6) -> Thing | None:
    """Return a small thing with its middle at x = z = 0."""
    for _ in range(3):
        entry = catalogue.chosen(shop.rng, "top")
        if entry is not None and entry.size_m[1] <= tallest_m:
            return at(painted(shop, catalogue, entry), (0, 0, -entry.size_m[2] / 2))
    return None


def laden(shop: Workshop, catalogue: Catalogue, parts: Thing, amount: float) -> Thing:
    """Return small things that stand on parts, as many as that on the average."""
    count = min(int(shop.rng.poisson(amount)), 12)
    if not count:
        return []
    levels = Levels(parts)
    found: Thing = []
    for _ in range(count):
        thing = small(shop, catalogue)
        if thing is None:
            return found
        thing = at(thing, (0, 0, 0), shop.between(-40, 40) if shop.maybe(0.7) else 90)
        corners = np.concatenate([part.triangles.reshape(-1, 3) for part in thing])
        width, height, depth = (float(side) for side in np.ptp(corners, axis=0))
        inside = shop.maybe(0.6)
        for _ in range(5):
            x, z = (shop.between(levels.low[axis], levels.high[axis]) for axis in (0, 2))
            y = levels.stands(x, z, (width, height, depth), inside)
            if y is not None:
                standing = at(thing, (x, y, z))
                found += standing
                break
    return found


def under_ceiling(shop: Workshop, catalogue: Catalogue, height_m: float) -> Thing:
    """Return a lamp that hangs from the ceiling, its middle at x = z = 0."""
    parts = single(shop, catalogue, "ceiling")
    if parts is None:
        return []
    levels = Levels(parts)
    return at(parts, (0, height_m - float(levels.high[1]), -float(levels.high[2]) / 2))


def _desk(shop: Workshop, catalogue: Catalogue) -> Thing | None:
    desk = single(shop, catalogue, str(shop.rng.choice(["desk", "desk", "office", "table"])))
    if desk is None:
        return None
    depth = float(Levels(desk).high[2])
    if shop.maybe(0.6):
        desk = desk + _upon(shop, catalogue, desk, "tv")
    if shop.maybe(0.8):
        chair = single(shop, catalogue, "chair") or []
        turn = 180 + shop.between(-50, 50)
        place = (shop.between(-0.3, 0.3), 0, depth + shop.between(0.15, 0.5))
        desk = desk + at(chair, place, turn)
    return desk


def _upon(shop: Workshop, catalogue: Catalogue, base: Thing, role: str) -> Thing:
    thing = single(shop, catalogue, role)
    if thing is None:
        return []
    corners = np.concatenate([part.triangles.reshape(-1, 3) for part in thing])
    width, height, depth = (float(side) for side in np.ptp(corners, axis=0))
    levels = Levels(base)
    for _ in range(6):
        x = shop.between(0.4, 0.6) * (levels.high[0] - levels.low[0]) + levels.low[0]
        z = shop.between(0.3, 0.6) * (levels.high[2] - levels.low[2]) + levels.low[2]
        y = levels.stands(x, z, (0.6 * width, height, 0.6 * depth), inside=False)
        if y is not None:
            return at(thing, (x, y, z - depth / 2))
    return []


def _group(shop: Workshop, catalogue: Catalogue) -> Thing | None:
    entry = catalogue.chosen(shop.rng, "table")
    chair = catalogue.chosen(shop.rng, "chair")
    if entry is None or chair is None:
        return None
    parts = painted(shop, catalogue, entry)
    group = parts + laden(shop, catalogue, parts, _LOADS["table"])
    levels = Levels(parts)
    width, depth = float(levels.high[0] - levels.low[0]), float(levels.high[2])
    seat = painted(shop, catalogue, chair)
    out = 0.5 * chair.size_m[2]
    for side in (-1, 1):
        for z, turn in ((-out, 0), (depth + out, 180)):
            if shop.maybe(0.75):
                x = side * (width / 4 if width > 1.1 else 0.0)
                if width <= 1.1 and side == 1:
                    continue
                askew = turn + shop.between(-25, 25)
                group += at(seat, (x, 0, z + shop.between(-0.2, 0.2)), askew)
    return group


def _television(shop: Workshop, catalogue: Catalogue) -> Thing | None:
    base = single(shop, catalogue, str(shop.rng.choice(["stand", "low", "bedside"])), load=False)
    if base is None:
        return None
    return base + _upon(shop, catalogue, base, "tv") + laden(shop, catalogue, base, 2)


def _kitchen(shop: Workshop, catalogue: Catalogue) -> Thing | None:
    run: Thing = []
    x, length, hung = 0.0, shop.between(1.2, 3.4), shop.maybe(0.8)
    while x < length:
        unit = single(shop, catalogue, "unit")
        if unit is None:
            return None
        levels = Levels(unit)
        wide = float(levels.high[0] - levels.low[0])
        run += at(unit, (x + wide / 2, 0, 0))
        if hung and shop.maybe(0.8):
            run += at(single(shop, catalogue, "upper") or [], (x + wide / 2, 0, 0))
        x += wide + 0.004
    return at(run, (-x / 2, 0, 0))


_GROUPS = {"desk": _desk, "group": _group, "kitchen": _kitchen, "screen": _television}
