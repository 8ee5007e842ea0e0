"""Benches, bus stops, posters and market stalls. Each stands on y = 0 and faces -z."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worlds.shapes import bodies, moves, sheets
from worlds.shapes.blocks import block, blocks
from worlds.shapes.colors import grey, shade, tinted
from worlds.things.streetparts import loud

if TYPE_CHECKING:
    import numpy as np

    from worlds.scene.solid import Thing
    from worlds.surfaces.outdoors import Materials


def bench(rng: np.random.Generator, materials: Materials) -> Thing:
    """Return a bench 0.45 m high."""
    long = rng.uniform(1.3, 2.2)
    slats = blocks(
        [(-long / 2, 0.42, z) for z in (-0.25, -0.1, 0.05)]
        + [(-long / 2, y, 0.2) for y in (0.6, 0.75)],
        [(long / 2, 0.46, z + 0.12) for z in (-0.25, -0.1, 0.05)]
        + [(long / 2, y + 0.1, 0.24) for y in (0.6, 0.75)],
    )
    legs = blocks(
        [(s * long * 0.4 - 0.04, 0, -0.25) for s in (-1, 1)],
        [(s * long * 0.4 + 0.04, 0.43, 0.2) for s in (-1, 1)],
    )
    backs = blocks(
        [(s * long * 0.4 - 0.03, 0.4, 0.18) for s in (-1, 1)],
        [(s * long * 0.4 + 0.03, 0.86, 0.24) for s in (-1, 1)],
    )
    return [
        slats.painted(shade(rng, (0.6, 0.42, 0.28), 0.4), materials.planks),
        tinted(sheets.merged([legs, backs]), grey(0.05)),
    ]


def shelter(rng: np.random.Generator, materials: Materials) -> Thing:
    """Return a bus stop with a roof, a bench and a poster; open towards -z."""
    long = rng.uniform(3, 5)
    posts = blocks(
        [(s * long / 2 - 0.05, 0, 0.6) for s in (-1, 0, 1)],
        [(s * long / 2 + 0.05, 2.4, 0.7) for s in (-1, 0, 1)],
    )
    roof = block((0, 2.45, 0), (long + 0.4, 0.12, 1.7))
    panel = block((long / 2, 1.25, 0), (0.12, 1.9, 1.2))
    seat = block((0, 0.45, 0.4), (long * 0.6, 0.06, 0.35))
    return [
        tinted(sheets.merged([posts, roof, seat]), shade(rng, grey(0.2), 0.5), 0.2),
        panel.painted(grey(0.9), materials.poster(rng), tiles=(0.8, 0.5)),
    ]


def poster(rng: np.random.Generator, materials: Materials) -> Thing:
    """Return an advertising column or a billboard."""
    if rng.random() < 0.4:
        drum = bodies.cylinder(0.6, 2.8, 20).painted(
            grey(0.9), materials.poster(rng), tiles=(-3, -1.5)
        )
        return [drum, tinted(moves.moved(bodies.cone(0.75, 0.2, 0.5, 20), (0, 2.8, 0)), grey(0.1))]
    wide, tall, lift = rng.uniform(1.3, 4), rng.uniform(1.8, 2.8), rng.uniform(0.4, 1.5)
    face = bodies.quad(
        [
            (wide / 2, lift + tall, -0.11),
            (-wide / 2, lift + tall, -0.11),
            (-wide / 2, lift, -0.11),
            (wide / 2, lift, -0.11),
        ]
    )
    legs = blocks(
        [(s * wide * 0.35 - 0.06, 0, -0.06) for s in (-1, 1)],
        [(s * wide * 0.35 + 0.06, lift + 0.1, 0.06) for s in (-1, 1)],
    )
    return [
        face.painted(grey(0.9), materials.poster(rng)),
        tinted(
            sheets.merged([block((0, lift + tall / 2, 0), (wide + 0.15, tall + 0.15, 0.2)), legs]),
            grey(0.15),
        ),
    ]


def stall(rng: np.random.Generator, materials: Materials) -> Thing:
    """Return a market stall or a sunshade with a table."""
    if rng.random() < 0.4:
        shade_ = moves.moved(bodies.cone(1.5, 0.05, 0.55, 8), (0, 2.1, 0))
        table = moves.moved(bodies.cylinder(0.45, 0.04, 14), (0.5, 0.72, 0))
        seats = [
            block((x, 0.23, z), (0.4, 0.46, 0.4)) for x, z in ((-0.4, 0.1), (1.3, 0.2), (0.4, -0.9))
        ]
        backs = [block((x - 0.18, 0.65, z), (0.05, 0.5, 0.4)) for x, z in ((-0.4, 0.1), (1.5, 0.2))]
        return [
            shade_.painted(loud(rng), materials.stripes, tiles=2),
            tinted(
                sheets.merged([bodies.cylinder(0.03, 2.5, 6), table, *seats, *backs]),
                shade(rng, (0.3, 0.2, 0.12), 0.5),
            ),
        ]
    wide = rng.uniform(2, 4)
    roof = [
        bodies.quad(
            [
                (-wide / 2, 2.6, 0),
                (wide / 2, 2.6, 0),
                (wide / 2, 2.1, s * 1.3),
                (-wide / 2, 2.1, s * 1.3),
            ]
        )
        for s in (-1, 1)
    ]
    posts = blocks(
        [(sx * wide / 2, 0, sz * 1.1) for sx in (-1, 1) for sz in (-1, 1)],
        [(sx * wide / 2 + 0.05, 2.15, sz * 1.1 + 0.05) for sx in (-1, 1) for sz in (-1, 1)],
    )
    table = block((0, 0.45, -0.5), (wide * 0.95, 0.85, 0.9))
    goods = rng.uniform([-wide / 2 + 0.1, 0.87, -0.9], [wide / 2 - 0.4, 0.87, -0.3], (14, 3))
    fruit = [
        tinted(
            blocks(goods[k::3], goods[k::3] + rng.uniform(0.12, 0.35, (len(goods[k::3]), 3))),
            loud(rng),
        )
        for k in range(3)
    ]
    return [
        sheets.merged(roof).painted(loud(rng), materials.stripes, tiles=2),
        tinted(posts, grey(0.2)),
        table.painted(shade(rng, (0.5, 0.4, 0.3), 0.5), materials.planks),
        *fruit,
    ]
