"""What lies beside a road: plots with houses and gardens, woods and fields."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from worlds.shapes.colors import grey
from worlds.things import cars, fences, plants, streetparts
from worlds.things.houses import plans
from worlds.things.houses.house import house

if TYPE_CHECKING:
    from worlds.scene.solid import Thing
    from worlds.streets.site import Site


def side(rng: np.random.Generator, place: Site, hand: int, manner: str) -> Thing:
    """Return everything beyond the pavement on the right (`hand` 1) or left (-1).

    Args:
        rng: The random generator.
        place: Where.
        hand: Which side.
        manner: "city", "town", "suburb", "industry", "country" or "wood".
    """
    road, edge = place.road, place.edge_m
    end = road.end_m - 15
    solids: Thing = []
    s = road.start_m + rng.uniform(0, 8)
    setback = _setback(rng, manner)
    while s < end:
        if manner in ("country", "wood") and rng.random() < 0.82:
            step = rng.uniform(12, 30)
            solids += _green(rng, place, hand, (s, step), thick=manner == "wood")
            s += step
            continue
        if rng.random() < 0.3:
            setback = _setback(rng, manner)
        kind = _kind(rng, manner)
        of = plans.plan(rng, kind)
        middle = s + of.long_m / 2
        slant = rng.normal(0, 6) if kind == "cottage" else 0.0
        turn = (0.0 if hand < 0 else 180.0) + slant
        solids += road.put(house(rng, place.materials, of), middle, hand * (edge + setback), turn)
        if rng.random() < 0.05:
            scaffold = fences.scaffold(rng, of.long_m, of.high_m)
            solids += road.put(scaffold, middle, hand * (edge + setback), turn)
        if setback > 1.5:
            solids += _garden(rng, place, hand, (s, of.long_m), setback)
        gap = 0.0 if kind in ("city", "row") and rng.random() < 0.75 else rng.uniform(2.5, 9)
        if rng.random() < 0.13:
            gap = rng.uniform(9, 22)
            solids += _mouth(place, hand, s + of.long_m + gap / 2, gap - 3)
        elif gap > 4 and rng.random() < 0.7:
            spot = s + of.long_m + gap / 2
            solids += road.put(
                place.grove(rng),
                spot,
                hand * (edge + setback + rng.uniform(1, 9)),
                rng.uniform(0, 360),
            )
        s += of.long_m + gap
    return solids


def _setback(rng: np.random.Generator, manner: str) -> float:
    low, high = {
        "city": (0.05, 2.0),
        "town": (0.5, 7),
        "suburb": (3, 12),
        "industry": (4, 18),
        "country": (5, 25),
        "wood": (8, 25),
    }[manner]
    return float(
        rng.uniform(low, high)
        if rng.random() < 0.85
        else rng.uniform(low, high) + rng.uniform(2, 8)
    )


def _kind(rng: np.random.Generator, manner: str) -> str:
    odds = {
        "city": {"city": 0.75, "slab": 0.15, "row": 0.1},
        "town": {"row": 0.6, "city": 0.15, "cottage": 0.2, "slab": 0.05},
        "suburb": {"cottage": 0.7, "row": 0.25, "slab": 0.05},
        "industry": {"hall": 0.6, "slab": 0.3, "cottage": 0.1},
        "country": {"cottage": 0.8, "hall": 0.2},
        "wood": {"cottage": 1.0},
    }[manner]
    return str(rng.choice(list(odds), p=list(odds.values())))


def _mouth(place: Site, hand: int, s: float, wide_m: float) -> Thing:
    """Return a side street's surface."""
    road = place.road
    rows = np.linspace(s - wide_m / 2, s + wide_m / 2, 5)
    columns = hand * np.concatenate(
        [[road.half_m - 0.1], np.linspace(road.half_m + 0.02, road.half_m + 60, 12)]
    )
    return [road.sheet(rows, columns, 0.03, 5.0).painted(grey(0.75), place.materials.asphalt)]


def _garden(
    rng: np.random.Generator, place: Site, hand: int, run: tuple[float, float], deep_m: float
) -> Thing:
    """Return a fence or hedge along the pavement, and bushes and trees behind it."""
    road, materials, edge = place.road, place.materials, place.edge_m
    s, long_m = run
    solids: Thing = []
    gate = rng.uniform(1.5, 4)
    parts = (
        [(s, long_m - gate)]
        if rng.random() < 0.5
        else [(s, long_m * 0.4), (s + long_m * 0.4 + gate, long_m * 0.6 - gate)]
    )
    manner = rng.random()
    for start, piece in parts:
        if piece < 1 or manner > 0.85:
            continue
        if manner < 0.4:
            line = plants.hedge(
                rng,
                materials.leaf,
                piece,
                float(rng.uniform(0.8, 2.2)),
                float(rng.uniform(0.5, 1.1)),
            )
        else:
            line = fences.fence(rng, materials, piece)
        solids += road.put(line, start, hand * (edge + 0.5))
    for _ in range(int(rng.integers(0, 5))):
        u = hand * (edge + rng.uniform(0.8, max(deep_m, 1.0)))
        plant = place.bush(rng) if rng.random() < 0.65 else place.grove(rng)
        solids += road.put(
            plant, s + rng.uniform(0, long_m), u, rng.uniform(0, 360), float(rng.uniform(0.6, 1.0))
        )
    if rng.random() < 0.45 and deep_m > 4.5:
        spot = s + rng.choice([-1.5, 1.5]) + long_m * float(rng.random() < 0.5)
        solids += road.put(cars.car(rng), spot, hand * (edge + 2.8), 90.0 * rng.choice([-1, 1]))
    if rng.random() < 0.35:
        solids += road.put(
            streetparts.bin_(rng), s + rng.uniform(0, long_m), hand * (edge + 0.8), 90.0
        )
    return solids


def _green(
    rng: np.random.Generator, place: Site, hand: int, run: tuple[float, float], *, thick: bool
) -> Thing:
    """Return a stretch of trees, bushes, weeds and fences with no house."""
    road, materials, edge = place.road, place.materials, place.edge_m
    s, long_m = run
    solids: Thing = []
    near = rng.uniform(1.5, 8)
    dense = rng.choice([0.0, 0.35, 1.0], p=[0.3, 0.4, 0.3]) if not thick else 1.0
    for _ in range(int(long_m * 0.42 * dense)):
        u = edge + near + rng.exponential(9.0)
        solids += road.put(
            place.grove(rng),
            s + rng.uniform(0, long_m),
            hand * u,
            rng.uniform(0, 360),
            float(rng.uniform(0.7, 1.4)),
        )
    for _ in range(int(long_m * rng.uniform(0.0, 0.35))):
        u = edge + rng.uniform(1.2, 4 + near)
        solids += road.put(
            place.bush(rng),
            s + rng.uniform(0, long_m),
            hand * u,
            rng.uniform(0, 360),
            float(rng.uniform(0.5, 1.4)),
        )
    for _ in range(int(rng.integers(0, 3))):
        u = edge + rng.uniform(40, 110)
        solids += road.put(
            place.grove(rng),
            s + rng.uniform(0, long_m),
            hand * u,
            0.0,
            float(rng.uniform(0.8, 1.5)),
        )
    if rng.random() < 0.4:
        count = int(long_m)
        along, across = (
            s + rng.uniform(0, long_m, count),
            hand * (edge + rng.uniform(0.4, 3, count)),
        )
        solids.append(plants.tufts(rng, road.point(along, across), materials.leaf))
    if rng.random() < 0.3:
        solids += road.put(fences.fence(rng, materials, long_m), s, hand * (edge + 0.9))
    return solids
