"""Small things that lie about. Each stands on y = 0 with its middle at x = z = 0."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from worlds.shapes import bodies, moves, sheets
from worlds.surfaces import indoors
from worlds.things.catalogue import showroom
from worlds.things.furniture.workshop import Workshop, shift

if TYPE_CHECKING:
    from worlds.scene.solid import Thing


def strewn(
    shop: Workshop, width: float, depth: float, height: float, amount: float, *, z: float = 0.0
) -> Thing:
    """Return small things lying on a top."""
    count = int(shop.rng.poisson(amount * 9 * max(width * depth, 0.1) ** 0.7))
    parts: Thing = []
    for _ in range(count):
        x = shop.between(-0.45, 0.45) * width
        parts += shift(
            thing(shop), x, height, z + shop.between(0.1, 0.9) * depth, shop.between(0, 360)
        )
    return parts


def thing(shop: Workshop) -> Thing:
    """Return one small thing: books, cup, bottle, bowl, box, ball, plant, paper, laptop, toy."""
    if shop.catalogue is not None and shop.maybe(0.6):
        found = showroom.small(shop, shop.catalogue, 0.3)
        if found is not None:
            return found
    return _MAKERS[int(shop.rng.integers(len(_MAKERS)))](shop)


def books(shop: Workshop) -> Thing:
    """Return one to four books in a pile."""
    size, level = shop.between(0.7, 1.4), 0.0
    pile: Thing = []
    for _ in range(int(shop.rng.integers(1, 5))):
        thick = shop.between(0.01, 0.05)
        book = bodies.box(0.16 * size, thick, 0.23 * size)
        paint = shop.pictured(book) if shop.maybe(0.4) else shop.colored(book)
        pile += shift([paint], y=level, turn=shop.between(-20, 20))
        level += thick
    return pile


def cup(shop: Workshop) -> Thing:
    """Return a cup."""
    line = [(0, 0), (0.035, 0), (0.042, 0.1), (0.038, 0.1), (0.033, 0.01)]
    return [shop.colored(moves.scaled(bodies.lathe(line, 14), shop.between(0.7, 1.4)), 0.5)]


def bottle(shop: Workshop) -> Thing:
    """Return a bottle or a vase."""
    tall, r = shop.between(0.15, 0.34), shop.between(0.025, 0.05)
    neck = 0.35 * r
    line = [(0, 0), (r, 0), (r, tall * 0.62), (neck, tall * 0.75), (neck, tall), (0, tall)]
    return [shop.colored(bodies.lathe(line, 14), 0.6)]


def bowl(shop: Workshop) -> Thing:
    """Return a bowl of fruit."""
    line = [(0, 0), (0.05, 0), (0.1, 0.03), (0.14, 0.09), (0.13, 0.09), (0.08, 0.03), (0, 0.015)]
    fruit = [
        shop.colored(moves.moved(bodies.ellipsoid(0.035, 0.033, 0.035, 10), (x, 0.06, z)))
        for x, z in shop.rng.uniform(-0.06, 0.06, (4, 2))
    ]
    return [shop.colored(bodies.lathe(line, 18)), *fruit]


def packet(shop: Workshop) -> Thing:
    """Return a box, printed or plain."""
    size = shop.between(0.06, 0.3), shop.between(0.04, 0.32), shop.between(0.05, 0.25)
    return [
        shop.pictured(bodies.box(*size)) if shop.maybe(0.5) else shop.colored(bodies.box(*size))
    ]


def ball(shop: Workshop) -> Thing:
    """Return a ball."""
    r = shop.between(0.05, 0.12)
    return [shop.colored(moves.moved(bodies.ellipsoid(r, r, r, 16), (0, r, 0)))]


def paper(shop: Workshop) -> Thing:
    """Return a sheet of paper or a magazine."""
    sheet = bodies.box(0.21, 0.003, 0.297)
    return [sheet.painted((0.9, 0.9, 0.88)) if shop.maybe(0.5) else shop.pictured(sheet)]


def laptop(shop: Workshop) -> Thing:
    """Return an open laptop."""
    lid = moves.moved(moves.turned(bodies.box(0.34, 0.23, 0.01), -15, "x"), (0, 0.01, -0.11))
    base = bodies.box(0.34, 0.02, 0.23).painted((0.05, 0.05, 0.06), gloss=0.4)
    return [base, shop.pictured(lid, 0.6)]


def toy(shop: Workshop) -> Thing:
    """Return a stuffed toy."""
    body = moves.moved(bodies.ellipsoid(0.08, 0.1, 0.07, 12), (0, 0.1, 0))
    head = moves.moved(bodies.ellipsoid(0.06, 0.06, 0.06, 12), (0, 0.22, 0))
    return [shop.clothed(sheets.merged([body, head]))]


def plant(shop: Workshop, height: float) -> Thing:
    """Return a pot plant."""
    r = height * shop.between(0.12, 0.22)
    pot = bodies.lathe([(0, 0), (0.7 * r, 0), (r, 1.5 * r), (0.85 * r, 1.5 * r), (0, 1.3 * r)], 16)
    count = int(shop.rng.integers(12, 45))
    way = shop.rng.normal(0, 1, (count, 3))
    centres = (
        way / np.linalg.norm(way, axis=1, keepdims=True) * shop.rng.uniform(0.3, 1, (count, 1))
    )
    centres = centres * [0.28 * height, 0.3 * height, 0.28 * height] + [0, 0.68 * height, 0]
    crown = bodies.leaves(shop.rng, centres, height * shop.between(0.15, 0.4))
    green = shop.scene.add_texture(shop.library.surface(shop.rng, indoors.foliage))
    stem = bodies.cylinder(0.03 * height, 0.6 * height, 8).painted((0.12, 0.08, 0.04))
    return [shop.colored(pot), stem, crown.painted((0.9, 0.9, 0.9), green, gloss=0.1, cutout=True)]


def small_plant(shop: Workshop) -> Thing:
    """Return a pot plant for a table."""
    return plant(shop, shop.between(0.15, 0.45))


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
