"""Fences, walls, scaffolds, and poles with wires."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from worlds.shapes import bodies, sheets
from worlds.shapes.blocks import blocks
from worlds.shapes.colors import grey, shade, tinted
from worlds.shapes.tubes import tube

if TYPE_CHECKING:
    from worlds.scene.arrays import Array
    from worlds.scene.solid import Solid, Thing
    from worlds.surfaces.outdoors import Materials

_SAG_M = 0.6


def fence(rng: np.random.Generator, materials: Materials, long_m: float) -> Thing:
    """Return a fence, wall or rail along z, from 0 to -long."""
    kind = rng.choice(
        ["pickets", "bars", "wall", "planks", "mesh", "rail"], p=[0.2, 0.2, 0.25, 0.15, 0.1, 0.1]
    )
    high = rng.uniform(0.7, 1.4)
    if kind == "wall":
        wall = blocks([(-0.12, -0.6, -long_m)], [(0.12, high, 0)])
        cap = blocks([(-0.17, high, -long_m)], [(0.17, high + 0.08, 0)])
        return [
            wall.painted(
                shade(rng, grey(0.6), 0.4),
                materials.brick if rng.random() < 0.4 else materials.concrete,
                tiles=0.5,
            ),
            tinted(cap, grey(0.4)),
        ]
    if kind == "planks":
        high = rng.uniform(1.2, 2.0)
        return [
            blocks([(-0.03, -0.3, -long_m)], [(0.03, high, 0)]).painted(
                shade(rng, (0.5, 0.38, 0.28), 0.5), materials.planks, tiles=(0.8, 0.5)
            )
        ]
    step = {"pickets": 0.16, "bars": 0.13, "mesh": 0.3, "rail": 2.0}[kind]
    wide = {"pickets": 0.09, "bars": 0.02, "mesh": 0.015, "rail": 0.1}[kind]
    zs = -np.arange(0, long_m, step)
    lo = np.stack([np.full(len(zs), -wide / 4), np.full(len(zs), -0.3), zs - wide], 1)
    posts = blocks(lo, np.add(lo, (wide / 2 + 0.01, high + 0.3, wide)))
    levels = (0.2, high - 0.15) if kind != "mesh" else tuple(np.arange(0.1, high, 0.2))
    if kind == "rail":
        levels = (0.5,)
    thick = 0.28 if kind == "rail" else 0.05 if kind != "mesh" else 0.015
    rails = blocks([(-0.03, y, -long_m) for y in levels], [(0.03, y + thick, 0) for y in levels])
    tone = shade(
        rng,
        (
            (0.7, 0.7, 0.68),
            (0.2, 0.12, 0.07),
            (0.03, 0.03, 0.03),
            (0.1, 0.16, 0.1),
            (0.4, 0.4, 0.4),
        )[int(rng.integers(5))],
        0.3,
    )
    return [tinted(sheets.merged([posts, rails]), tone, 0.1)]


def scaffold(rng: np.random.Generator, long_m: float, high_m: float) -> Thing:
    """Return a scaffold before a front in the plane x = 0 that looks towards +x."""
    zs = np.arange(-long_m / 2, long_m / 2 + 0.1, 2.2)
    feet = np.array([(x, -0.3, z) for z in zs for x in (0.35, 1.15)])
    posts = blocks(feet, np.add(feet, (0.05, high_m + 1.2, 0.05)))
    levels = np.arange(2.0, high_m + 0.5, 2.0)
    decks = blocks(
        [(0.35, y, -long_m / 2) for y in levels], [(1.2, y + 0.05, long_m / 2) for y in levels]
    )
    bars = [(y + up, 1.15) for y in levels for up in (0.5, 1.0)]
    rails = blocks(
        [(x, y, -long_m / 2) for y, x in bars], [(x + 0.04, y + 0.04, long_m / 2) for y, x in bars]
    )
    wood = shade(rng, (0.35, 0.24, 0.14))
    return [tinted(sheets.merged([posts, rails]), grey(0.3), 0.4), tinted(decks, wood)]


def mast(rng: np.random.Generator) -> Thing:
    """Return a wooden or steel pole that carries wires, 8 m high."""
    cross = blocks([(-0.9, 7.4, -0.05)], [(0.9, 7.52, 0.05)])
    tone = (0.12, 0.085, 0.06) if rng.random() < 0.6 else (0.3, 0.3, 0.3)
    return [tinted(sheets.merged([bodies.cone(0.15, 0.1, 8, 8), cross]), tone)]


def wire(start_m: Array, end_m: Array) -> Solid:
    """Return a hanging wire between two points."""
    share = np.linspace(0, 1, 9)[:, None]
    line = start_m + share * (end_m - start_m)
    line[:, 1] -= 4 * _SAG_M * (share * (1 - share))[:, 0]
    return tinted(tube(line, 0.015, 4), grey(0.02))
