"""Small things that lie about. Each stands on y = 0 with its middle at x = z = 0."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from worlds.shapes import bodies, moves, sheets
from worlds.surfaces import indoors
from worlds.things.catalogue import showroom
from worlds.things.furniture.builder import FurnitureBuilder, shift

if TYPE_CHECKING:
    from worlds.scene.solid import Thing


def strewn(
    builder: FurnitureBuilder,
    width: float,
    depth: float,
    height: float,
    amount: float,
    *,
    z: float = 0.0,
) -> Thing:
    """Return small things lying on a top."""
    count = int(builder.rng.poisson(amount * 9 * max(width * depth, 0.1) ** 0.7))
    parts: Thing = []
    for _ in range(count):
        x = builder.between(-0.45, 0.45) * width
        parts += shift(
            thing(builder),
            x,
            height,
            z + builder.between(0.1, 0.9) * depth,
            builder.between(0, 360),
        )
    return parts


def thing(builder: FurnitureBuilder) -> Thing:
    """Return one small thing: books, cup, bottle, bowl, box, ball, plant, paper, laptop, toy."""
    if builder.catalogue is not None and builder.maybe(0.6):
        found = showroom.small(builder, builder.catalogue, 0.3)
        if found is not None:
            return found
    return _MAKERS[int(builder.rng.integers(len(_MAKERS)))](builder)


def books(builder: FurnitureBuilder) -> Thing:
    """Return one to four books in a pile."""
    size, level = builder.between(0.7, 1.4), 0.0
    pile: Thing = []
    for _ in range(int(builder.rng.integers(1, 5))):
        thick = builder.between(0.01, 0.05)
        book = bodies.box(0.16 * size, thick, 0.23 * size)
        paint = builder.pictured(book) if builder.maybe(0.4) else builder.colored(book)
        pile += shift([paint], y=level, turn=builder.between(-20, 20))
        level += thick
    return pile


def cup(builder: FurnitureBuilder) -> Thing:
    """Return a cup."""
    line = [(0, 0), (0.035, 0), (0.042, 0.1), (0.038, 0.1), (0.033, 0.01)]
    return [builder.colored(moves.scaled(bodies.lathe(line, 14), builder.between(0.7, 1.4)), 0.5)]


def bottle(builder: FurnitureBuilder) -> Thing:
    """Return a bottle or a vase."""
    tall, r = builder.between(0.15, 0.34), builder.between(0.025, 0.05)
    neck = 0.35 * r
    line = [(0, 0), (r, 0), (r, tall * 0.62), (neck, tall * 0.75), (neck, tall), (0, tall)]
    return [builder.colored(bodies.lathe(line, 14), 0.6)]


def bowl(builder: FurnitureBuilder) -> Thing:
    """Return a bowl of fruit."""
    line = [(0, 0), (0.05, 0), (0.1, 0.03), (0.14, 0.09), (0.13, 0.09), (0.08, 0.03), (0, 0.015)]
    fruit = [
        builder.colored(moves.moved(bodies.ellipsoid(0.035, 0.033, 0.035, 10), (x, 0.06, z)))
        for x, z in builder.rng.uniform(-0.06, 0.06, (4, 2))
    ]
    return [builder.colored(bodies.lathe(line, 18)), *fruit]


def packet(builder: FurnitureBuilder) -> Thing:
    """Return a box, printed or plain."""
    size = builder.between(0.06, 0.3), builder.between(0.04, 0.32), builder.between(0.05, 0.25)
    return [
        builder.pictured(bodies.box(*size))
        if builder.maybe(0.5)
        else builder.colored(bodies.box(*size))
    ]


def ball(builder: FurnitureBuilder) -> Thing:
    """Return a ball."""
    r = builder.between(0.05, 0.12)
    return [builder.colored(moves.moved(bodies.ellipsoid(r, r, r, 16), (0, r, 0)))]


def paper(builder: FurnitureBuilder) -> Thing:
    """Return a sheet of paper or a magazine."""
    sheet = bodies.box(0.21, 0.003, 0.297)
    return [sheet.painted((0.9, 0.9, 0.88)) if builder.maybe(0.5) else builder.pictured(sheet)]


def laptop(builder: FurnitureBuilder) -> Thing:
    """Return an open laptop."""
    lid = moves.moved(moves.turned(bodies.box(0.34, 0.23, 0.01), -15, "x"), (0, 0.01, -0.11))
    base = bodies.box(0.34, 0.02, 0.23).painted((0.05, 0.05, 0.06), gloss=0.4)
    return [base, builder.pictured(lid, 0.6)]


def toy(builder: FurnitureBuilder) -> Thing:
    """Return a stuffed toy."""
    body = moves.moved(bodies.ellipsoid(0.08, 0.1, 0.07, 12), (0, 0.1, 0))
    head = moves.moved(bodies.ellipsoid(0.06, 0.06, 0.06, 12), (0, 0.22, 0))
    return [builder.clothed(sheets.merged([body, head]))]


def plant(builder: FurnitureBuilder, height: float) -> Thing:
    """Return a pot plant."""
    r = height * builder.between(0.12, 0.22)
    pot = bodies.lathe([(0, 0), (0.7 * r, 0), (r, 1.5 * r), (0.85 * r, 1.5 * r), (0, 1.3 * r)], 16)
    count = int(builder.rng.integers(12, 45))
    way = builder.rng.normal(0, 1, (count, 3))
    centres = (
        way / np.linalg.norm(way, axis=1, keepdims=True) * builder.rng.uniform(0.3, 1, (count, 1))
    )
    centres = centres * [0.28 * height, 0.3 * height, 0.28 * height] + [0, 0.68 * height, 0]
    crown = bodies.leaves(builder.rng, centres, height * builder.between(0.15, 0.4))
    green = builder.scene.add_texture(builder.library.surface(builder.rng, indoors.foliage))
    stem = bodies.cylinder(0.03 * height, 0.6 * height, 8).painted((0.12, 0.08, 0.04))
    return [
        builder.colored(pot),
        stem,
        crown.painted((0.9, 0.9, 0.9), green, gloss=0.1, cutout=True),
    ]


def small_plant(builder: FurnitureBuilder) -> Thing:
    """Return a pot plant for a table."""
    return plant(builder, builder.between(0.15, 0.45))


_MAKERS = (
    books,
    books,
    cup,
    bottle,
    bottle,
    bowl,
    packet,
    packet,
    packet,
    ball,
    small_plant,
    paper,
    laptop,
    toy,
)
