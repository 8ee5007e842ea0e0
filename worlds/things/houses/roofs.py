"""Roofs: gabled, hipped or flat, with chimneys and dormers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from worlds.shapes import bodies, sheets
from worlds.shapes.blocks import blocks
from worlds.shapes.colors import grey, shade, tinted

if TYPE_CHECKING:
    from worlds.scene.arrays import Color
    from worlds.scene.solid import Thing
    from worlds.surfaces.outdoors import Materials
    from worlds.things.houses.plans import Plan

_ROOFS: tuple[Color, ...] = (
    (0.32, 0.12, 0.07),
    (0.22, 0.1, 0.07),
    (0.08, 0.08, 0.09),
    (0.15, 0.13, 0.12),
)


def roof(rng: np.random.Generator, materials: Materials, of: Plan, tone: Color, wall: int) -> Thing:
    """Return a gabled, hipped or flat roof with chimneys and dormers."""
    half, high, deep = of.long_m / 2, of.high_m, of.deep_m
    flat = {"cottage": 0.06, "row": 0.15, "city": 0.45, "slab": 0.85, "hall": 0.75}[of.kind]
    if rng.random() < flat:
        lo, t = high - 0.1, 0.3
        edge = blocks(
            [(-deep - 0.1, lo, -half - 0.1), (-deep * 0.6, high, -half * 0.4)],
            [
                (rng.uniform(0.1, 0.5), lo + t + 0.3, half + 0.1),
                (-deep * 0.3, high + rng.uniform(1, 3), half * 0.1),
            ],
        )
        return [edge.painted(shade(rng, grey(0.4), 0.4), materials.concrete, tiles=0.4)]
    rise = deep / 2 * rng.uniform(0.55, 1.15)
    over, ends = rng.uniform(0.25, 0.8), rng.uniform(0.1, 0.5)
    slate = shade(rng, _ROOFS[int(rng.integers(len(_ROOFS)))], 0.3)
    hip = rng.random() < 0.3
    inset = min(deep / 2, half * 0.8) if hip else -ends
    if rng.random() < 0.35 and not hip and of.kind in ("cottage", "row"):
        return _gable_to_street(rng, materials, of, (wall, tone), slate)
    slope = rise / (deep / 2)
    drop = high - over * slope
    ridge = [(-deep / 2, high + rise, -half + inset), (-deep / 2, high + rise, half - inset)]
    eave = [
        (over, drop, -half - ends),
        (over, drop, half + ends),
        (-deep - over, drop, half + ends),
        (-deep - over, drop, -half - ends),
    ]
    slopes = [
        bodies.quad([eave[0], eave[1], ridge[1], ridge[0]]),
        bodies.quad([eave[2], eave[3], ridge[0], ridge[1]]),
    ]
    solids: Thing = []
    if hip:
        ends_ = np.array([[eave[1], eave[2], ridge[1]], [eave[3], eave[0], ridge[0]]])
        slopes.append(sheets.flat(ends_, np.array([[[0, 0], [1, 0], [0.5, 1]]] * 2)))
    else:
        walls = [
            [(0, high, z), (-deep, high, z), (-deep / 2, high + rise - 0.05, z)]
            for z in (-half, half)
        ]
        gable = sheets.flat(np.array(walls), np.array(walls)[..., [0, 1]])
        solids.append(gable.painted(tone, wall, tiles=0.33))
    solids.append(
        sheets.merged(slopes).painted(
            tuple(np.clip(np.array(slate) * 2.2, 0, 1)),
            materials.tiles,
            tiles=(of.long_m / 2.5, deep / 4),
        )
    )
    solids.append(
        tinted(
            blocks(
                [(over - 0.06, drop - 0.12, -half - ends)],
                [(over + 0.08, drop + 0.02, half + ends)],
            ),
            grey(0.25),
        )
    )
    chimneys = rng.uniform(-0.8 * half, 0.8 * half, int(rng.integers(0, 3)))
    if len(chimneys):
        foot = np.stack(
            [np.full(len(chimneys), -deep * 0.45), np.full(len(chimneys), high), chimneys], 1
        )
        solids.append(
            blocks(foot, np.add(foot, (0.6, rise + 0.9, 0.8))).painted(
                (0.6, 0.4, 0.3), materials.brick, tiles=0.4
            )
        )
    if rng.random() < 0.4 and slope > 0.7:
        zs = np.arange(-half + 1.5, half - 1.5, rng.uniform(2.5, 4.5))
        if len(zs):
            dormer = np.stack([np.full(len(zs), -0.35 * deep), np.full(len(zs), high), zs], 1)
            solids.append(
                tinted(
                    blocks(dormer, np.add(dormer, (0.35 * deep - 0.6, rise * 0.62, 1.3))),
                    shade(rng, slate),
                )
            )
            solids.append(
                tinted(
                    blocks(
                        np.add(dormer, (0.35 * deep - 0.62, 0.5 * slope + 0.25, 0.15)),
                        np.add(dormer, (0.35 * deep - 0.58, rise * 0.55, 1.15)),
                    ),
                    grey(0.03),
                    0.8,
                )
            )
    return solids


def _gable_to_street(
    rng: np.random.Generator, materials: Materials, of: Plan, skin: tuple[int, Color], slate: Color
) -> Thing:
    wall, tone = skin
    half, high, deep = of.long_m / 2, of.high_m, of.deep_m
    rise, over = half * rng.uniform(0.6, 1.2), 0.4
    drop = high - over * rise / half
    slopes = [
        bodies.quad(
            [
                (over, drop, s * (half + over)),
                (-deep - over, drop, s * (half + over)),
                (-deep - over, high + rise, 0),
                (over, high + rise, 0),
            ]
        )
        for s in (-1, 1)
    ]
    walls = np.array(
        [[(x, high, -half), (x, high, half), (x, high + rise - 0.05, 0)] for x in (0, -deep)],
        np.float64,
    )
    return [
        sheets.merged(slopes).painted(
            tuple(np.clip(np.array(slate) * 2.2, 0, 1)),
            materials.tiles,
            tiles=(deep / 2.5, half / 2),
        ),
        sheets.flat(walls, walls[..., [2, 1]]).painted(tone, wall, tiles=0.33),
        tinted(
            blocks([(0, high + rise * 0.2, -0.5)], [(0.04, high + rise * 0.2 + 1.1, 0.5)]),
            grey(0.03),
            0.8,
        ),
    ]
