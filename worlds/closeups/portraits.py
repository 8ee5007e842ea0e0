"""Head and shoulders of made-up people."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from worlds.closeups.roundparts import ball, eyes, rough, woven
from worlds.shapes import bodies, moves
from worlds.surfaces import pelts

if TYPE_CHECKING:
    from worlds.scene.arrays import Array, Color
    from worlds.scene.scene import Scene
    from worlds.scene.solid import Solid

_SKIN: tuple[Color, ...] = (
    (0.58, 0.34, 0.24),
    (0.45, 0.25, 0.16),
    (0.22, 0.11, 0.07),
    (0.7, 0.45, 0.35),
)
_HAIR: tuple[Color, ...] = (
    (0.015, 0.01, 0.008),
    (0.09, 0.05, 0.02),
    (0.35, 0.22, 0.09),
    (0.5, 0.48, 0.46),
)


def human(rng: np.random.Generator, scene: Scene) -> tuple[list[Solid], Array, float]:
    """Return head and trunk, facing -z; the place of the face, and its height in metres."""
    tone = _SKIN[rng.integers(len(_SKIN))]
    face = scene.add_texture(pelts.skin(rng, tone))
    strands = scene.add_texture(pelts.fur(rng, _HAIR[rng.integers(4)], _HAIR[rng.integers(4)]))
    dress = woven(rng, scene)
    wide, high = rng.uniform(0.068, 0.085), rng.uniform(0.105, 0.125)
    head: list[Solid] = [
        ball((wide, high, 0.095), (0, 0, 0)).painted((1, 1, 1), face, gloss=0.25),
        ball((wide * 0.8, high * 0.6, 0.08), (0, -0.06, -0.012)).painted(
            (1, 1, 1), face, gloss=0.25
        ),
        ball((0.015, 0.03, 0.024), (0, -0.015, -0.098), 12).painted((1, 0.95, 0.95), face),
        ball((0.03, 0.008, 0.012), (0, -0.065, -0.085), 12).painted((0.4, 0.1, 0.09), gloss=0.4),
        *eyes(rng, 0.033, 0.02, 0.083, 0.013, animal=False),
    ]
    head.extend(
        ball((0.012, 0.032, 0.02), (side * wide, -0.005, 0.005), 10).painted((1, 0.9, 0.9), face)
        for side in (-1, 1)
    )
    style = rng.integers(5)
    grown = rough(rng, bodies.ellipsoid(wide * 1.13, high * 0.95, 0.105, 28), 0.006)
    if style:
        head.append(moves.moved(grown, (0, 0.032, 0.022)).painted((1, 1, 1), strands, tiles=3))
    if style in (2, 3):
        long = rng.uniform(0.1, 0.22)
        for side in (-1, 1):
            lock = rough(rng, bodies.ellipsoid(0.035, long, 0.05, 20), 0.006)
            head.append(
                moves.moved(lock, (side * wide * 1.05, 0.05 - long, 0.03)).painted(
                    (1, 1, 1), strands, tiles=3
                )
            )
    if style == 4:
        hat = woven(rng, scene)
        brim = bodies.lathe(
            [(0.0, 0.0), (rng.uniform(0.1, 0.2), -0.01), (0.09, 0.01), (0.085, 0.1), (0, 0.11)], 24
        )
        head.append(moves.moved(brim, (0, 0.06, 0)).painted((1, 1, 1), hat))
    if rng.random() < 0.2:
        for side in (-1, 1):
            glass = ball((0.027, 0.022, 0.004), (side * 0.033, 0.02, -0.105), 14)
            head.append(glass.painted((0.02, 0.02, 0.02), gloss=0.9))
    yaw, pitch, roll = rng.normal(0, 22), rng.normal(0, 8), rng.normal(0, 7)
    turned = [moves.turned(moves.turned(moves.turned(p, roll, "z"), pitch, "x"), yaw) for p in head]
    at = np.array([0.0, 1.55, -0.02])
    build = rng.uniform(0.9, 1.25)
    trunk = moves.scaled(
        bodies.lathe(
            [
                (0.0, 0.7),
                (0.16, 0.75),
                (0.15, 1.0),
                (0.2, 1.25),
                (0.19, 1.34),
                (0.06, 1.42),
                (0.05, 1.42),
            ],
            24,
        ),
        (build, 1, 0.6 * build),
    )
    things = [moves.moved(p, at.tolist()) for p in turned]
    things.append(moves.moved(trunk, (0, 0, 0.03)).painted((1, 1, 1), dress, tiles=2))
    things.append(
        moves.moved(bodies.cone(0.06, 0.05, 0.16, 18), (0, 1.36, 0.02)).painted((1, 1, 1), face)
    )
    for side in (-1, 1):
        shoulder = ball((0.08, 0.07, 0.07), (side * 0.19 * build, 1.32, 0.03), 18)
        arm = moves.turned(bodies.cone(0.05, 0.065, 0.5, 14), side * rng.uniform(2, 14), "z")
        things.append(shoulder.painted((1, 1, 1), dress, tiles=2))
        things.append(
            moves.moved(arm, (side * 0.24 * build, 0.82, 0.03)).painted((1, 1, 1), dress, tiles=2)
        )
    return things, at, 0.25
