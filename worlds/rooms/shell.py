"""A room's shell: walls with doors and windows, and what is seen through them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from worlds.shapes import bodies, moves, sheets
from worlds.things.furniture.builder import FurnitureBuilder, block, shift

if TYPE_CHECKING:
    from worlds.scene.solid import Solid, Thing


@dataclass(frozen=True)
class Wall:
    """One wall seen from inside; in its own axes it runs along x, stands at z = 0 and faces +z.

    Attributes:
        length: Metres.
        x: Where its middle is in the world.
        z: The same.
        turn: Degrees around y that take it from its own axes to the world's.
    """

    length: float
    x: float
    z: float
    turn: float

    def placed(self, parts: Thing) -> Thing:
        """Return parts taken from the wall's axes to the world's."""
        return shift(parts, self.x, 0.0, self.z, self.turn)


@dataclass(frozen=True)
class Hole:
    """A door or a window in a wall.

    Attributes:
        at: Its middle along the wall.
        width: Metres.
        low: Sill.
        high: Lintel.
    """

    at: float
    width: float
    low: float
    high: float


def four_walls(width: float, depth: float) -> list[Wall]:
    """Return the walls of a room whose middle is at x = z = 0."""
    return [
        Wall(width, 0, -depth / 2, 0),
        Wall(depth, width / 2, 0, -90),
        Wall(width, 0, depth / 2, 180),
        Wall(depth, -width / 2, 0, 90),
    ]


def _panel(left: float, right: float, low: float, high: float, z: float = 0.0) -> Solid:
    panel = bodies.quad([(left, low, z), (right, low, z), (right, high, z), (left, high, z)])
    places = panel.triangles[..., :2] * [1.0, -1.0]
    return sheets.solid(panel.triangles, panel.normals, places)


def wall_parts(
    builder: FurnitureBuilder, wall: Wall, height: float, hole: Hole | None, paint: Solid
) -> Thing:
    """Return a wall with at most one hole, its skirting and the hole's frame."""
    half = wall.length / 2
    if hole is None:
        sheets = [_panel(-half, half, 0, height)]
    else:
        left, right = hole.at - hole.width / 2, hole.at + hole.width / 2
        sheets = [
            _panel(-half, left, 0, height),
            _panel(right, half, 0, height),
            _panel(left, right, hole.high, height),
        ]
        if hole.low > 0:
            sheets.append(_panel(left, right, 0, hole.low))
    tiles = builder.between(0.4, 1.2)
    parts = [
        sheet.painted(tuple(paint.color), paint.texture, tiles=tiles, gloss=paint.gloss)
        for sheet in sheets
    ]
    white = (0.75, 0.75, 0.72) if builder.maybe(0.6) else builder.plain(0.5)
    if hole is None or hole.low > 0.1:
        parts.append(
            block(0, 0, 0.005, (wall.length, builder.between(0.05, 0.14), 0.02)).painted(white)
        )
    if hole is not None:
        span = hole.high - hole.low
        post = block(0, hole.low, -0.06, (0.07, span, 0.2)).painted(white)
        ends = [hole.at + side * hole.width / 2 for side in (-1, 1)]
        parts += [moves.moved(post, (x, 0, 0)) for x in ends]
        parts.append(
            block(hole.at, hole.high - 0.03, -0.06, (hole.width + 0.1, 0.07, 0.2)).painted(white)
        )
        if hole.low > 0.1:
            parts.append(
                block(hole.at, hole.low - 0.03, -0.03, (hole.width + 0.14, 0.04, 0.28)).painted(
                    white
                )
            )
    return wall.placed(parts)


def window_parts(builder: FurnitureBuilder, wall: Wall, hole: Hole, strength: float) -> Thing:
    """Return bars, blinds or curtains, a radiator, and the bright outside."""
    parts: Thing = []
    middle = (hole.low + hole.high) / 2
    span = hole.high - hole.low
    outside = moves.moved(
        _panel(-40, 40, -30, 40, 0), (hole.at, middle - 1, -builder.between(4, 12))
    )
    scale = (outside.uv - outside.uv.reshape(-1, 2).min(axis=0)) / [20, 18]
    backdrop = sheets.solid(outside.triangles, outside.normals, scale)
    parts.append(
        builder.pictured(backdrop, strength)
        if builder.maybe(0.6)
        else backdrop.painted((0.9, 0.95, 1.0), glow=strength)
    )
    bars = int(builder.rng.integers(0, 4))
    for i in range(bars):
        x = hole.at + ((i + 1) / (bars + 1) - 0.5) * hole.width
        parts.append(block(x, hole.low, -0.1, (0.05, span, 0.04)).painted((0.7, 0.7, 0.7)))
    dress = builder.rng.random()
    if dress < 0.3:
        count = int(span / 0.06)
        drop = int(count * builder.between(0.3, 1.0))
        slats = [
            block(hole.at, hole.high - (i + 1) * 0.06, 0.02, (hole.width, 0.035, 0.02))
            for i in range(drop)
        ]
        if slats:
            parts.append(sheets.merged(slats).painted((0.7, 0.7, 0.68), glow=0.25 * strength))
    elif dress < 0.8:
        cloth = builder.clothed(bodies.box(1, 1, 1))
        low = 0.05 if builder.maybe(0.5) else hole.low - 0.15
        for s in (-1, 1):
            broad = hole.width * builder.between(0.15, 0.6)
            across = np.linspace(0, broad, 60)
            fold = 0.035 * np.sin(across * builder.between(40, 80)) + 0.09
            top = np.stack(
                [
                    hole.at + s * (hole.width / 2 + 0.15 - across),
                    across * 0 + hole.high + 0.12,
                    fold,
                ],
                1,
            )
            foot = top * [1, 0, 1.2] + [0, low, 0]
            parts.append(
                sheets.grid([top, foot]).painted(
                    tuple(cloth.color), cloth.texture, tiles=2, glow=0.12 * strength
                )
            )
        parts.append(
            builder.metal(block(hole.at, hole.high + 0.12, 0.09, (hole.width * 1.4, 0.03, 0.03)))
        )
    if hole.low > 0.6 and builder.maybe(0.4):
        ribs = [
            block(hole.at + x, 0.12, 0.08, (0.05, 0.5, 0.09), 0.015)
            for x in np.arange(-0.5, 0.5, 0.07)
        ]
        parts.append(sheets.merged(ribs).painted((0.75, 0.75, 0.72), gloss=0.3))
    return wall.placed(parts)


def door_parts(builder: FurnitureBuilder, wall: Wall, hole: Hole, height: float) -> Thing:
    """Return a closed door, or an open one with the next room or a passage behind."""
    leaf = moves.moved(bodies.box(hole.width, hole.high, 0.04), (hole.width / 2, 0, 0))
    paint = builder.wooden(leaf)
    handle = builder.metal(block(hole.width - 0.08, 1.0, 0.04, (0.12, 0.025, 0.06)))
    fields = [
        block(hole.width / 2, y, 0.022, (hole.width * 0.65, tall, 0.012)).painted(
            tuple(paint.color * 0.92), paint.texture
        )
        for y, tall in ((0.15, 0.75), (1.1, 0.8))
    ]
    door = [paint, handle, *(fields if builder.maybe(0.5) else [])]
    hinge = hole.at - hole.width / 2
    if builder.maybe(0.5):
        return wall.placed(shift(door, hinge, 0, -0.04))
    parts = shift(
        door,
        hinge,
        0,
        -0.1,
        builder.between(50, 110) if builder.maybe(0.6) else -builder.between(10, 90),
    )
    deep, wide = builder.between(1.2, 4.5), builder.between(1.2, 4)
    floor = bodies.quad([(-wide, 0, -deep), (wide, 0, -deep), (wide, 0, 0), (-wide, 0, 0)])
    parts.append(moves.moved(builder.wooden(floor, 3), (hole.at, -0.002, 0)))
    parts.append(moves.moved(floor, (hole.at, height, 0)).painted((0.7, 0.7, 0.7)))
    color = builder.plain(0.4, 0.3)
    parts.append(moves.moved(_panel(-wide, wide, 0, height), (hole.at, 0, -deep)).painted(color))
    for s in (-1, 1):
        side = [
            (s * wide, 0, -deep),
            (s * wide, 0, -0.1),
            (s * wide, height, -0.1),
            (s * wide, height, -deep),
        ]
        parts.append(moves.moved(bodies.quad(side), (hole.at, 0, 0)).painted(color))
    return wall.placed(parts)
