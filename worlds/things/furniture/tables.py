"""Tables.

Each piece of furniture stands on y = 0 with its back at z = 0, its front towards +z, its middle at
x = 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from worlds.shapes import bodies, moves
from worlds.things.furniture.builder import FurnitureBuilder, block
from worlds.things.furniture.clutter import strewn

if TYPE_CHECKING:
    from worlds.scene.solid import Thing


def legs(builder: FurnitureBuilder, width: float, depth: float, height: float) -> Thing:
    """Return four legs under a width by depth top whose back is at z = 0."""
    thick = builder.between(0.02, 0.07)
    leg = (
        bodies.box(thick, height, thick)
        if builder.maybe(0.6)
        else bodies.cone(thick / 3, thick / 2, height, 10)
    )
    wood = builder.wooden(leg) if builder.maybe(0.6) else builder.metal(leg)
    ends = [(sx * (width / 2 - thick), z) for sx in (-1, 1) for z in (thick, depth - thick)]
    return [moves.moved(wood, (x, 0, z)) for x, z in ends]


def table(
    builder: FurnitureBuilder, width: float, depth: float, height: float, clutter: float = 1.0
) -> Thing:
    """Return a table with things on it."""
    thick = builder.between(0.02, 0.06)
    top = block(0, height - thick, depth / 2, (width, thick, depth))
    parts = [builder.wooden(top), *legs(builder, width, depth, height - thick)]
    if builder.maybe(0.3):
        parts.append(
            builder.wooden(block(0, height - 0.12, depth / 2, (width * 0.9, 0.1, depth * 0.9)))
        )
    if builder.maybe(0.15):
        parts.append(
            builder.clothed(
                block(0, height - 0.2, depth / 2, (width + 0.04, 0.205, depth + 0.04), 0.01)
            )
        )
    return parts + strewn(builder, width, depth, height, clutter)


def round_table(builder: FurnitureBuilder) -> Thing:
    """Return a round table on one foot."""
    radius, height = builder.between(0.3, 0.6), builder.between(0.45, 0.76)
    foot = [
        (0.28, 0),
        (0.25, 0.03),
        (0.04, 0.06),
        (0.04, height - 0.03),
        (radius, height - 0.03),
        (radius, height),
        (0, height),
    ]
    parts = [builder.wooden(moves.moved(bodies.lathe(foot, 24, smooth=False), (0, 0, radius)))]
    return parts + strewn(builder, radius * 1.3, radius * 1.3, height, 1.0, z=radius * 0.35)
