"""Chairs, sofas and beds; conventions as in `tables`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from worlds.shapes import bodies, moves
from worlds.surfaces.noise import noise
from worlds.things.furniture.builder import FurnitureBuilder, block, shift
from worlds.things.furniture.clutter import strewn
from worlds.things.furniture.tables import legs

if TYPE_CHECKING:
    from worlds.scene.solid import Solid, Thing


def crumpled(builder: FurnitureBuilder, width: float, depth: float, height: float) -> Solid:
    """Return a blanket in folds, its middle at x = z = 0, hanging over its edges."""
    fold = noise(builder.rng, 4, int(builder.rng.choice([2, 4])))[::8, ::8] * builder.between(
        0.02, 0.09
    )
    edge = np.minimum(np.linspace(0, 1, 32), np.linspace(1, 0, 32))
    drop = np.clip(1 - np.minimum(edge[:, None], edge[None, :]) / 0.06, 0, 1) * builder.between(
        0.05, 0.3
    )
    return moves.moved(bodies.heightfield(np.abs(fold) - drop, width, depth), (0, height, 0))


def chair(builder: FurnitureBuilder) -> Thing:
    """Return a dining, office or folding chair; its back leans at z = 0."""
    width, seat, top = (
        builder.between(0.38, 0.5),
        builder.between(0.4, 0.5),
        builder.between(0.75, 1.1),
    )
    soft = builder.maybe(0.5)
    pad = block(0, seat - 0.05, width / 2, (width, 0.06, width), 0.025 if soft else 0.0)
    back = block(0, seat + 0.12, 0.03, (width, top - seat - 0.12, 0.04), 0.018 if soft else 0.0)
    cover = builder.clothed if soft else builder.wooden
    paint = cover(pad)
    parts = [paint, back.painted(tuple(paint.color), paint.texture, gloss=paint.gloss)]
    if builder.maybe(0.35):
        parts.append(builder.metal(block(0, 0.06, width / 2, (0.05, seat - 0.1, 0.05))))
        for turn in range(0, 360, 72):
            foot = builder.metal(block(0, 0.03, 0.14, (0.04, 0.04, 0.28)))
            parts += shift(shift([foot], turn=turn), z=width / 2)
        if builder.maybe(0.6):
            parts += [
                builder.metal(block(s * width / 2, seat + 0.2, width / 2, (0.05, 0.03, 0.26)))
                for s in (-1, 1)
            ]
        parts.append(builder.metal(block(0, seat, 0.01, (0.06, 0.2, 0.02))))
        return parts
    parts += legs(builder, width, width, seat - 0.05)
    parts += [
        builder.wooden(block(s * (width / 2 - 0.02), seat, 0.02, (0.03, top - seat, 0.03)))
        for s in (-1, 1)
    ]
    return parts


def sofa(builder: FurnitureBuilder) -> Thing:
    """Return a sofa or an armchair with cushions."""
    width, depth = float(builder.rng.choice([0.85, 1.4, 1.9, 2.3])), builder.between(0.75, 1.0)
    seat, top, arm = (
        builder.between(0.38, 0.48),
        builder.between(0.7, 1.0),
        builder.between(0.1, 0.25),
    )
    hide = builder.clothed(bodies.box(1, 1, 1))
    count = max(1, round((width - 2 * arm) / 0.65))
    each = (width - 2 * arm) / count
    soft = [
        block(0, 0.08, depth / 2, (width, seat - 0.2, depth), 0.04),
        block(0, 0.1, 0.1, (width, top - 0.1, 0.2), 0.08),
    ]
    soft += [
        block(s * (width - arm) / 2, 0.08, depth / 2, (arm, seat + 0.1, depth), 0.06)
        for s in (-1, 1)
    ]
    for i in range(count):
        x = (i + 0.5 - count / 2) * each
        soft.append(block(x, seat - 0.14, depth * 0.58, (each, 0.17, depth * 0.8), 0.06))
        soft.append(
            moves.moved(
                moves.turned(bodies.box(each, top - seat + 0.04, 0.18, 0.08), -12, "x"),
                (x, seat, 0.27),
            )
        )
    parts = [part.painted(tuple(hide.color), hide.texture, tiles=1.5) for part in soft]
    for _ in range(int(builder.rng.integers(0, 4))):
        cushion = builder.clothed(moves.turned(bodies.box(0.42, 0.42, 0.15, 0.07), -25, "x"))
        parts += shift(
            [cushion],
            builder.between(-0.4, 0.4) * (width - 0.4),
            seat,
            0.45,
            builder.between(-25, 25),
        )
    if builder.maybe(0.3):
        parts.append(
            builder.clothed(
                moves.moved(
                    crumpled(builder, 0.7, depth * 0.8, seat + 0.06),
                    (builder.between(-0.3, 0.3), 0, depth / 2),
                )
            )
        )
    return parts


def bed(builder: FurnitureBuilder) -> Thing:
    """Return a bed with its head at z = 0."""
    width, length, height = (
        builder.between(0.9, 1.9),
        builder.between(1.9, 2.1),
        builder.between(0.35, 0.6),
    )
    parts = [
        builder.wooden(block(0, 0.1, length / 2, (width, height * 0.5, length))),
        builder.clothed(
            block(0, height * 0.5, length / 2, (width - 0.04, height * 0.5, length - 0.04), 0.06)
        ),
        builder.wooden(block(0, 0, 0.02, (width + 0.06, builder.between(0.7, 1.3), 0.05))),
    ]
    cover = builder.between(0.5, 0.9) * length
    blanket = crumpled(builder, width + 0.12, cover, height + 0.03)
    parts.append(builder.clothed(moves.moved(blanket, (0, 0, length - cover / 2)), 2))
    for _ in range(int(builder.rng.integers(1, 6))):
        pillow = builder.clothed(
            bodies.box(builder.between(0.4, 0.75), 0.16, builder.between(0.35, 0.5), 0.078)
        )
        tilted = moves.turned(pillow, -builder.between(0, 60), "x")
        parts += shift(
            [tilted],
            builder.between(-0.4, 0.4) * width,
            height + 0.02,
            builder.between(0.2, 0.45),
            builder.between(-20, 20),
        )
    return parts + strewn(builder, width, length, height + 0.08, 0.25)
