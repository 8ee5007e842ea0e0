"""What opens a house's front: windows, doors, balconies and shops."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from worlds.shapes import bodies, sheets
from worlds.shapes.blocks import blocks
from worlds.shapes.colors import grey, shade, tinted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from worlds.scene.arrays import Array, Color, Span
    from worlds.scene.solid import Solid, Thing
    from worlds.surfaces.outdoors import Materials
    from worlds.things.houses.plans import Plan

_LOUD: tuple[Color, ...] = (
    (0.5, 0.03, 0.03),
    (0.03, 0.1, 0.4),
    (0.05, 0.25, 0.1),
    (0.7, 0.5, 0.03),
    (0.02, 0.02, 0.02),
    (0.6, 0.6, 0.6),
)
_SHUTTERS: tuple[Color, ...] = (
    (0.1, 0.2, 0.12),
    (0.3, 0.08, 0.05),
    (0.12, 0.18, 0.28),
    (0.5, 0.5, 0.5),
)


def openings(rng: np.random.Generator, materials: Materials, of: Plan) -> Thing:
    """Return the front's windows, doors, balconies and shop, and the sides' windows."""
    each = of.high_m / of.floors
    pitch = rng.uniform(1.9, 3.6) if of.kind != "hall" else rng.uniform(4, 7)
    wide = pitch * rng.uniform(0.38, 0.66)
    tall = each * rng.uniform(0.42, 0.6)
    count = max(int(of.long_m / pitch), 1)
    zs = (np.arange(count) - (count - 1) / 2) * pitch
    sill = each * rng.uniform(0.24, 0.34)
    first = 1 if of.shop else 0
    spots = np.array(
        [(floor * each + sill, z) for floor in range(first, of.floors) for z in zs]
    ).reshape(-1, 2)
    doors: Array = np.asarray(zs[:1] if of.shop else zs[rng.random(count) < 0.22], np.float64)
    if not len(doors):
        pick = int(rng.integers(count))
        doors = np.asarray(zs[pick : pick + 1], np.float64)
    at_door = (spots[:, 0] < each) & np.isin(spots[:, 1], doors)
    spots = spots[~at_door]
    solids: Thing = []
    if len(spots):
        solids += _windows(rng, spots, wide, tall)
        if of.kind in ("slab", "city") and rng.random() < (0.7 if of.kind == "slab" else 0.35):
            solids += _balconies(rng, spots[(spots[:, 0] > each)], wide, sill)
    solids += _doors(rng, doors, min(wide, 1.3), 2.2)
    if of.shop:
        solids += _shop(rng, materials, of, each)
    for side in (-1, 1):
        reach = np.arange(1.5, of.deep_m - 1, pitch * 1.3)
        flank = np.array(
            [
                (floor * each + sill, -x)
                for floor in range(of.floors)
                for x in reach
                if rng.random() < 0.6
            ]
        ).reshape(-1, 2)
        if len(flank):
            lo = np.stack(
                [
                    flank[:, 1] - wide / 2,
                    flank[:, 0],
                    np.full(len(flank), side * of.long_m / 2 - 0.03),
                ],
                1,
            )
            hi = np.add(lo, (wide, tall, 0.06))
            solids.append(tinted(blocks(lo, hi), grey(0.03), 0.8))
    return solids


def _windows(rng: np.random.Generator, spots: Array, wide: float, tall: float) -> Thing:
    """Return windows at (n, 2) sills (y, z)."""
    frame, half = rng.uniform(0.05, 0.11), wide / 2

    def boxes(x: Span, z: Span, y: Span, keep: NDArray[np.bool_] | None = None) -> Solid:
        some = spots if keep is None else spots[keep]
        low = np.stack([np.full(len(some), x[0]), some[:, 0] + y[0], some[:, 1] + z[0]], 1)
        return blocks(low, np.add(low, (x[1] - x[0], y[1] - y[0], z[1] - z[0])))

    rim = grey(0.7) if rng.random() < 0.7 else shade(rng, (0.15, 0.08, 0.04))
    outer, pane = (-half - frame, half + frame), (-half, half)
    sill = boxes((-0.1, rng.uniform(0.08, 0.22)), (-half - 0.12, half + 0.12), (-0.14, -0.05))
    lit = rng.random(len(spots)) < 0.25
    solids = [
        tinted(boxes((-0.1, 0.025), outer, (-frame, tall + frame)), rim),
        tinted(boxes((0.0, 0.05), (-0.03, 0.03), (0, tall)), rim),
        tinted(sill, shade(rng, (0.55, 0.53, 0.5))),
        tinted(boxes((0.0, 0.035), pane, (0, tall), ~lit), grey(0.02), 0.85),
        tinted(boxes((0.0, 0.035), pane, (0, tall), lit), shade(rng, (0.35, 0.32, 0.28), 0.3), 0.5),
    ]
    extra, some = rng.random(), rng.random(len(spots)) < 0.45
    if extra < 0.25:
        paint = shade(rng, _SHUTTERS[int(rng.integers(len(_SHUTTERS)))])
        wing = (half + 0.05, half + 0.5 * wide)
        solids.append(tinted(boxes((0.0, 0.06), wing, (0, tall)), paint))
        solids.append(tinted(boxes((0.0, 0.06), (-wing[1], -wing[0]), (0, tall)), paint))
    elif extra < 0.5:
        solids.append(tinted(boxes((0.03, 0.055), pane, (tall * 0.55, tall), some), grey(0.55)))
    elif extra < 0.62:
        tub = boxes((0.1, 0.35), pane, (-0.08, 0.18), some)
        solids.append(tinted(tub, shade(rng, (0.35, 0.12, 0.1), 0.5)))
    return [part for part in solids if len(part.triangles)]


def _doors(rng: np.random.Generator, zs: Array, wide: float, tall: float) -> Thing:
    ones = np.ones(len(zs))
    lo = np.stack([0 * ones, 0 * ones, zs - wide / 2], 1)
    paint = shade(
        rng,
        ((0.12, 0.06, 0.03), (0.05, 0.1, 0.15), (0.4, 0.4, 0.4), (0.2, 0.03, 0.03))[
            int(rng.integers(4))
        ],
    )
    solids = [
        tinted(blocks(lo - [0, 0, 0.12], np.add(lo, (0.07, tall + 0.12, wide + 0.12))), grey(0.5)),
        tinted(blocks(lo, np.add(lo, (0.09, tall, wide))), paint, 0.3),
        tinted(blocks(lo - [0, 0.02, 0.3], np.add(lo, (0.8, 0.16, wide + 0.3))), grey(0.35)),
    ]
    if rng.random() < 0.4:
        solids.append(
            tinted(
                blocks(
                    np.add(lo, (0, tall + 0.2, -0.3)), np.add(lo, (1.1, tall + 0.3, wide + 0.3))
                ),
                grey(0.3),
            )
        )
    return solids


def _balconies(rng: np.random.Generator, spots: Array, wide: float, sill: float) -> Thing:
    spots = spots[rng.random(len(spots)) < 0.7]
    if not len(spots):
        return []
    out, half = rng.uniform(0.9, 1.7), wide / 2 + rng.uniform(0.3, 0.8)
    lo = np.stack([np.zeros(len(spots)), spots[:, 0] - sill, spots[:, 1] - half], 1)
    slab = blocks(lo, np.add(lo, (out, 0.14, 2 * half)))
    if rng.random() < 0.5:
        rail = blocks(
            np.concatenate(
                [
                    np.add(lo, (out - 0.05, 0.14, 0)),
                    np.add(lo, (0, 0.14, 0)),
                    np.add(lo, (0, 0.14, 2 * half - 0.05)),
                ]
            ),
            np.concatenate(
                [
                    np.add(lo, (out, 1.1, 2 * half)),
                    np.add(lo, (out, 1.1, 0.05)),
                    np.add(lo, (out, 1.1, 2 * half)),
                ]
            ),
        )
    else:
        bars = int(2 * half / 0.2)
        posts = (
            lo[:, None]
            + np.stack(
                [
                    np.full(bars, out - 0.04),
                    np.full(bars, 0.14),
                    np.linspace(0, 2 * half - 0.03, bars),
                ],
                1,
            )
        ).reshape(-1, 3)
        rail = sheets.merged(
            [
                blocks(posts, np.add(posts, (0.03, 0.95, 0.03))),
                blocks(np.add(lo, (out - 0.06, 1.05, 0)), np.add(lo, (out, 1.12, 2 * half))),
            ]
        )
    return [tinted(slab, grey(0.45)), tinted(rail, shade(rng, (0.4, 0.4, 0.42), 0.6), 0.2)]


def _shop(rng: np.random.Generator, materials: Materials, of: Plan, each: float) -> Thing:
    """Return a shop front: panes, piers, a name board and perhaps an awning and things set out."""
    half = of.long_m / 2
    panes = max(int(of.long_m / rng.uniform(2, 3.5)), 1)
    edges = np.linspace(-half, half, panes + 1)
    lo = np.stack([0 * edges[:-1], np.full(panes, 0.35), edges[:-1] + 0.2], 1)
    hi = np.stack([0 * edges[:-1] + 0.03, np.full(panes, each - 0.75), edges[1:] - 0.2], 1)
    loud = shade(rng, _LOUD[int(rng.integers(len(_LOUD)))])
    solids = [
        tinted(blocks(lo, hi), grey(0.025), 0.85),
        tinted(blocks([(0, each - 0.7, -half + 0.1)], [(0.18, each - 0.1, half - 0.1)]), loud, 0.2),
        blocks([(0.18, each - 0.6, -0.3 * half)], [(0.2, each - 0.2, 0.3 * half)]).painted(
            grey(0.9), materials.poster(rng), tiles=(1 / (0.6 * half), 2.5)
        ),
    ]
    if rng.random() < 0.6:
        out, drop = rng.uniform(1.0, 2.2), rng.uniform(0.4, 0.8)
        for start in edges[:-1][rng.random(panes) < 0.75]:
            end = start + (edges[1] - edges[0]) - 0.1
            top = each - 0.75
            cloth = bodies.quad(
                [
                    (0.02, top, start),
                    (0.02, top, end),
                    (out, top - drop, end),
                    (out, top - drop, start),
                ]
            )
            flap = bodies.quad(
                [
                    (out, top - drop, start),
                    (out, top - drop, end),
                    (out, top - drop - 0.22, end),
                    (out, top - drop - 0.22, start),
                ]
            )
            solids.append(sheets.merged([cloth, flap]).painted(loud, materials.stripes, tiles=3))
    if rng.random() < 0.5:
        count = int(rng.integers(2, 7))
        spots = np.stack(
            [rng.uniform(0.15, 0.9, count), np.zeros(count), rng.uniform(-half, half, count)], 1
        )
        sizes = rng.uniform([0.3, 0.3, 0.4], [0.7, 1.2, 1.2], (count, 3))
        solids.append(tinted(blocks(spots, spots + sizes), shade(rng, (0.4, 0.28, 0.15), 0.5)))
    return solids
