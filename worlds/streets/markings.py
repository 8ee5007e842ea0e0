"""What is painted on a road, a finger's breadth above its asphalt."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from worlds.shapes import bodies, sheets

if TYPE_CHECKING:
    from worlds.scene.solid import Solid, Thing
    from worlds.streets.roads import Road

_LIFT_M = 0.012


def markings(rng: np.random.Generator, road: Road) -> Thing:
    """Return a road's lines, crossings, stop lines and hatched places; maybe none."""
    parts = [*_lines(rng, road), *_crossings(rng, road)]
    if rng.random() < 0.2:
        parts += _hatched(road, float(rng.uniform(5, 40)))
    white = rng.uniform(0.45, 0.8)
    tone = (white, white, white) if rng.random() < 0.88 else (0.75 * white, 0.6 * white, 0.1)
    return [sheets.merged(parts).painted(tone)] if parts else []


def _strip(road: Road, along_m: tuple[float, float], across_m: tuple[float, float]) -> Solid:
    start, end = along_m
    rows = np.linspace(start, end, max(int((end - start) / 2.0) + 1, 2))
    return road.sheet(rows, across_m, _LIFT_M)


def _line(road: Road, u: float, wide_m: float, dash_m: float = 0.0, gap_m: float = 0.0) -> Thing:
    """Return a line at u, dashed unless `dash_m` is 0."""
    edges = (u - wide_m / 2, u + wide_m / 2)
    first, last = road.start_m + 1, road.end_m - 5
    if not dash_m:
        return [_strip(road, (first, last), edges)]
    starts = np.arange(first, last, dash_m + gap_m).tolist()
    return [_strip(road, (start, start + dash_m), edges) for start in starts]


def _lines(rng: np.random.Generator, road: Road) -> Thing:
    half = road.half_m
    parts: Thing = []
    if rng.random() < 0.75:
        dash = float(rng.choice([3.0, 4.0, 6.0])) if rng.random() < 0.7 else 0.0
        parts += _line(road, 0.0, 0.14, dash, float(rng.choice([3.0, 6.0, 8.0])))
    if len(road.lanes) > 1:
        for u in (-half / 2, half / 2):
            parts += _line(road, u, 0.13, 3.0, 6.0)
    if rng.random() < 0.5:
        for side in (-1, 1):
            parts += _line(road, side * (half - 0.35), 0.12)
    return parts


def _crossings(rng: np.random.Generator, road: Road) -> Thing:
    half = road.half_m
    parts: Thing = []
    for s in rng.uniform(8, 110, int(rng.choice([0, 1, 2], p=[0.4, 0.4, 0.2]))).tolist():
        bars = np.arange(-half + 0.4, half - 0.4, 1.0).tolist()
        parts += [_strip(road, (s, s + 3.2), (u, u + 0.5)) for u in bars]
        parts.append(_strip(road, (s - 2, s - 1.6), (0.2, half - 0.3)))
    return parts


def _hatched(road: Road, start: float) -> Thing:
    """Return slanted bars at the right kerb."""
    inner, outer = road.half_m - 1.8, road.half_m - 0.2
    across = [inner, outer, outer, inner]
    return [
        bodies.quad(road.point(start + 2 * bar + np.array([0.0, 1.4, 2.0, 0.6]), across, _LIFT_M))
        for bar in range(9)
    ]
