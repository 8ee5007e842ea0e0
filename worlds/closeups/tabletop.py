"""Flowers, fruit and vessels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from worlds.closeups.roundparts import ball, color, woven
from worlds.shapes import bodies, moves

if TYPE_CHECKING:
    from worlds.scene.arrays import Array
    from worlds.scene.scene import Scene
    from worlds.scene.solid import Solid


def still_life(rng: np.random.Generator, scene: Scene) -> tuple[list[Solid], Array, float]:
    """Return flowers, fruit and vessels on the ground; the middle's place and height."""
    things: list[Solid] = []
    tall = 0.0
    for _ in range(int(rng.integers(2, 8))):
        at = (rng.normal(0, 0.16), 0.0, rng.normal(0.05, 0.16))
        kind = rng.integers(4)
        high = rng.uniform(0.08, 0.35)
        if kind == 0:
            radius = rng.uniform(0.03, 0.09)
            rest = [(radius * rng.uniform(0.3, 1.2), high * (k + 1) / 5) for k in range(5)]
            vessel = bodies.lathe([(0, 0), (radius, 0.002), *rest], 28)
            plain = -1 if rng.random() < 0.6 else woven(rng, scene)
            things.append(
                moves.moved(vessel, at).painted(
                    color(rng) if plain < 0 else (1, 1, 1), plain, gloss=rng.uniform(0, 0.9)
                )
            )
        elif kind == 1:
            radius = rng.uniform(0.03, 0.07)
            things.append(
                ball(
                    (radius, radius * rng.uniform(0.8, 1.2), radius), (at[0], radius, at[2])
                ).painted(color(rng, 0.1), gloss=0.5)
            )
            high = 2 * radius
        elif kind == 2:
            wide, long, deep = rng.uniform(0.05, 0.25, 3)
            crate = moves.turned(bodies.box(wide, long, deep, 0.004), rng.uniform(0, 90))
            texture = woven(rng, scene)
            things.append(
                moves.moved(crate, at).painted((1, 1, 1), texture, gloss=rng.uniform(0, 0.5))
            )
        else:
            petal, count = color(rng, 0.2), int(rng.integers(5, 14))
            stem = moves.moved(bodies.cylinder(0.005, high, 8), at)
            things.append(stem.painted((0.05, 0.15, 0.03)))
            for k in range(count):
                leaf = moves.moved(bodies.ellipsoid(0.035, 0.006, 0.016, 10), (0.035, 0, 0))
                leaf = moves.turned(moves.turned(leaf, rng.uniform(5, 35), "z"), 360 * k / count)
                leaf = moves.turned(leaf, rng.uniform(20, 70), "x")
                things.append(moves.moved(leaf, (at[0], high, at[2])).painted(petal, gloss=0.2))
            things.append(
                ball((0.018, 0.012, 0.018), (at[0], high, at[2]), 12).painted((0.5, 0.35, 0.03))
            )
        tall = max(tall, high)
    return things, np.array([0.0, tall / 2, 0.0]), max(0.15, tall)
