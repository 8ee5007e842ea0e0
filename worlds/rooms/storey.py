"""What is under foot and overhead: floor, ceiling and its lamps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from worlds.scene.light import Light
from worlds.shapes import bodies, moves, sheets
from worlds.surfaces import indoors
from worlds.things.furniture.builder import FurnitureBuilder, block

if TYPE_CHECKING:
    from worlds.scene.solid import Thing


def floor_and_ceiling(
    builder: FurnitureBuilder, width: float, depth: float, height: float, wet: bool
) -> Thing:
    """Return the floor (boards, carpet or tiles) and the ceiling."""
    flat = bodies.quad(
        [
            (-width / 2, 0, -depth / 2),
            (width / 2, 0, -depth / 2),
            (width / 2, 0, depth / 2),
            (-width / 2, 0, depth / 2),
        ]
    )
    flat = sheets.solid(flat.triangles, flat.normals, flat.triangles[..., [0, 2]])
    makers = (
        [indoors.tiles]
        if wet
        else [indoors.wood, indoors.wood, indoors.carpet, indoors.carpet, indoors.tiles]
    )
    maker = makers[int(builder.rng.integers(len(makers)))]
    texture = builder.scene.add_texture(builder.library.surface(builder.rng, maker))
    shade = builder.between(0.5, 1.0)
    gloss = 0.0 if maker is indoors.carpet else builder.between(0, 0.5)
    parts = [
        flat.painted((shade, shade, shade), texture, gloss=gloss, tiles=builder.between(0.5, 1.6))
    ]
    plaster = builder.scene.add_texture(
        builder.library.surface(
            builder.rng, indoors.tiles if builder.maybe(0.25) else indoors.plaster
        )
    )
    parts.append(moves.moved(flat, (0, height, 0)).painted((0.8, 0.8, 0.78), plaster, tiles=0.4))
    if builder.maybe(0.12):
        beam = block(0, height - 0.15, 0, (0.15, 0.15, depth))
        count = int(builder.rng.integers(1, 4))
        parts += [
            builder.wooden(moves.moved(beam, ((i - (count - 1) / 2) * width / 3, 0, 0)))
            for i in range(count)
        ]
    return parts


def ceiling_lamps(
    builder: FurnitureBuilder, width: float, depth: float, height: float, strength: float
) -> tuple[Thing, list[Light]]:
    """Return one or two lamps under the ceiling and the light they give."""
    warm = np.array([1.0, builder.between(0.78, 1.0), builder.between(0.55, 1.0)], np.float32)
    parts: Thing = []
    lights: list[Light] = []
    for i in range(2 if depth > 5 else 1):
        x, z = (
            builder.between(-0.25, 0.25) * width,
            builder.between(-0.3, 0.3) * depth if depth <= 5 else (i - 0.5) * depth / 2,
        )
        drop = builder.between(0.02, 0.7) if builder.maybe(0.4) else 0.03
        glow = 3.0 * strength + 0.3
        if drop > 0.1:
            shade = moves.moved(bodies.ellipsoid(0.2, 0.14, 0.2), (x, height - drop, z))
            parts.append(
                builder.metal(moves.moved(bodies.cylinder(0.01, drop, 6), (x, height - drop, z)))
            )
        else:
            shade = block(
                x, height - 0.06, z, (builder.between(0.25, 1.2), 0.05, builder.between(0.25, 0.6))
            )
        parts.append(shade.painted(tuple(warm), glow=glow))
        place = np.array([x, height - drop - 0.25, z], np.float32)
        lights.append(
            Light(place, warm * np.float32(strength * builder.between(1.5, 3.0)), shadow=i == 0)
        )
    return parts, lights
