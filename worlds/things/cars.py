"""Cars, and the parts that other vehicles share.

Each stands on y = 0 at the origin and drives towards -z.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from worlds.shapes import bodies, moves, sheets
from worlds.shapes.blocks import blocks
from worlds.shapes.colors import grey, tinted
from worlds.shapes.tubes import loft

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worlds.scene.arrays import Array, Color, Span
    from worlds.scene.solid import Solid, Thing

_PAINTS: tuple[Color, ...] = (
    (0.02, 0.02, 0.022),
    (0.05, 0.05, 0.06),
    (0.16, 0.17, 0.18),
    (0.38, 0.39, 0.4),
    (0.72, 0.72, 0.7),
    (0.8, 0.8, 0.78),
    (0.3, 0.015, 0.015),
    (0.02, 0.05, 0.2),
    (0.03, 0.12, 0.3),
    (0.02, 0.1, 0.06),
    (0.45, 0.36, 0.2),
    (0.7, 0.42, 0.02),
    (0.1, 0.07, 0.05),
)
GLASS: Color = (0.015, 0.018, 0.02)
_RUBBER: Color = (0.012, 0.012, 0.013)


def paint(rng: np.random.Generator) -> Color:
    """Return a car's color: mostly black to white, now and then a real one."""
    odds = np.array([3, 3, 3, 3, 2, 3, 1, 1, 1, 0.5, 0.5, 0.4, 0.5])
    return _PAINTS[int(rng.choice(len(_PAINTS), p=odds / odds.sum()))]


def wheels(places: Sequence[tuple[float, float]], radius_m: float, width_m: float) -> Thing:
    """Return wheels at (x, z) places, x the middle of the tyre."""
    tyre = moves.turned(bodies.cylinder(radius_m, width_m, 16), 90, "z")
    rim = moves.turned(bodies.cylinder(0.62 * radius_m, width_m + 0.02, 10), 90, "z")
    tyres, rims = [], []
    for x, z in places:
        tyres.append(moves.moved(tyre, (x + width_m / 2, radius_m, z)))
        rims.append(moves.moved(rim, (x + width_m / 2 + 0.01, radius_m, z)))
    return [
        tinted(sheets.merged(tyres), _RUBBER),
        tinted(sheets.merged(rims), grey(0.3), 0.5),
    ]


def _section(half_m: float, low_m: float, high_m: float, round_m: float) -> Array:
    """Return 12 (x, y) points around a body's cross-section."""
    corner = min(round_m, 0.45 * (high_m - low_m))
    right = [
        (half_m * 0.9, low_m),
        (half_m * 0.99, low_m + 0.35 * (high_m - low_m)),
        (half_m, low_m + 0.6 * (high_m - low_m)),
        (half_m * 0.985, high_m - corner),
        (half_m - 0.6 * corner, high_m - 0.15 * corner),
        (half_m * 0.45, high_m + 0.01),
    ]
    left = [(-x, y) for x, y in reversed(right)]
    return np.array(right + left)


def body(stations: Sequence[tuple[float, float, float, float]]) -> Solid:
    """Loft (z, half width, bottom, top) stations to a body."""
    rings = []
    for z, half, low, high in stations:
        ring = _section(half, low, high, 0.14)
        rings.append(np.column_stack([ring, np.full(len(ring), z)]))
    return loft(rings)


def car(rng: np.random.Generator) -> Thing:
    """Return a hatchback, saloon, estate, off-roader or people carrier."""
    kind = rng.choice(["hatch", "saloon", "estate", "tall", "mini"], p=[0.3, 0.25, 0.2, 0.15, 0.1])
    long = {"hatch": 4.1, "saloon": 4.6, "estate": 4.6, "tall": 4.5, "mini": 3.5}[kind]
    long *= rng.uniform(0.96, 1.05)
    half = (0.92 if kind == "tall" else 0.87 if kind != "mini" else 0.8) * rng.uniform(0.98, 1.03)
    lift = 0.1 if kind == "tall" else 0.0
    belt = (0.95 if kind != "tall" else 1.05) * rng.uniform(0.97, 1.04)
    top = {"hatch": 1.46, "saloon": 1.43, "estate": 1.47, "tall": 1.7, "mini": 1.5}[kind]
    top *= rng.uniform(0.98, 1.03)
    low = 0.2 + lift
    front, back = -long / 2, long / 2
    bonnet = front + (1.05 if kind != "mini" else 0.7)
    boot = back - {"hatch": 0.12, "saloon": 0.75, "estate": 0.1, "tall": 0.1, "mini": 0.12}[kind]
    color = paint(rng)
    hull = body(
        [
            (front, 0.62 * half, low + 0.16, low + 0.36),
            (front + 0.06, 0.82 * half, low + 0.08, belt - 0.3),
            (front + 0.35, 0.96 * half, low, belt - 0.19),
            (bonnet, half, low, belt - 0.03),
            (0.0, half, low, belt),
            (boot - 0.25, half, low, belt + 0.01),
            (back - 0.3, 0.98 * half, low, belt - 0.02),
            (back - 0.06, 0.9 * half, low + 0.06, belt - 0.06),
            (back, 0.8 * half, low + 0.16, belt - 0.18),
        ]
    )
    roof_front = bonnet + (top - belt) * rng.uniform(1.2, 1.7)
    slope = {"hatch": 0.75, "saloon": 1.3, "estate": 0.45, "tall": 0.4, "mini": 0.55}[kind]
    roof_back = boot - (top - belt) * slope
    tuck = half * rng.uniform(0.74, 0.8)
    edge = half * 0.955
    y = belt - 0.03
    base = [(-edge, y, bonnet), (edge, y, bonnet), (edge, y, boot), (-edge, y, boot)]
    roof = [
        (-tuck, top - 0.05, roof_front),
        (tuck, top - 0.05, roof_front),
        (tuck, top - 0.05, roof_back),
        (-tuck, top - 0.05, roof_back),
    ]
    panes = [
        bodies.quad([base[i], base[(i + 1) % 4], roof[(i + 1) % 4], roof[i]]) for i in range(4)
    ]
    length = roof_back - roof_front
    lid = _body_roof(tuck, top, roof_front, length)
    pillars = [_bar(base[i], roof[i], 0.045) for i in range(4)]
    for share in (0.5,) if kind in ("hatch", "mini") else (0.38, 0.72):
        for side in (-1, 1):
            foot = (side * edge, y, bonnet + (boot - bonnet) * (0.25 + 0.6 * share))
            head = (side * tuck, top - 0.05, roof_front + length * share)
            pillars.append(_bar(foot, head, 0.035))
    mirrors = blocks(
        [(-half - 0.17, belt, bonnet + 0.45), (half, belt, bonnet + 0.45)],
        [(-half, belt + 0.13, bonnet + 0.55), (half + 0.17, belt + 0.13, bonnet + 0.55)],
    )
    axle_front, axle_back = front + 0.82, back - 0.8
    radius = 0.31 + 0.04 * (kind == "tall")
    wells = arches(half, radius, (axle_front, axle_back))
    seams = blocks(
        [(-half - 0.004, low + 0.1, -0.1), (half - 0.01, low + 0.1, -0.1)],
        [(-half + 0.01, belt - 0.1, -0.085), (half + 0.004, belt - 0.1, -0.085)],
    )
    return [
        *(tinted(shape, color, 0.6) for shape in (hull, lid, *pillars, mirrors)),
        tinted(sheets.merged(panes), GLASS, 0.9),
        tinted(sheets.merged([wells, seams]), grey(0.01)),
        *wheels(
            [(s * (half - 0.13), z) for s in (-1, 1) for z in (axle_front, axle_back)], radius, 0.2
        ),
        *lamps(half, belt, front, back, low),
    ]


def _body_roof(tuck: float, top: float, front: float, length: float) -> Solid:
    rings = []
    for share, drop in ((0.0, 0.035), (0.15, 0.0), (0.5, -0.01), (0.85, 0.005), (1.0, 0.04)):
        z, y = front + share * length, top - drop
        x = tuck * (1.02 - 0.3 * drop)
        points = [
            (x, y - 0.07),
            (x * 0.93, y - 0.025),
            (x * 0.5, y),
            (-x * 0.5, y),
            (-x * 0.93, y - 0.025),
            (-x, y - 0.07),
        ]
        rings.append([(px, py, z) for px, py in points])
    return loft(rings)


def _bar(foot: Sequence[float], head: Sequence[float], half_m: float) -> Solid:
    """Return a slanted square bar between two points."""
    rings = []
    for x, y, z in (foot, head):
        rings.append(
            [(x + a * half_m, y, z + b * half_m) for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
        )
    return loft(rings, smooth=False)


def arches(half_m: float, radius_m: float, axles: Sequence[float]) -> Solid:
    """Return the dark round wells above the wheels."""
    disc = moves.turned(bodies.cylinder(radius_m * 1.17, 2 * half_m + 0.008, 18), 90, "z")
    return sheets.merged(moves.moved(disc, (half_m + 0.004, radius_m * 1.17, z)) for z in axles)


def lamps(half: float, belt: float, front: float, back: float, low: float) -> Thing:
    """Return head lamps, tail lamps, number plates, grille and bumpers."""

    def pair(x: Span, y: Span, z: Span) -> Solid:
        low, high = (y[0], z[0]), (y[1], z[1])
        return blocks([(-x[1], *low), (x[0], *low)], [(-x[0], *high), (x[1], *high)])

    rear = pair((0.62 * half, 0.9 * half), (belt - 0.34, belt - 0.12), (back - 0.25, back - 0.015))
    head = pair((0.45 * half, 0.84 * half), (belt - 0.42, belt - 0.27), (front + 0.06, front + 0.3))
    plate = blocks(
        [(-0.26, low + 0.32, back - 0.1), (-0.26, low + 0.18, front - 0.012)],
        [(0.26, low + 0.43, back + 0.012), (0.26, low + 0.28, front + 0.05)],
    )
    dark = blocks(
        [
            (-0.75 * half, low + 0.02, back - 0.12),
            (-0.4 * half, low + 0.33, front - 0.004),
            (-0.75 * half, low + 0.02, front + 0.02),
        ],
        [
            (0.75 * half, low + 0.13, back - 0.005),
            (0.4 * half, low + 0.44, front + 0.1),
            (0.75 * half, low + 0.14, front + 0.2),
        ],
    )
    return [
        tinted(rear, (0.5, 0.01, 0.01), 0.6),
        tinted(head, grey(0.7), 0.9),
        tinted(plate, grey(0.75)),
        tinted(dark, grey(0.015), 0.2),
    ]
