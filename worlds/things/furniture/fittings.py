"""Kitchen units, bath pieces, screens and lamps; conventions as in `tables`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worlds.shapes import bodies, moves
from worlds.things.furniture.builder import FurnitureBuilder, block
from worlds.things.furniture.clutter import strewn

if TYPE_CHECKING:
    from worlds.scene.solid import Thing


def kitchen(builder: FurnitureBuilder, length: float) -> Thing:
    """Return a run of kitchen units with a sink, a stove, hanging cupboards and clutter."""
    depth, top = 0.6, builder.between(0.86, 0.94)
    front = builder.wooden(bodies.box(1, 1, 1))
    parts: Thing = [
        builder.wooden(block(0, top - 0.04, depth / 2, (length, 0.04, depth + 0.03)), 3)
    ]
    count = max(1, round(length / 0.55))
    wide = length / count
    wall = builder.maybe(0.8)
    sink = int(builder.rng.integers(count))
    for i in range(count):
        x = (i + 0.5 - count / 2) * wide
        unit = block(x, 0.08, depth / 2, (wide - 0.008, top - 0.12, depth))
        if builder.maybe(0.2):
            parts.append(
                unit.painted(
                    (0.5, 0.5, 0.5) if builder.maybe(0.5) else (0.03, 0.03, 0.03), gloss=0.7
                )
            )
            parts.append(
                block(x, 0.25, depth + 0.005, (wide * 0.8, 0.35, 0.01)).painted(
                    (0.02, 0.02, 0.02), gloss=0.9
                )
            )
        else:
            parts.append(unit.painted(tuple(front.color), front.texture, gloss=front.gloss))
        parts.append(builder.metal(block(x, top - 0.14, depth + 0.02, (wide * 0.5, 0.015, 0.02))))
        if wall and builder.maybe(0.8):
            hung = block(x, top + 0.5, 0.17, (wide - 0.008, 0.7, 0.34))
            parts.append(hung.painted(tuple(front.color), front.texture, gloss=front.gloss))
        if i == sink:
            parts.append(
                block(x, top - 0.005, 0.3, (wide * 0.8, 0.012, 0.4)).painted(
                    (0.15, 0.15, 0.15), gloss=0.8
                )
            )
            parts.append(
                builder.metal(moves.moved(bodies.cylinder(0.015, 0.25, 8), (x, top, 0.08)))
            )
            parts.append(builder.metal(block(x, top + 0.24, 0.16, (0.02, 0.02, 0.18))))
    return parts + strewn(builder, length, depth, top, 1.3)


def fridge(builder: FurnitureBuilder) -> Thing:
    """Return a fridge with notes on its door."""
    width, tall = builder.between(0.55, 0.9), builder.between(1.2, 1.9)
    shade = float(builder.rng.choice([0.75, 0.85, 0.35, 0.03]))
    body = block(0, 0.03, 0.32, (width, tall, 0.64), 0.015).painted(
        (shade, shade, shade), gloss=0.5
    )
    seam = block(0, tall * 0.62, 0.642, (width * 0.98, 0.012, 0.004)).painted((0.02, 0.02, 0.02))
    parts = [body, seam, builder.metal(block(-0.4 * width, tall * 0.66, 0.66, (0.02, 0.25, 0.03)))]
    for _ in range(int(builder.rng.poisson(3))):
        note = block(
            builder.between(-0.35, 0.35) * width,
            builder.between(0.5, 0.9) * tall,
            0.643,
            (builder.between(0.05, 0.2), builder.between(0.05, 0.25), 0.004),
        )
        parts.append(builder.pictured(note))
    return parts + strewn(builder, width, 0.6, tall + 0.03, 1.0)


def bath(builder: FurnitureBuilder) -> Thing:
    """Return a toilet, a basin with a mirror, or a tub."""
    white = (0.85, 0.85, 0.83)
    kind = int(builder.rng.integers(3))
    if kind == 0:
        bowl = bodies.lathe(
            [
                (0, 0),
                (0.13, 0),
                (0.11, 0.15),
                (0.2, 0.38),
                (0.2, 0.41),
                (0.14, 0.41),
                (0.08, 0.25),
                (0, 0.2),
            ],
            20,
        )
        tank = block(0, 0.38, 0.1, (0.4, 0.4, 0.19), 0.03)
        return [
            p.painted(white, gloss=0.7)
            for p in (moves.moved(moves.scaled(bowl, (1, 1, 1.25)), (0, 0, 0.42)), tank)
        ]
    if kind == 1:
        top = [
            builder.wooden(block(0, 0, 0.24, (0.8, 0.8, 0.46))),
            block(0, 0.8, 0.25, (0.84, 0.06, 0.5), 0.02).painted(white, gloss=0.7),
        ]
        top.append(block(0, 1.1, 0.01, (0.7, 0.8, 0.02)).painted((0.25, 0.27, 0.28), gloss=0.9))
        return top + strewn(builder, 0.8, 0.4, 0.86, 1.5)
    rim = [block(0, 0, z, (1.7, 0.55, 0.07), 0.03) for z in (0.04, 0.72)] + [
        block(s * 0.82, 0, 0.38, (0.07, 0.55, 0.75), 0.03) for s in (-1, 1)
    ]
    return [p.painted(white, gloss=0.7) for p in [*rim, block(0, 0, 0.38, (1.6, 0.15, 0.7))]]


def screen(builder: FurnitureBuilder, width: float) -> Thing:
    """Return a monitor or television, on or off."""
    tall = width * builder.between(0.55, 0.75)
    face = block(0, 0.1, 0.127, (width * 0.94, tall * 0.92, 0.006))
    lit = (
        builder.pictured(face, builder.between(0.3, 1.2))
        if builder.maybe(0.5)
        else face.painted((0.01, 0.01, 0.012), gloss=0.9)
    )
    case = block(0, 0.08, 0.1, (width, tall, 0.05)).painted((0.03, 0.03, 0.03), gloss=0.3)
    foot = block(0, 0, 0.1, (width * 0.4, 0.02, 0.2)).painted((0.03, 0.03, 0.03))
    return [case, lit, foot, block(0, 0, 0.1, (0.05, 0.15, 0.04)).painted((0.03, 0.03, 0.03))]


def lamp(builder: FurnitureBuilder) -> Thing:
    """Return a standing lamp."""
    tall = builder.between(1.2, 1.8)
    shade = bodies.cone(builder.between(0.15, 0.25), builder.between(0.08, 0.2), 0.28, 20)
    lit = moves.moved(shade, (0, tall - 0.1, 0.25)).painted(
        (1.0, 0.85, 0.6), glow=builder.between(0.0, 2.5)
    )
    pole = moves.moved(bodies.cylinder(0.015, tall, 8), (0, 0, 0.25))
    return [
        lit,
        builder.metal(pole),
        builder.metal(moves.moved(bodies.cylinder(0.15, 0.02), (0, 0, 0.25))),
    ]
