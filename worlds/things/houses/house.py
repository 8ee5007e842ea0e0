"""Houses. The front stands in the plane x = 0 and looks towards +x; the house spans z around 0."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worlds.shapes import sheets
from worlds.shapes.blocks import blocks
from worlds.shapes.colors import shade
from worlds.things.houses.openings import openings
from worlds.things.houses.roofs import roof

if TYPE_CHECKING:
    import numpy as np

    from worlds.scene.arrays import Color
    from worlds.scene.solid import Thing
    from worlds.surfaces.outdoors import Materials
    from worlds.things.houses.plans import Plan

_WALLS: tuple[Color, ...] = (
    (0.75, 0.72, 0.65),
    (0.7, 0.6, 0.42),
    (0.55, 0.5, 0.45),
    (0.8, 0.8, 0.78),
    (0.6, 0.42, 0.3),
    (0.5, 0.55, 0.58),
    (0.62, 0.35, 0.28),
    (0.72, 0.66, 0.5),
    (0.4, 0.42, 0.36),
    (0.35, 0.3, 0.28),
)


def house(rng: np.random.Generator, materials: Materials, of: Plan) -> Thing:
    """Return the house of a plan."""
    half, high, deep = of.long_m / 2, of.high_m, of.deep_m
    wall, tone = _wall(rng, materials)
    body = blocks([(-deep, -2.5, -half)], [(0, high, half)])
    solids = [body.painted(tone, wall, tiles=0.33)]
    solids += openings(rng, materials, of)
    solids += roof(rng, materials, of, tone, wall)
    trim = [blocks([(0, -0.5, -half)], [(0.06, rng.uniform(0.3, 0.9), half)])]
    for floor in range(1, of.floors):
        if of.kind == "city" or rng.random() < 0.2:
            y = high * floor / of.floors
            trim.append(blocks([(0, y, -half)], [(rng.uniform(0.05, 0.2), y + 0.16, half)]))
    if of.kind != "hall":
        pipe = half - 0.15
        trim.append(blocks([(0.02, 0, pipe)], [(0.12, high, pipe + 0.1)]))
    solids.append(sheets.merged(trim).painted(shade(rng, tone, 0.4), materials.concrete, tiles=0.5))
    return solids


def _wall(rng: np.random.Generator, materials: Materials) -> tuple[int, Color]:
    if rng.random() < 0.3:
        return materials.brick, shade(
            rng, (0.75, 0.6, 0.5) if rng.random() < 0.6 else (0.8, 0.8, 0.75), 0.3
        )
    return materials.plaster, shade(rng, _WALLS[int(rng.integers(len(_WALLS)))], 0.2)
