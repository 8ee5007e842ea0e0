"""Cats, dogs, rabbits, or what comes of their parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from worlds.closeups.roundparts import ball, eyes, rough
from worlds.shapes import bodies, moves
from worlds.surfaces import pelts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worlds.scene.arrays import Array, Color
    from worlds.scene.scene import Scene
    from worlds.scene.solid import Solid

_COATS: tuple[Color, ...] = (
    (0.02, 0.018, 0.016), (0.45, 0.22, 0.08), (0.2, 0.11, 0.05), (0.75, 0.7, 0.62),
    (0.3, 0.28, 0.26), (0.6, 0.42, 0.22), (0.1, 0.08, 0.07),
)  # fmt: skip


def animal(rng: np.random.Generator, scene: Scene) -> tuple[list[Solid], Array, float]:
    """Return a cat, a dog or a rabbit of some size that faces -z; its head's place and height."""
    coat = scene.add_texture(pelts.fur(rng, _COATS[rng.integers(7)], _COATS[rng.integers(7)]))
    pale = scene.add_texture(pelts.fur(rng, _COATS[3], _COATS[rng.integers(7)]))
    size = rng.uniform(0.75, 1.8)
    muzzle, ears = rng.uniform(0.02, 0.11), int(rng.integers(4))

    def furry(
        radii: Sequence[float], middle: Sequence[float], texture: int = coat, bump: float = 0.004
    ) -> Solid:
        ball = rough(rng, bodies.ellipsoid(radii[0], radii[1], radii[2], 36), bump)
        return moves.moved(ball, middle).painted((1, 1, 1), texture, tiles=rng.uniform(1, 3))

    head = [
        furry((0.06, 0.052, 0.058), (0, 0, 0)),
        furry(
            (0.032, 0.026, 0.02 + muzzle * 0.6),
            (0, -0.018, -0.045 - muzzle * 0.4),
            pale if rng.random() < 0.6 else coat,
            0.002,
        ),
        ball((0.011, 0.008, 0.008), (0, -0.008, -0.064 - muzzle), 10).painted(
            (0.03, 0.02, 0.02), gloss=0.6
        ),
        *eyes(rng, 0.028, 0.014, 0.047, 0.011, animal=True),
    ]
    for side in (-1, 1):
        if ears == 0:
            ear = moves.scaled(bodies.cone(0.026, 0.002, 0.05, 8), (1, 1, 0.4))
            ear = moves.moved(moves.turned(ear, -side * 18, "z"), (side * 0.035, 0.035, 0.005))
        elif ears == 1:
            ear = moves.moved(
                moves.turned(bodies.ellipsoid(0.022, 0.05, 0.012, 14), side * 15, "z"),
                (side * 0.062, -0.005, 0.005),
            )
        elif ears == 2:
            ear = moves.moved(
                moves.turned(bodies.ellipsoid(0.016, 0.065, 0.01, 14), -side * 12, "z"),
                (side * 0.025, 0.1, 0.01),
            )
        else:
            ear = ball((0.02, 0.02, 0.01), (side * 0.045, 0.045, 0), 12)
        head.append(ear.painted((0.95, 0.85, 0.8), coat))
    yaw, pitch = rng.normal(0, 25), rng.normal(5, 12)
    at = np.array([0.0, rng.uniform(0.14, 0.34), -0.1])
    things = [
        moves.moved(moves.turned(moves.turned(p, pitch, "x"), yaw), at.tolist()) for p in head
    ]
    away = rng.uniform(-60, 60)
    if rng.random() < 0.5:
        body: list[Solid] = [
            furry((0.095, 0.085, 0.17), (0, 0.09, 0.14)),
            furry((0.075, 0.09, 0.08), (0, 0.11, -0.02)),
            *(
                furry((0.025, 0.02, 0.07), (side * 0.05, 0.02, -0.09), coat, 0.002)
                for side in (-1, 1)
            ),
        ]
    else:
        body = [
            furry((0.08, 0.075, 0.17), (0, 0.22, 0.16)),
            furry((0.06, 0.08, 0.06), (0, 0.2, 0.0)),
            *(
                furry((0.025, 0.12, 0.028), (side * 0.045, 0.1, z), coat, 0.002)
                for side in (-1, 1)
                for z in (0.02, 0.29)
            ),
        ]
    body.append(
        furry((0.05, max(0.03, float(at[1]) * 0.35), 0.05), (0, float(at[1]) * 0.75, -0.05))
    )
    things += [moves.turned(p, away) for p in body]
    return [moves.scaled(p, size) for p in things], at * size, 0.16 * size
