"""What stands along streets: lamps, signs, signals, bollards and bins.

Each stands on y = 0 at the origin and faces -z, unless said otherwise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from worlds.shapes import bodies, moves, sheets
from worlds.shapes.blocks import block
from worlds.shapes.colors import grey, shade, tinted
from worlds.shapes.tubes import tube

if TYPE_CHECKING:
    import numpy as np

    from worlds.scene.arrays import Color
    from worlds.scene.solid import Thing

_LOUD: tuple[Color, ...] = (
    (0.5, 0.03, 0.03),
    (0.03, 0.1, 0.4),
    (0.05, 0.25, 0.1),
    (0.7, 0.45, 0.03),
    (0.04, 0.04, 0.04),
    (0.5, 0.5, 0.5),
)


def loud(rng: np.random.Generator) -> Color:
    """Return a strong color."""
    return shade(rng, _LOUD[int(rng.integers(len(_LOUD)))], 0.3)


def lamp(rng: np.random.Generator) -> Thing:
    """Return a street lamp whose arm reaches towards -x."""
    high = rng.uniform(4, 10)
    reach = rng.uniform(0.4, 2.5) if high > 5 else 0.0
    metal = shade(
        rng,
        ((0.3, 0.3, 0.31), (0.05, 0.06, 0.06), (0.1, 0.14, 0.12), (0.4, 0.38, 0.34))[
            int(rng.integers(4))
        ],
    )
    pole = bodies.cone(0.09, 0.05, high, 8)
    if reach:
        arm = tube(
            [(0, high - 0.1, 0), (-0.3 * reach, high + 0.25, 0), (-reach, high + 0.35, 0)], 0.035, 6
        )
        head = block((-reach, high + 0.33, 0), (0.7, 0.12, 0.22))
        return [
            tinted(sheets.merged([pole, arm, head]), metal, 0.2),
            tinted(block((-reach, high + 0.26, 0), (0.5, 0.04, 0.16)), grey(0.7), 0.3),
        ]
    globe = moves.moved(bodies.ellipsoid(0.22, 0.28, 0.22, 12), (0, high + 0.2, 0))
    return [
        tinted(pole, metal, 0.2),
        tinted(globe, grey(0.75), 0.4),
        tinted(moves.moved(bodies.cone(0.3, 0.05, 0.2, 10), (0, high + 0.4, 0)), metal),
    ]


def sign(rng: np.random.Generator) -> Thing:
    """Return one or two traffic signs on a post, or a large board on two."""
    kind = rng.random()
    if kind < 0.15:
        wide, tall, lift = rng.uniform(1.2, 3.5), rng.uniform(0.8, 2.2), rng.uniform(0.9, 2.3)
        tone = ((0.02, 0.12, 0.45), (0.7, 0.6, 0.05), (0.75, 0.75, 0.75), (0.02, 0.3, 0.1))[
            int(rng.integers(4))
        ]
        posts = [
            moves.moved(bodies.cylinder(0.05, lift + tall, 6), (s * wide * 0.35, 0, 0.04))
            for s in (-1, 1)
        ]
        text = [
            block(
                (rng.uniform(-0.1, 0.1) * wide, lift + tall * f, -0.02),
                (wide * rng.uniform(0.3, 0.7), tall * 0.1, 0.01),
            )
            for f in (0.3, 0.55, 0.8)
        ]
        return [
            tinted(sheets.merged(posts), grey(0.35)),
            tinted(block((0, lift + tall / 2, 0), (wide, tall, 0.03)), tone, 0.2),
            tinted(sheets.merged(text), grey(0.85) if tone[0] < 0.5 else grey(0.03)),
        ]
    high = rng.uniform(2.2, 3.0)
    solids = [tinted(bodies.cylinder(0.035, high + 0.4, 7), grey(0.35), 0.3)]
    for level in range(int(rng.integers(1, 3))):
        y, size = high - 0.75 * level, rng.uniform(0.3, 0.42)
        shape = rng.choice(["disc", "triangle", "square", "diamond"])
        sides = {"disc": 20, "triangle": 3, "square": 4, "diamond": 4}[shape]
        spin = {"disc": 0, "triangle": 90, "square": 45, "diamond": 0}[shape]
        outer, inner = (
            ((0.5, 0.01, 0.02), grey(0.8))
            if shape in ("disc", "triangle")
            else ((0.7, 0.7, 0.7), (0.02, 0.1, 0.45) if shape == "square" else (0.75, 0.5, 0.02))
        )
        if rng.random() < 0.15:
            outer, inner = inner, outer
        for scale, depth, tone in ((1.0, 0.0, outer), (0.78, 0.006, inner)):
            face = moves.turned(
                moves.turned(bodies.cylinder(size * scale, 0.02, sides), 90, "x"), spin, "z"
            )
            solids.append(tinted(moves.moved(face, (0, y, -0.06 - depth)), tone, 0.1))
        solids.append(
            tinted(
                block((0, y, -0.09), (size * 0.5, size * 0.35, 0.012)),
                grey(0.03) if inner[0] > 0.5 else grey(0.85),
            )
        )
    return solids


def signal(rng: np.random.Generator) -> Thing:
    """Return a traffic light, with an arm across the road towards -x at times."""
    high = rng.uniform(2.6, 3.4)
    over = rng.uniform(3.0, 6.0) if rng.random() < 0.4 else 0.0
    parts = [
        bodies.cylinder(0.06, 5.8 if over else high + 1.0, 8),
        block((0, high + 0.45, -0.1), (0.3, 0.95, 0.22)),
    ]
    heads = [(0.0, high)]
    if over:
        parts += [
            tube([(0, 5.6, 0), (-over, 5.8, 0)], 0.05),
            block((-over, 5.6, -0.1), (0.34, 1.0, 0.22)),
        ]
        heads.append((-over, 5.15))
    solids = [
        tinted(sheets.merged(parts), grey(0.025) if rng.random() < 0.7 else (0.06, 0.09, 0.07))
    ]
    on = int(rng.integers(3))
    for x, y in heads:
        for k, tone in enumerate(((0.05, 0.9, 0.4), (1.0, 0.6, 0.05), (1.0, 0.06, 0.04))):
            eye = moves.moved(bodies.ellipsoid(0.1, 0.1, 0.04, 10), (x, y + 0.15 + 0.3 * k, -0.215))
            solids.append(
                tinted(eye, tone if k == on else grey(0.04), 0.2, 2.5 if k == on else 0.0)
            )
    return solids


def bollard(rng: np.random.Generator) -> Thing:
    """Return a bollard or a reflector post."""
    if rng.random() < 0.5:
        post = block((0, 0.5, 0), (0.12, 1.0, 0.1))
        return [
            tinted(post, grey(0.75)),
            tinted(block((0, 0.8, 0), (0.125, 0.16, 0.105)), grey(0.02)),
        ]
    high = rng.uniform(0.5, 1.1)
    return [
        tinted(
            bodies.cylinder(rng.uniform(0.05, 0.13), high, 9),
            loud(rng) if rng.random() < 0.4 else grey(0.2),
            0.2,
        )
    ]


def bin_(rng: np.random.Generator) -> Thing:
    """Return a dust bin, a wheeled bin, a cabinet or a skip."""
    kind = rng.random()
    if kind < 0.45:
        tone = shade(
            rng,
            ((0.03, 0.12, 0.06), (0.03, 0.05, 0.15), (0.02, 0.02, 0.02), (0.6, 0.45, 0.03))[
                int(rng.integers(4))
            ],
        )
        return [
            tinted(bodies.box(0.55, 1.0, 0.6, 0.05), tone, 0.3),
            tinted(block((0, 1.03, 0), (0.6, 0.07, 0.68)), shade(rng, tone, 0.4), 0.3),
        ]
    if kind < 0.65:
        return [
            tinted(bodies.cylinder(0.22, 0.9, 12), loud(rng), 0.2),
            tinted(moves.moved(bodies.cylinder(0.25, 0.06, 12), (0, 0.9, 0)), grey(0.05)),
        ]
    if kind < 0.9:
        return [
            tinted(
                bodies.box(rng.uniform(0.6, 1.4), rng.uniform(0.9, 1.5), 0.4),
                grey(rng.uniform(0.2, 0.5)),
                0.1,
            )
        ]
    return [
        tinted(
            bodies.extrude([(-1.6, -0.9), (1.6, -0.9), (1.9, 0.9), (-1.9, 0.9)], 1.4),
            loud(rng),
            0.2,
        )
    ]
