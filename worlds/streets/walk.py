"""Outdoors on foot: pavements, squares, markets, parks and gardens."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from worlds.scene.scene import Scene
from worlds.scene.solid import Thing
from worlds.scene.view import View, focal_px
from worlds.shapes.sheets import gathered
from worlds.streets import roads, town, traffic
from worlds.streets.kerbside import furniture
from worlds.streets.markings import markings
from worlds.streets.site import Site, site
from worlds.streets.skyline import skyline
from worlds.streets.weather import weather
from worlds.surfaces import outdoors
from worlds.things import people, plants, stands, streetparts
from worlds.things.houses import plans
from worlds.things.houses.house import house

if TYPE_CHECKING:
    from collections.abc import Callable

    from worlds.scene.arrays import Array, Picture
    from worlds.streets.roads import Road
    from worlds.surfaces.outdoors import Materials

_FRAMES = ((512, 384), (384, 512), (640, 360), (448, 448))
Built = tuple[Site, Thing]


def make_walk(rng: np.random.Generator, textures: list[Picture]) -> tuple[Scene, list[View]]:
    """Build a pavement, square or park, seen by somebody on foot at three places."""
    scene = Scene()
    materials = outdoors.materials(rng, scene, textures)
    weather(rng, scene)
    kind = str(rng.choice(["pavement", "square", "park"], p=[0.5, 0.28, 0.22]))
    build = {"pavement": _pavement, "square": _square, "park": _park}[kind]
    place, solids = build(rng, materials)
    road = place.road
    solids += skyline(rng, road, materials)
    frame = _FRAMES[int(rng.choice(4, p=[0.42, 0.3, 0.18, 0.1]))]
    views = []
    for s, u in place.eyes:
        if rng.random() < 0.7:
            away, aside = rng.uniform(2.2, 6.5), rng.uniform(-0.28, 0.28)
            turn = float(rng.uniform(0, 360))
            solids += road.put(people.person(rng), s + away, u + away * aside, turn)
        yaw = rng.normal(0, 25)
        if kind == "pavement":
            yaw = rng.normal(0, 14) - np.sign(u) * rng.uniform(-10, 30)
        tilt = (float(yaw), float(rng.normal(2, 6)), float(rng.normal(0, 1.5)))
        pose = road.eye((s, u), float(rng.uniform(0.7, 2.3)), tilt)
        wide = np.deg2rad(rng.uniform(45, 78))
        views.append(View(focal_px(max(frame), wide), *frame, pose, int(rng.integers(2**31))))
    scene.add(gathered(solids))
    return scene, views


def _pavement(rng: np.random.Generator, materials: Materials) -> Built:
    """Return a street seen along one of its pavements, one front running away at the side."""
    road = roads.laid(rng, town=True)
    hand = int(rng.choice([-1, 1]))
    steps = [road.half_m + road.walk_m * rng.uniform(0.15, 0.8) for _ in range(3)]
    eyes = np.stack([np.array([0, 40, 85]) + rng.uniform(-6, 6, 3), hand * np.array(steps)], 1)
    place = site(rng, road, materials, eyes)
    manner = str(rng.choice(["city", "town", "suburb"], p=[0.5, 0.35, 0.15]))
    solids = roads.ground(rng, road, materials, green=manner == "suburb") + markings(rng, road)
    for side in (-1, 1):
        solids += town.side(rng, place, side, manner)
    solids += traffic.vehicles(rng, place, 1) + furniture(rng, place)
    solids += traffic.walkers(rng, place, int(rng.integers(2, 16)))
    return place, solids


def _square(rng: np.random.Generator, materials: Materials) -> Built:
    """Return a paved square with stalls, tables, trees and people, closed by houses."""
    road = roads.laid(rng, town=True)
    road.half_m, road.walk_m, road.kerb_m = float(rng.uniform(7, 22)), 0.0, 0.0
    eyes = np.stack([[0.0, 18.0, 36.0], rng.uniform(-0.7, 0.7, 3) * road.half_m], 1)
    place = site(rng, road, materials, eyes)
    solids = _floor(
        rng, road, materials, materials.cobbles if rng.random() < 0.5 else materials.paving
    )
    for side in (-1, 1):
        solids += town.side(rng, place, side, "city" if rng.random() < 0.7 else "town")
    front = road.start_m + road.long_m * rng.uniform(0.3, 0.75)
    across = -road.half_m
    while across < road.half_m:
        of = plans.plan(rng, "city")
        solids += road.put(house(rng, materials, of), front, across + of.long_m / 2, -90.0)
        across += of.long_m + (rng.uniform(3, 9) if rng.random() < 0.3 else 0)
    solids += _scattered(rng, place, market=rng.random() < 0.5, until_m=front - 3)
    return place, solids


def _park(rng: np.random.Generator, materials: Materials) -> Built:
    """Return a path through lawns, trees, bushes and benches."""
    road = roads.laid(rng, town=False)
    road.half_m, road.walk_m, road.kerb_m = float(rng.uniform(0.8, 2.5)), 0.0, 0.0
    eyes = np.stack([[0.0, 25.0, 60.0], rng.uniform(-1.1, 1.1, 3) * road.half_m], 1)
    place = site(rng, road, materials, eyes)
    solids = _floor(
        rng, road, materials, materials.soil if rng.random() < 0.7 else materials.paving
    )
    for side in (-1, 1):
        solids += town.side(rng, place, side, "wood" if rng.random() < 0.5 else "country")
        solids += _planted(rng, place, side)
    solids += _scattered(rng, place, market=False, until_m=70.0)
    return place, solids


def _planted(rng: np.random.Generator, place: Site, side: int) -> Thing:
    """Return a park's trees, bushes, hedge and benches on one side of the path."""
    road, edge = place.road, place.road.half_m
    solids: Thing = []
    for _ in range(int(rng.integers(4, 22))):
        s, u = rng.uniform(-5, 130), side * (edge + rng.uniform(1, 22))
        plant = place.tree(rng) if rng.random() < 0.6 else place.bush(rng)
        if place.clear(s, u, 2.5, 2.5):
            turn, size = rng.uniform(0, 360), float(rng.uniform(0.7, 1.2))
            solids += road.put(plant, s, u, turn, size)
    if rng.random() < 0.35:
        hedge = plants.hedge(rng, place.materials.leaf, 60.0, float(rng.uniform(0.4, 1.6)), 0.8)
        solids += road.put(hedge, 5.0, side * (edge + 1.0))
    for s in rng.uniform(3, 90, int(rng.integers(1, 6))).tolist():
        seat = stands.bench(rng, place.materials)
        if rng.random() < 0.5:
            seat += people.person(rng, seated=True)
        solids += road.put(seat, s, side * (edge + 0.6), 90.0 * side)
    return solids


def _floor(rng: np.random.Generator, road: Road, materials: Materials, material: int) -> Thing:
    paved = replace(materials, asphalt=material)
    return roads.ground(rng, road, paved, green=True, tile_m=float(rng.uniform(1.6, 3.0)))


def _scattered(rng: np.random.Generator, place: Site, *, market: bool, until_m: float) -> Thing:
    """Return people, stalls, benches, bins, lamps and tubs about a place, not on the cameras."""
    road, materials = place.road, place.materials
    makers: list[tuple[float, Callable[[], Thing]]] = [
        (6, lambda: people.group(rng, int(rng.integers(1, 5)), 0.6)),
        (7 if market else 1, lambda: stands.stall(rng, materials)),
        (1.5, lambda: stands.bench(rng, materials)),
        (1, lambda: streetparts.bin_(rng)),
        (1, lambda: streetparts.lamp(rng)),
        (0.7, lambda: stands.poster(rng, materials)),
        (1, lambda: people.bicycle(rng)),
        (2, lambda: place.tree(rng)),
        (1.5, lambda: place.bush(rng)),
        (1, lambda: streetparts.bollard(rng)),
    ]
    odds: Array = np.array([weight for weight, _ in makers])
    solids: Thing = []
    for _ in range(int(rng.integers(15, 45))):
        s, u = rng.uniform(1.5, until_m), rng.uniform(-1.0, 1.0) * max(road.half_m - 0.5, 2.0)
        if place.clear(s, u, 2.6, 2.6):
            _, make = makers[int(rng.choice(len(makers), p=odds / odds.sum()))]
            solids += road.put(make(), s, u, float(rng.uniform(0, 360)))
    return solids
