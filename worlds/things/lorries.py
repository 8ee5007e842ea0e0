"""Vans, buses, lorries, and any vehicle. Each stands on y = 0 and drives towards -z."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from worlds.shapes import bodies, moves, sheets
from worlds.shapes.blocks import block, blocks
from worlds.shapes.colors import grey, tinted
from worlds.shapes.moves import at
from worlds.things.cars import GLASS, arches, body, car, lamps, paint, wheels

if TYPE_CHECKING:
    from worlds.scene.solid import Thing


def van(rng: np.random.Generator) -> Thing:
    """Return a delivery van."""
    color = ((0.75, 0.75, 0.73), paint(rng))[int(rng.random() < 0.5)]
    long, half, top = rng.uniform(4.8, 6.4), 0.98, rng.uniform(1.95, 2.7)
    front, back = -long / 2, long / 2
    hull = body(
        [
            (front, 0.8 * half, 0.4, 0.8),
            (front + 0.1, 0.92 * half, 0.3, 1.05),
            (front + 0.75, half, 0.28, 1.25),
            (front + 1.5, half, 0.28, top - 0.04),
            (front + 2.0, half, 0.28, top),
            (back - 0.1, half, 0.28, top - 0.02),
            (back, 0.96 * half, 0.34, top - 0.08),
        ]
    )
    glass = [
        bodies.quad(
            [
                (-0.9 * half, 1.22, front + 0.69),
                (0.9 * half, 1.22, front + 0.69),
                (0.82 * half, top - 0.14, front + 1.38),
                (-0.82 * half, top - 0.14, front + 1.38),
            ]
        ),
        blocks(
            [(-half - 0.008, 1.25, front + 1.35), (-0.85 * half, 1.3, back - 0.1)],
            [(half + 0.008, 1.8, front + 2.05), (0.85 * half, 1.85, back + 0.006)],
        ),
    ]
    doors = blocks(
        [(-0.012, 0.45, back - 0.1), (-half - 0.006, 0.4, 0.0), (-half - 0.006, 1.2, front + 2.3)],
        [
            (0.012, top - 0.15, back + 0.01),
            (half + 0.006, top - 0.3, 0.02),
            (half + 0.006, 1.23, back - 0.3),
        ],
    )
    axles = (front + 0.95, back - 1.1)
    return [
        tinted(hull, color, 0.5),
        tinted(sheets.merged(glass), GLASS, 0.9),
        tinted(sheets.merged([doors, arches(half, 0.35, axles)]), grey(0.02)),
        *wheels([(s * (half - 0.14), z) for s in (-1, 1) for z in axles], 0.35, 0.22),
        *lamps(half, 1.2, front, back, 0.3),
    ]


def bus(rng: np.random.Generator) -> Thing:
    """Return a town bus, or a tram without the wheels seen."""
    color = paint(rng)
    long, half, top = rng.uniform(10, 13), 1.25, rng.uniform(2.95, 3.3)
    front, back = -long / 2, long / 2
    hull = moves.moved(bodies.box(2 * half, top - 0.3, long, 0.18), (0, 0.3, 0))
    band = [
        blocks(
            [
                (-half - 0.012, 1.35, front + 0.15),
                (-0.9 * half, 1.1, front - 0.012),
                (-0.85 * half, 1.6, back - 0.1),
            ],
            [
                (half + 0.012, 2.45, back - 0.3),
                (0.9 * half, 2.6, front + 0.1),
                (0.85 * half, 2.5, back + 0.012),
            ],
        )
    ]
    doors = [
        blocks(
            [(half, 0.4, z) for z in (front + 0.4, 0.0)],
            [(half + 0.014, 2.45, z + 1.2) for z in (front + 0.4, 0.0)],
        )
    ]
    count = int(long / 1.5)
    posts = blocks(
        [(-half - 0.018, 1.35, front + 1.5 * k) for k in range(1, count)],
        [(half + 0.018, 2.45, front + 1.5 * k + 0.09) for k in range(1, count)],
    )
    sign = blocks([(-0.7 * half, 2.65, front - 0.012)], [(0.7 * half, 2.88, front + 0.05)])
    strip = blocks([(-half - 0.006, 0.5, front + 0.3)], [(half + 0.006, 0.8, back - 0.3)])
    axles = (front + 2.6, back - 3.1)
    return [
        tinted(hull, color, 0.5),
        tinted(sheets.merged([*band, *doors]), GLASS, 0.9),
        tinted(posts, grey(0.05), 0.3),
        tinted(sign, (0.9, 0.5, 0.05), 0.0, 0.8),
        tinted(strip, paint(rng), 0.5),
        tinted(arches(half, 0.5, axles), grey(0.015)),
        *wheels([(s * (half - 0.16), z) for s in (-1, 1) for z in axles], 0.48, 0.28),
        *lamps(half, 1.15, front, back, 0.35),
    ]


def lorry(rng: np.random.Generator) -> Thing:
    """Return a lorry: box, tank, tipper or tarpaulin behind a cab."""
    cab, cargo = paint(rng), paint(rng)
    long, half = rng.uniform(6.5, 13.0), 1.25
    front, back = -long / 2, long / 2
    top = rng.uniform(2.7, 3.4)
    head = moves.moved(bodies.box(2 * half, top - 0.5, 2.1, 0.15), (0, 0.5, front + 1.05))
    glass = blocks(
        [(-0.92 * half, 1.75, front - 0.012), (-half - 0.012, 1.75, front + 0.5)],
        [(0.92 * half, top - 0.35, front + 0.1), (half + 0.012, top - 0.4, front + 1.4)],
    )
    start, kind = front + 2.4, rng.choice(["box", "tank", "open", "low"], p=[0.5, 0.2, 0.15, 0.15])
    length, middle = back - start, (back + start) / 2
    if kind == "tank":
        drum = moves.turned(bodies.cylinder(1.15, length, 24), 90, "x")
        load = [tinted(moves.moved(drum, (0, 2.3, start)), cargo, 0.6)]
    elif kind == "box":
        high = rng.uniform(2.2, 2.9)
        load = [
            tinted(block((0, 1.1 + high / 2, middle), (2.5, high, length)), cargo, 0.3),
            tinted(blocks([(-0.015, 1.2, back)], [(0.015, high + 1, back + 0.012)]), grey(0.03)),
            tinted(
                blocks(
                    [(-half - 0.01, 1.1 + high * 0.4, start + 0.2)],
                    [(half + 0.01, 1.1 + high * 0.6, back - 0.8)],
                ),
                paint(rng),
                0.3,
            ),
        ]
    else:
        high = 0.9 if kind == "open" else 0.15
        load = [tinted(block((0, 1.1 + high / 2, middle), (2.5, high, length)), cargo, 0.2)]
        if kind == "low":
            crates = np.add(
                rng.uniform([-0.9, 0, start + 0.6], [0.6, 0, back - 0.8], (5, 3)), (0, 1.2, 0)
            )
            load.append(
                tinted(blocks(crates, crates + rng.uniform(0.4, 1.2, (5, 3))), (0.25, 0.16, 0.08))
            )
    frame = blocks(
        [
            (-0.5, 0.7, front + 0.4),
            (-1.2, 0.55, back - 0.12),
            (-1.22, 0.45, -0.3),
            (1.18, 0.45, -0.3),
        ],
        [
            (0.5, 1.12, back - 0.05),
            (1.2, 0.75, back),
            (-1.18, 0.95, back - 3),
            (1.22, 0.95, back - 3),
        ],
    )
    lamps = blocks(
        [(-1.15, 0.85, back - 0.02), (0.85, 0.85, back - 0.02)],
        [(-0.85, 1.02, back + 0.03), (1.15, 1.02, back + 0.03)],
    )
    warn = blocks(
        [(-0.8, 0.85, back), (0.1, 0.85, back)], [(-0.1, 1.0, back + 0.02), (0.8, 1.0, back + 0.02)]
    )
    axles = [front + 1.2, back - 1.2] + ([back - 2.5] if long > 9 else [])
    return [
        tinted(head, cab, 0.5),
        tinted(glass, GLASS, 0.9),
        *load,
        tinted(frame, grey(0.02)),
        tinted(lamps, (0.5, 0.01, 0.01), 0.5),
        tinted(warn, (0.7, 0.5, 0.03)),
        *wheels([(s * 1.05, z) for s in (-1, 1) for z in axles], 0.5, 0.34),
    ]


def vehicle(rng: np.random.Generator) -> tuple[Thing, float]:
    """Return any vehicle that drives, and its length in metres."""
    kind = rng.random()
    thing = (
        car(rng)
        if kind < 0.8
        else van(rng)
        if kind < 0.9
        else bus(rng)
        if kind < 0.94
        else lorry(rng)
    )
    ends = np.concatenate([part.triangles[..., 2].ravel() for part in thing])
    return at(thing, (0, 0, 0)), float(ends.max() - ends.min())
