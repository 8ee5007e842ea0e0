"""Trees, bushes, hedges and grass. Each stands on y = 0 at the origin."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from worlds.shapes import bodies, moves, sheets
from worlds.shapes.colors import shade, tinted
from worlds.shapes.tubes import tube

if TYPE_CHECKING:
    from worlds.scene.arrays import Array, Color
    from worlds.scene.solid import Solid, Thing
    from worlds.surfaces.foliage import Foliage

_GREENS: tuple[Color, ...] = (
    (0.10, 0.19, 0.04),
    (0.07, 0.15, 0.035),
    (0.14, 0.21, 0.05),
    (0.05, 0.1, 0.03),
    (0.2, 0.21, 0.05),
    (0.3, 0.19, 0.04),
    (0.26, 0.1, 0.03),
    (0.16, 0.13, 0.06),
)


def green(rng: np.random.Generator) -> Color:
    """Return the color of leaves, from fresh to autumn."""
    odds = np.array([4, 4, 3, 3, 1.5, 0.6, 0.3, 0.6])
    return shade(rng, _GREENS[int(rng.choice(len(_GREENS), p=odds / odds.sum()))], 0.25)


def _cluster(rng: np.random.Generator, count: int, radii: Array) -> Array:
    """Return points near the skin of an ellipsoid."""
    ray = rng.normal(size=(count, 3))
    ray /= np.linalg.norm(ray, axis=1, keepdims=True)
    return ray * radii * rng.uniform(0.55, 1.0, (count, 1))


def lump(rng: np.random.Generator, radii: Array, sides: int = 14) -> Solid:
    """Return a bumpy ellipsoid of (3,) radii around the origin."""
    ball = bodies.ellipsoid(1.0, 1.0, 1.0, sides)
    ray = ball.triangles.astype(np.float64)
    swell = np.ones(ray.shape[:2])
    for _ in range(7):
        wave = rng.normal(size=3) * 3.2
        swell += 0.18 / 2.2 * np.sin(ray @ wave + rng.uniform(0, 6.3))
    return sheets.solid(ray * swell[..., None] * radii, ball.normals, ball.uv * 3)


def broadleaf(
    rng: np.random.Generator, leaf: Foliage, height_m: float, *, fine: bool = True
) -> Thing:
    """Return a tree with a crown of leaf clusters.

    Args:
        rng: The random generator.
        leaf: Its leaves' textures.
        height_m: Height.
        fine: Whether it may be seen from near; else fewer, larger cards.
    """
    bare = height_m * rng.uniform(0.18, 0.38)
    thick = 0.018 * height_m + 0.03
    lean = rng.normal(0, 0.03 * height_m, 2)
    trunk = np.array(
        [[0, -0.3, 0], [0.3 * lean[0], bare, 0.3 * lean[1]], [lean[0], 0.75 * height_m, lean[1]]]
    )
    wood = [tube(trunk, [1.3 * thick, thick, 0.3 * thick])]
    crown = height_m - bare
    wide = crown * rng.uniform(0.28, 0.55)
    centres, cores = [], []
    tone = green(rng)
    balls = int(rng.integers(6, 13))
    for _ in range(balls):
        up = rng.uniform(0.1, 1.0)
        reach = wide * np.sqrt(max(1 - (2 * up - 0.85) ** 2, 0.08)) * rng.uniform(0.3, 0.75)
        angle = rng.uniform(0, 6.3)
        hub = np.array(
            [
                np.cos(angle) * reach + lean[0] * up,
                bare + 0.86 * crown * up,
                np.sin(angle) * reach + lean[1] * up,
            ]
        )
        radius = wide * rng.uniform(0.38, 0.62)
        radii = np.array([radius, 0.75 * radius, radius])
        centres.append(hub + _cluster(rng, 34 if fine else 12, radii))
        if rng.random() < 0.75:
            cores.append(moves.moved(lump(rng, radii * 0.68, 8), hub.tolist()))
        wood.append(
            tube(
                np.stack(
                    [
                        np.array([0.4 * lean[0], bare * rng.uniform(0.8, 1.3), 0.4 * lean[1]]),
                        np.add(0.5 * hub, (0, bare * 0.45, 0)),
                        hub,
                    ]
                ),
                [0.5 * thick, 0.3 * thick, 0.1 * thick],
                5,
            )
        )
    cards = bodies.leaves(rng, np.concatenate(centres), (0.16 if fine else 0.3) * wide + 0.4)
    parts = [
        tinted(sheets.merged(wood), shade(rng, (0.07, 0.055, 0.04))),
        cards.painted(tuple(np.clip(np.array(tone) * 1.7, 0, 1)), leaf.card, cutout=True),
    ]
    if cores:
        parts.append(sheets.merged(cores).painted(tuple(np.array(tone) * 0.6), leaf.mass))
    return parts


def conifer(rng: np.random.Generator, leaf: Foliage, height_m: float) -> Thing:
    """Return a fir or a cypress."""
    slim = rng.uniform(0.12, 0.28)
    rows = 9
    centres = []
    for row in range(rows):
        up = (row + 0.5) / rows
        reach = height_m * slim * (1 - up) + 0.1
        angle = rng.uniform(0, 6.3, 26)
        out = reach * rng.uniform(0.45, 1.05, 26)
        centres.append(
            np.stack(
                [
                    np.cos(angle) * out,
                    height_m * (0.08 + 0.9 * up) - 0.25 * out,
                    np.sin(angle) * out,
                ],
                1,
            )
        )
    tone = shade(rng, (0.035, 0.075, 0.03), 0.3)
    cards = bodies.leaves(rng, np.concatenate(centres), 0.07 * height_m + 0.35)
    body = bodies.cone(height_m * slim * 0.7, 0.02, height_m * 0.88, 9)
    return [
        tinted(bodies.cylinder(0.02 * height_m, 0.3 * height_m, 7), (0.06, 0.045, 0.03)),
        cards.painted(tuple(np.array(tone) * 1.8), leaf.card, cutout=True),
        moves.moved(body, (0, 0.08 * height_m, 0)).painted(
            tuple(np.array(tone) * 0.8), leaf.mass, tiles=5
        ),
    ]


def tree(rng: np.random.Generator, leaf: Foliage, *, fine: bool = True) -> Thing:
    """Return a tree of any kind and 4 to 17 m."""
    height = float(rng.uniform(4, 17) if rng.random() < 0.6 else rng.uniform(4, 9))
    if rng.random() < 0.2:
        return conifer(rng, leaf, height)
    return broadleaf(rng, leaf, height, fine=fine)


def bush(rng: np.random.Generator, leaf: Foliage, size_m: float) -> Thing:
    """Return a bush about as high as `size_m`."""
    tone = green(rng)
    radii = np.array([rng.uniform(0.5, 0.9), 0.55, rng.uniform(0.5, 0.9)]) * size_m
    body = moves.moved(lump(rng, radii * 0.8), (0, 0.42 * size_m, 0))
    cards = bodies.leaves(
        rng, np.add(_cluster(rng, 60, radii), (0, 0.45 * size_m, 0)), 0.3 * size_m + 0.1
    )
    return [
        body.painted(tuple(np.array(tone) * 0.8), leaf.mass),
        cards.painted(tuple(np.clip(np.array(tone) * 1.6, 0, 1)), leaf.card, cutout=True),
    ]


def hedge(
    rng: np.random.Generator, leaf: Foliage, length_m: float, height_m: float, depth_m: float
) -> Thing:
    """Return a clipped hedge along z, from 0 to -length."""
    tone = green(rng)
    rows = max(int(length_m / 0.6), 2)
    around = np.array(
        [(-0.5, 0.0), (-0.5, 0.5), (-0.46, 0.92), (0.0, 1.0), (0.46, 0.92), (0.5, 0.5), (0.5, 0.0)]
    )
    net = np.zeros((rows + 1, len(around), 3))
    net[..., 0] = around[:, 0] * depth_m
    net[..., 1] = around[:, 1] * height_m
    net[..., 2] = -np.linspace(0, length_m, rows + 1)[:, None]
    net += rng.normal(0, 0.035, net.shape)
    places = np.stack([net[..., 2] + 0 * net[..., 0], net[..., 1] + net[..., 0]], -1) * 1.3
    skin = sheets.grid(net, places)
    ends = [
        sheets.flat(
            np.stack([np.broadcast_to(e.mean(0), (7, 3)), np.roll(e, -1, axis=0), e], 1),
            np.zeros((7, 3, 2)),
        )
        for e in (net[0], net[-1])
    ]
    count = int(min(14 * length_m * (0.6 + height_m), 900))
    spots = np.stack(
        [
            rng.uniform(-0.5, 0.5, count) * depth_m,
            rng.uniform(0.02, 1.0, count) * height_m,
            -rng.uniform(0, length_m, count),
        ],
        1,
    )
    pick = rng.random(count) < 0.6
    spots[pick, 0] = np.sign(spots[pick, 0]) * depth_m / 2
    spots[~pick, 1] = height_m
    cards = bodies.leaves(rng, spots, 0.26)
    return [
        skin.painted(tuple(np.array(tone) * 1.1), leaf.mass),
        tinted(sheets.merged(ends), tuple(np.array(tone) * 0.4)),
        cards.painted(tuple(np.clip(np.array(tone) * 1.6, 0, 1)), leaf.card, cutout=True),
    ]


def tufts(rng: np.random.Generator, places_m: Array, leaf: Foliage) -> Solid:
    """Return weeds and tufts of high grass at (n, 3) places."""
    spots = np.repeat(places_m, 5, axis=0) + rng.normal(0, 0.13, (5 * len(places_m), 3)) * [
        1,
        0.3,
        1,
    ]
    spots[:, 1] += 0.12
    cards = bodies.leaves(rng, spots, 0.35)
    return cards.painted(tuple(np.array(green(rng)) * 1.8), leaf.card, cutout=True)
