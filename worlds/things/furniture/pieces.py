"""Furniture by name, in the groups in which it stands; conventions as in `tables`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worlds.shapes import bodies, moves
from worlds.things.catalogue import showroom
from worlds.things.furniture import clutter, cupboards, fittings, seats, tables
from worlds.things.furniture.builder import FurnitureBuilder, block, shift

if TYPE_CHECKING:
    from worlds.scene.solid import Thing


def piece(builder: FurnitureBuilder, name: str) -> Thing:
    """Return one piece of furniture, or a group such as a desk with its screen and chair."""
    found = None if builder.catalogue is None else showroom.piece(builder, builder.catalogue, name)
    return _MAKERS[name](builder) if found is None else found


def desk(builder: FurnitureBuilder) -> Thing:
    """Return a desk, mostly with a screen and a chair drawn up."""
    parts = tables.table(builder, builder.between(0.9, 1.8), builder.between(0.5, 0.8), 0.74, 1.3)
    if builder.maybe(0.7):
        shown = fittings.screen(builder, builder.between(0.35, 0.6))
        parts += shift(shown, builder.between(-0.2, 0.2), 0.74, 0.05, turn=builder.between(-15, 15))
    if builder.maybe(0.8):
        turn = 180 + builder.between(-50, 50)
        place = builder.between(0.9, 1.2)
        parts += shift(seats.chair(builder), builder.between(-0.3, 0.3), 0, place, turn=turn)
    return parts


def group(builder: FurnitureBuilder) -> Thing:
    """Return a table with up to four chairs."""
    width = builder.between(0.8, 1.9)
    parts = tables.table(builder, width, 0.85, 0.74)
    for side, z, turn in ((-1, -0.35, 0), (1, -0.35, 0), (-1, 1.2, 180), (1, 1.2, 180)):
        if builder.maybe(0.75):
            place = z + builder.between(-0.15, 0.15)
            askew = turn + builder.between(-25, 25)
            parts += shift(seats.chair(builder), side * width / 4, 0, place, turn=askew)
    return parts


def low_table(builder: FurnitureBuilder) -> Thing:
    """Return a low table."""
    size = builder.between(0.6, 1.3), builder.between(0.45, 0.7), builder.between(0.35, 0.5)
    return tables.table(builder, *size, 1.5)


def night_table(builder: FurnitureBuilder) -> Thing:
    """Return a low chest beside a bed."""
    return cupboards.cupboard(builder, builder.between(0.4, 0.6))


def television(builder: FurnitureBuilder) -> Thing:
    """Return a screen on a sideboard."""
    height = builder.between(0.4, 0.7)
    shown = fittings.screen(builder, builder.between(0.6, 1.2))
    return [*cupboards.cupboard(builder, height), *shift(shown, y=height, z=0.1)]


def tall_plant(builder: FurnitureBuilder) -> Thing:
    """Return a plant that stands on the floor."""
    return shift(clutter.plant(builder, builder.between(0.7, 1.8)), z=0.4)


def units(builder: FurnitureBuilder) -> Thing:
    """Return a run of kitchen units."""
    return fittings.kitchen(builder, builder.between(1.2, 3.2))


_MAKERS = {
    "bath": fittings.bath,
    "bed": seats.bed,
    "chair": seats.chair,
    "cupboard": cupboards.cupboard,
    "desk": desk,
    "fridge": fittings.fridge,
    "group": group,
    "kitchen": units,
    "lamp": fittings.lamp,
    "low": low_table,
    "night": night_table,
    "plant": tall_plant,
    "round": tables.round_table,
    "screen": television,
    "shelf": cupboards.shelf,
    "sofa": seats.sofa,
}


def on_floor(builder: FurnitureBuilder) -> Thing:
    """Return something that lies on a floor: bag, carton, cloth, pail or toy."""
    if builder.catalogue is not None and builder.maybe(0.6):
        found = showroom.single(
            builder, builder.catalogue, "floor" if builder.maybe(0.6) else "top"
        )
        if found is not None:
            return found
    what = builder.rng.random()
    if what < 0.25:
        size = builder.between(0.25, 0.5), builder.between(0.2, 0.5), builder.between(0.12, 0.35)
        return [builder.clothed(bodies.box(*size, builder.between(0.03, 0.1)))]
    if what < 0.45:
        carton = bodies.box(
            builder.between(0.2, 0.6), builder.between(0.15, 0.5), builder.between(0.2, 0.5)
        )
        return [
            carton.painted((0.45, 0.3, 0.17)) if builder.maybe(0.5) else builder.pictured(carton)
        ]
    if what < 0.55:
        size = builder.between(0.4, 0.9), builder.between(0.3, 0.8), 0.05
        return [builder.clothed(seats.crumpled(builder, *size))]
    if what < 0.65:
        pail = bodies.cone(0.11, 0.15, builder.between(0.25, 0.5))
        return [builder.colored(pail)]
    return [moves.scaled(part, builder.between(1.2, 2.2)) for part in clutter.thing(builder)]


def on_wall(builder: FurnitureBuilder, width: float, height: float, x: float, y: float) -> Thing:
    """Return a picture, a small shelf or a clock; its bottom middle at (x, y) on the wall z = 0."""
    if builder.catalogue is not None and builder.maybe(0.3):
        found = showroom.single(
            builder, builder.catalogue, "wall" if builder.maybe(0.75) else "plug"
        )
        if found is not None:
            return shift(found, x)
    what = builder.rng.random()
    if what < 0.2:
        board = builder.wooden(block(x, y, 0.11, (width, 0.025, 0.22)))
        return [board, *shift(clutter.strewn(builder, width, 0.2, y + 0.025, 3.0), x)]
    if what < 0.28:
        ring = moves.turned(bodies.cylinder(0.15, 0.04, 24), 90, "x")
        return [moves.moved(ring, (x, y + 0.2, 0.0)).painted((0.8, 0.8, 0.8))]
    edge = builder.between(0, 0.05)
    frame = block(x, y, 0.012, (width, height, 0.024))
    inner = block(x, y + edge, 0.016, (width - 2 * edge, height - 2 * edge, 0.024))
    return [builder.colored(frame), builder.pictured(inner)]
