"""A catalogue's pieces in a room: repainted, with things on top, in groups."""

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
    from worlds.things.furniture.builder import FurnitureBuilder

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


def piece(builder: FurnitureBuilder, catalogue: Catalogue, name: str) -> Thing | None:
    """Return one of the room's pieces from the catalogue; None where it has none."""
    if not builder.maybe(_SHARE):
        return None
    if name in _GROUPS:
        return _GROUPS[name](builder, catalogue)
    roles = _ALONE.get(name, ())
    found = str(builder.rng.choice(roles)) if roles else ""
    if found == "lamp" and builder.maybe(0.7):
        return None
    return single(builder, catalogue, found)


def single(
    builder: FurnitureBuilder, catalogue: Catalogue, role: str, load: bool = True
) -> Thing | None:
    """Return a random model of a role, with small things on top, at its hanging height."""
    entry = catalogue.chosen(builder.rng, role)
    if entry is None:
        return None
    parts = painted(builder, catalogue, entry)
    if load:
        parts = parts + laden(builder, catalogue, parts, _LOADS.get(role, 0))
    return at(parts, (0, entry.elevation_m, 0)) if entry.elevation_m > 0 else parts


def painted(builder: FurnitureBuilder, catalogue: Catalogue, entry: Entry) -> Thing:
    """Return a model a little larger or smaller than listed, some of its materials replaced."""
    size = builder.between(0.85, 1.15) if entry.role != "unit" else 1.0
    shape = np.array(
        [builder.between(0.95, 1.05), builder.between(0.97, 1.03), builder.between(0.95, 1.05)]
    )
    made = [_material(builder, part, entry.role) for part in catalogue.parts(entry)]
    return [moves.scaled(part, [float(by) for by in size * shape]) for part in made]


def _material(builder: FurnitureBuilder, part: Part, role: str) -> Solid:
    solid = part.solid
    if part.picture is not None:
        tint = np.ones(3) * builder.between(0.7, 1.0)
        if builder.maybe(0.25):
            tint = np.array(builder.plain(0.3, 0.5))
        texture = builder.scene.add_texture(part.picture)
        return replace(solid, texture=texture, color=tint.astype(np.float32))
    if not builder.maybe(0.4):
        return solid
    if role in _SOFT and builder.maybe(0.5):
        return builder.clothed(solid)
    if role in _WOODEN and builder.maybe(0.6):
        return builder.wooden(solid)
    if builder.maybe(0.2):
        maker = indoors.veneer if builder.maybe(0.6) else indoors.carpet
        texture = builder.scene.add_texture(builder.library.surface(builder.rng, maker))
        return solid.painted(builder.plain(0.3, 0.4), texture, gloss=solid.gloss)
    return replace(solid, color=np.array(builder.plain(0.5, 0.03), np.float32))


def small(builder: FurnitureBuilder, catalogue: Catalogue, tallest_m: float = 0.6) -> Thing | None:
    """Return a small thing with its middle at x = z = 0."""
    for _ in range(3):
        entry = catalogue.chosen(builder.rng, "top")
        if entry is not None and entry.size_m[1] <= tallest_m:
            return at(painted(builder, catalogue, entry), (0, 0, -entry.size_m[2] / 2))
    return None


def laden(builder: FurnitureBuilder, catalogue: Catalogue, parts: Thing, amount: float) -> Thing:
    """Return small things that stand on parts, this many on average."""
    count = min(int(builder.rng.poisson(amount)), 12)
    if not count:
        return []
    levels = Levels(parts)
    found: Thing = []
    for _ in range(count):
        thing = small(builder, catalogue)
        if thing is None:
            return found
        thing = at(thing, (0, 0, 0), builder.between(-40, 40) if builder.maybe(0.7) else 90)
        corners = np.concatenate([part.triangles.reshape(-1, 3) for part in thing])
        width, height, depth = (float(side) for side in np.ptp(corners, axis=0))
        inside = builder.maybe(0.6)
        for _ in range(5):
            x, z = (builder.between(levels.low[axis], levels.high[axis]) for axis in (0, 2))
            y = levels.stands(x, z, (width, height, depth), inside)
            if y is not None:
                standing = at(thing, (x, y, z))
                found += standing
                break
    return found


def under_ceiling(builder: FurnitureBuilder, catalogue: Catalogue, height_m: float) -> Thing:
    """Return a lamp that hangs from the ceiling, its middle at x = z = 0."""
    parts = single(builder, catalogue, "ceiling")
    if parts is None:
        return []
    levels = Levels(parts)
    return at(parts, (0, height_m - float(levels.high[1]), -float(levels.high[2]) / 2))


def _desk(builder: FurnitureBuilder, catalogue: Catalogue) -> Thing | None:
    desk = single(builder, catalogue, str(builder.rng.choice(["desk", "desk", "office", "table"])))
    if desk is None:
        return None
    depth = float(Levels(desk).high[2])
    if builder.maybe(0.6):
        desk = desk + _upon(builder, catalogue, desk, "tv")
    if builder.maybe(0.8):
        chair = single(builder, catalogue, "chair") or []
        turn = 180 + builder.between(-50, 50)
        place = (builder.between(-0.3, 0.3), 0, depth + builder.between(0.15, 0.5))
        desk = desk + at(chair, place, turn)
    return desk


def _upon(builder: FurnitureBuilder, catalogue: Catalogue, base: Thing, role: str) -> Thing:
    thing = single(builder, catalogue, role)
    if thing is None:
        return []
    corners = np.concatenate([part.triangles.reshape(-1, 3) for part in thing])
    width, height, depth = (float(side) for side in np.ptp(corners, axis=0))
    levels = Levels(base)
    for _ in range(6):
        x = builder.between(0.4, 0.6) * (levels.high[0] - levels.low[0]) + levels.low[0]
        z = builder.between(0.3, 0.6) * (levels.high[2] - levels.low[2]) + levels.low[2]
        y = levels.stands(x, z, (0.6 * width, height, 0.6 * depth), inside=False)
        if y is not None:
            return at(thing, (x, y, z - depth / 2))
    return []


def _group(builder: FurnitureBuilder, catalogue: Catalogue) -> Thing | None:
    entry = catalogue.chosen(builder.rng, "table")
    chair = catalogue.chosen(builder.rng, "chair")
    if entry is None or chair is None:
        return None
    parts = painted(builder, catalogue, entry)
    group = parts + laden(builder, catalogue, parts, _LOADS["table"])
    levels = Levels(parts)
    width, depth = float(levels.high[0] - levels.low[0]), float(levels.high[2])
    seat = painted(builder, catalogue, chair)
    out = 0.5 * chair.size_m[2]
    for side in (-1, 1):
        for z, turn in ((-out, 0), (depth + out, 180)):
            if builder.maybe(0.75):
                x = side * (width / 4 if width > 1.1 else 0.0)
                if width <= 1.1 and side == 1:
                    continue
                askew = turn + builder.between(-25, 25)
                group += at(seat, (x, 0, z + builder.between(-0.2, 0.2)), askew)
    return group


def _television(builder: FurnitureBuilder, catalogue: Catalogue) -> Thing | None:
    base = single(
        builder, catalogue, str(builder.rng.choice(["stand", "low", "bedside"])), load=False
    )
    if base is None:
        return None
    return base + _upon(builder, catalogue, base, "tv") + laden(builder, catalogue, base, 2)


def _kitchen(builder: FurnitureBuilder, catalogue: Catalogue) -> Thing | None:
    run: Thing = []
    x, length, hung = 0.0, builder.between(1.2, 3.4), builder.maybe(0.8)
    while x < length:
        unit = single(builder, catalogue, "unit")
        if unit is None:
            return None
        levels = Levels(unit)
        wide = float(levels.high[0] - levels.low[0])
        run += at(unit, (x + wide / 2, 0, 0))
        if hung and builder.maybe(0.8):
            run += at(single(builder, catalogue, "upper") or [], (x + wide / 2, 0, 0))
        x += wide + 0.004
    return at(run, (-x / 2, 0, 0))


_GROUPS = {"desk": _desk, "group": _group, "kitchen": _kitchen, "screen": _television}
