"""What moves along a road or is parked beside it: vehicles, people and cyclists."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from worlds.things import cars, lorries, people

if TYPE_CHECKING:
    from worlds.scene.solid import Thing
    from worlds.streets.site import Site

Fleet = list[tuple["Thing", float]]


def vehicles(rng: np.random.Generator, place: Site, hand: int) -> Thing:
    """Return parked and driving vehicles.

    Args:
        rng: The random generator.
        place: Where.
        hand: 1 where one drives on the right, -1 on the left.
    """
    fleet = [lorries.vehicle(rng) for _ in range(5)]
    return [
        *_parked(rng, place, hand),
        *_driving(rng, place, hand, fleet),
        *_ahead(rng, place, fleet),
    ]


def _parked(rng: np.random.Generator, place: Site, hand: int) -> Thing:
    road = place.road
    kinds = [cars.car(rng) if rng.random() < 0.88 else lorries.van(rng) for _ in range(5)]
    solids: Thing = []
    for side in (-1, 1):
        fill = rng.choice([0.0, 0.3, 0.65, 0.92], p=[0.4, 0.25, 0.2, 0.15])
        room = 4.6 < road.half_m < 5.8
        across = road.half_m + (-1.0 if room else rng.uniform(0.4, 1.1))
        angle = 0.0 if side == hand or rng.random() < 0.3 else 180.0
        if rng.random() < 0.08:
            angle, across = 90.0, road.half_m + 1.4
        step = (2.5, 3.2) if angle == 90.0 else (5.0, 6.8)
        count = int((road.long_m - 30) / step[0])
        for s in road.start_m + np.cumsum(rng.uniform(*step, count)):
            u = side * across + rng.normal(0, 0.1)
            if s < road.end_m - 30 and rng.random() < fill and place.clear(s, u, 4.5):
                turn = (angle if rng.random() < 0.9 else angle + 180) + rng.normal(0, 1.5)
                thing = kinds[int(rng.integers(len(kinds)))]
                solids += road.put(thing, s, u, turn, lift_m=0.015)
    return solids


def _driving(rng: np.random.Generator, place: Site, hand: int, fleet: Fleet) -> Thing:
    road = place.road
    busy = rng.choice([0.15, 0.5, 1.0], p=[0.5, 0.35, 0.15])
    solids: Thing = []
    for way in (hand, -hand):
        for lane in road.lanes:
            s = road.start_m + rng.uniform(0, 15)
            while s < road.end_m - 20:
                thing, long = fleet[int(rng.integers(len(fleet)))]
                s += long / 2 + rng.uniform(2.5, 12) + rng.exponential(30.0 / busy - 18)
                u = way * lane * road.half_m + rng.normal(0, 0.15)
                if place.clear(s, u, long / 2 + 4.0):
                    turn = (0.0 if way == hand else 180.0) + rng.normal(0, 1.5)
                    solids += road.put(thing, s, u, turn, lift_m=0.01)
                s += long / 2
    return solids


def _ahead(rng: np.random.Generator, place: Site, fleet: Fleet) -> Thing:
    """Return a vehicle that some of the cameras follow."""
    solids: Thing = []
    for s, u in place.eyes:
        thing, long = fleet[int(rng.integers(len(fleet)))]
        ahead = s + long / 2 + rng.uniform(4.5, 30)
        if rng.random() < 0.3 and place.clear(ahead, u, long / 2 + 3.5):
            aside = u + rng.normal(0, 0.3)
            solids += place.road.put(thing, ahead, aside, rng.normal(0, 2), lift_m=0.01)
    return solids


def walkers(rng: np.random.Generator, place: Site, count: int) -> Thing:
    """Return people on the pavements, a few on the road, and cyclists."""
    road = place.road
    solids: Thing = []
    crowd = [people.person(rng) for _ in range(min(count, 8))]
    for number in range(count):
        u = rng.choice([-1, 1]) * (road.half_m + rng.uniform(0.3, max(road.walk_m, 1.2)))
        if rng.random() < 0.12:
            u = rng.uniform(-road.half_m, road.half_m)
        s = rng.uniform(2, 50) + float(rng.choice(place.eyes[:, 0]))
        if place.clear(s, u, 2.0):
            turn = rng.choice([0, 180]) + rng.normal(0, 20)
            if rng.random() < 0.2:
                turn = rng.uniform(0, 360)
            solids += road.put(crowd[number % len(crowd)], s, u, turn)
    for _ in range(int(rng.choice([0, 0, 1, 2]))):
        side = rng.choice([-1, 1])
        s, u = rng.uniform(3, 90), side * (road.half_m - rng.uniform(0.5, 1.3))
        if place.clear(s, u, 3.0):
            solids += road.put(people.cyclist(rng), s, u, 0.0 if side > 0 else 180.0)
    return solids
