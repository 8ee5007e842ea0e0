"""People on foot and on bicycles: smooth figures that stand at the origin and face -z."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from worlds.shapes import bodies, moves, sheets
from worlds.shapes.colors import grey, shade, tinted
from worlds.shapes.moves import at
from worlds.shapes.tubes import tube

if TYPE_CHECKING:
    from worlds.scene.arrays import Color
    from worlds.scene.solid import Thing

_CLOTHES: tuple[Color, ...] = (
    (0.02, 0.02, 0.03),
    (0.05, 0.07, 0.15),
    (0.3, 0.3, 0.3),
    (0.7, 0.68, 0.62),
    (0.4, 0.03, 0.04),
    (0.06, 0.15, 0.3),
    (0.1, 0.2, 0.08),
    (0.6, 0.4, 0.05),
    (0.25, 0.15, 0.08),
    (0.5, 0.2, 0.3),
)
_SKIN: tuple[Color, ...] = (
    (0.5, 0.3, 0.2),
    (0.4, 0.22, 0.14),
    (0.2, 0.1, 0.06),
    (0.6, 0.38, 0.28),
)
_HAIR: tuple[Color, ...] = (
    (0.015, 0.01, 0.008),
    (0.08, 0.045, 0.02),
    (0.3, 0.2, 0.08),
    (0.4, 0.4, 0.4),
)


def _any(rng: np.random.Generator, of: tuple[Color, ...]) -> Color:
    return shade(rng, of[int(rng.integers(len(of)))])


def person(rng: np.random.Generator, *, seated: bool = False) -> Thing:
    """Return somebody 1.1 to 1.95 m tall who walks, stands or, on a seat 0.45 m high, sits."""
    tall = float(rng.normal(1.72, 0.1)) if rng.random() < 0.85 else float(rng.uniform(1.05, 1.5))
    tall = float(np.clip(tall, 1.05, 1.95))
    wide = rng.uniform(0.9, 1.25)
    stride = 0.0 if rng.random() < 0.35 else rng.uniform(0.1, 0.32)
    hip, shoulder = 0.49 * tall, 0.82 * tall
    top, below, skin = _any(rng, _CLOTHES), _any(rng, _CLOTHES), _any(rng, _SKIN)
    if seated:
        hip, shoulder = 0.52, 0.52 + 0.34 * tall
    legs, arms, shoes = [], [], []
    for side in (-1, 1):
        x = side * 0.09 * wide
        if seated:
            line = [(x, hip, 0.05), (x, hip, -0.42), (x, 0.08, -0.45 - 0.1 * side * stride)]
        else:
            foot = -side * stride * tall * 0.6
            line = [
                (x, hip, 0),
                (x * 1.05, 0.27 * tall, 0.5 * foot - 0.05 * stride),
                (x, 0.05, foot),
            ]
        legs.append(tube(line, np.array([0.095, 0.07, 0.05]) * wide, 8))
        shoes.append(
            moves.moved(bodies.ellipsoid(0.05, 0.05, 0.13, 8), (x, 0.05, line[2][2] - 0.05))
        )
        swing = side * stride * 0.5
        hand = (
            side * rng.uniform(0.24, 0.32) * wide,
            hip - 0.02 + 0.3 * rng.random() * (rng.random() < 0.3),
            swing - 0.12,
        )
        arms.append(
            tube(
                [
                    (side * 0.19 * wide, shoulder - 0.03, 0),
                    (side * 0.25 * wide, 0.5 * (hip + shoulder), 0.5 * swing + 0.05),
                    hand,
                ],
                np.array([0.06, 0.05, 0.035]) * wide,
                7,
            )
        )
    chest = bodies.lathe(
        [
            (0.0, hip - 0.06),
            (0.17, hip),
            (0.15, hip + 0.16),
            (0.19, shoulder - 0.12),
            (0.16, shoulder - 0.01),
            (0.05, shoulder + 0.04),
        ],
        14,
    )
    chest = moves.scaled(chest, (wide, 1.0, 0.62 * wide))
    if not seated and rng.random() < 0.2:
        legs.append(
            moves.scaled(
                bodies.lathe([(0.3, 0.28 * tall), (0.16, hip + 0.03)], 14), (1.0, 1.0, 0.75)
            )
        )
    head = moves.moved(bodies.ellipsoid(0.085, 0.115, 0.1, 14), (0, shoulder + 0.17, -0.01))
    neck = tube([(0, shoulder, 0), (0, shoulder + 0.1, 0)], 0.05)
    hair = moves.moved(bodies.ellipsoid(0.092, 0.1, 0.1, 12), (0, shoulder + 0.2, 0.02))
    parts = [
        tinted(sheets.merged(legs), below),
        tinted(sheets.merged([chest, *arms]), top),
        tinted(sheets.merged([head, neck]), skin),
        tinted(hair, _any(rng, _HAIR)),
        tinted(sheets.merged(shoes), _any(rng, _CLOTHES)),
    ]
    if rng.random() < 0.35:
        side = rng.choice([-1, 1])
        bag = (
            bodies.box(0.12, 0.3, 0.26, 0.04)
            if rng.random() < 0.5
            else bodies.box(0.3, 0.42, 0.18, 0.06)
        )
        spot = (
            (side * 0.36 * wide, hip - 0.3, 0) if rng.random() < 0.5 else (0, shoulder - 0.45, 0.2)
        )
        parts.append(tinted(moves.moved(bag, spot), _any(rng, _CLOTHES), 0.2))
    return parts


def bicycle(rng: np.random.Generator) -> Thing:
    """Return a bicycle that stands upright, front towards -z."""
    tyre = []
    for z in (-0.52, 0.52):
        angle = np.linspace(0, 2 * np.pi, 21)
        ring = np.stack([0 * angle, 0.34 + 0.33 * np.sin(angle), z + 0.33 * np.cos(angle)], 1)
        tyre.append(tube(ring, 0.022, 5))
    lines = [
        [(0, 0.34, 0.52), (0, 0.3, 0.05), (0, 0.88, 0.2), (0, 0.34, 0.52)],
        [(0, 0.3, 0.05), (0, 0.82, -0.35), (0, 0.86, 0.18)],
        [(0, 0.34, -0.52), (0, 0.98, -0.33)],
    ]
    frame = [tube(np.array(line), 0.018, 5) for line in lines]
    bar = tube([(-0.28, 1.02, -0.22), (0, 0.98, -0.36), (0.28, 1.02, -0.22)], 0.016, 5)
    seat = moves.moved(bodies.ellipsoid(0.08, 0.035, 0.14, 8), (0, 0.92, 0.22))
    return [
        tinted(sheets.merged(frame), _any(rng, _CLOTHES), 0.5),
        tinted(sheets.merged([*tyre, bar, seat]), grey(0.02)),
    ]


def cyclist(rng: np.random.Generator) -> Thing:
    """Return somebody on a bicycle."""
    top, below, skin = _any(rng, _CLOTHES), _any(rng, _CLOTHES), _any(rng, _SKIN)
    lean = rng.uniform(0.1, 0.35)
    shoulder = np.array([0, 1.5, 0.22 - lean])
    trunk = tube(
        [(0, 0.92, 0.22), (0, 1.2, 0.26 - 0.5 * lean), tuple(shoulder), (0, 1.55, 0.2 - lean)],
        [0.14, 0.15, 0.19, 0.06],
        10,
    )
    limbs = [
        tube(
            [(s * 0.19, 1.47, 0.2 - lean), (s * 0.28, 1.22, -0.02), (s * 0.27, 1.03, -0.22)],
            [0.06, 0.05, 0.035],
        )
        for s in (-1, 1)
    ]
    legs = [
        tube(
            [
                (s * 0.09, 0.93, 0.2),
                (s * 0.11, 0.72 + 0.1 * s, -0.2),
                (s * 0.1, 0.3 + 0.14 * s, 0.05),
            ],
            [0.09, 0.07, 0.05],
        )
        for s in (-1, 1)
    ]
    head = moves.moved(bodies.ellipsoid(0.085, 0.115, 0.1, 12), (0, 1.69, 0.15 - lean))
    hat = moves.moved(bodies.ellipsoid(0.1, 0.09, 0.13, 12), (0, 1.76, 0.17 - lean))
    return [
        *bicycle(rng),
        tinted(sheets.merged([trunk, *limbs]), top),
        tinted(sheets.merged(legs), below),
        tinted(head, skin),
        tinted(hat, _any(rng, _HAIR if rng.random() < 0.5 else _CLOTHES)),
    ]


def group(rng: np.random.Generator, count: int, spread_m: float) -> Thing:
    """Return some people about the origin, each facing their own way."""
    things: Thing = []
    for _ in range(count):
        spot = (*rng.normal(0, spread_m, 2),)
        things += at(person(rng), (spot[0], 0, spot[1]), float(rng.uniform(0, 360)))
    return things
