"""A road with traffic, seen from a car."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from worlds.scene.scene import Scene
from worlds.scene.view import View, focal_px
from worlds.shapes.sheets import gathered
from worlds.streets import roads, town, traffic
from worlds.streets.kerbside import furniture
from worlds.streets.markings import markings
from worlds.streets.site import site
from worlds.streets.skyline import skyline
from worlds.streets.weather import weather
from worlds.surfaces import outdoors

if TYPE_CHECKING:
    from worlds.scene.arrays import Picture

_FRAMES = ((640, 192), (640, 360), (512, 384))
_MANNERS = ("city", "town", "suburb", "industry", "country", "wood")


def make_drive(rng: np.random.Generator, textures: list[Picture]) -> tuple[Scene, list[View]]:
    """Build a road with traffic, seen from a car at three places."""
    scene = Scene()
    materials = outdoors.materials(rng, scene, textures)
    weather(rng, scene)
    manner = str(rng.choice(_MANNERS, p=[0.17, 0.26, 0.24, 0.07, 0.17, 0.09]))
    built = manner not in {"country", "wood"}
    road = roads.laid(rng, town=built)
    hand = 1 if rng.random() < 0.8 else -1
    lane = float(rng.choice(road.lanes)) * road.half_m
    eyes = np.array(
        [(s + rng.uniform(-6, 6), hand * lane + rng.normal(0, 0.35)) for s in (0, 45, 95)]
    )
    place = site(rng, road, materials, eyes)
    solids = roads.ground(rng, road, materials, green=manner not in {"city", "industry"})
    solids += markings(rng, road) + skyline(rng, road, materials)
    for side in (-1, 1):
        own = manner if rng.random() < 0.75 else str(rng.choice(_MANNERS))
        solids += town.side(rng, place, side, own)
    solids += traffic.vehicles(rng, place, hand) + furniture(rng, place)
    solids += traffic.walkers(rng, place, int(rng.integers(0, 12 if built else 3)))
    scene.add(gathered(solids))
    width, height = _FRAMES[int(rng.choice(3, p=[0.62, 0.23, 0.15]))]
    wide = np.deg2rad(rng.uniform(60, 95))
    views = []
    for s, u in eyes:
        tilt = (float(rng.normal(0, 3.5)), float(rng.uniform(-2, 5)), float(rng.normal(0, 0.6)))
        pose = road.eye((s, u), float(rng.uniform(1.3, 1.9)), tilt)
        views.append(View(focal_px(width, wide), width, height, pose, int(rng.integers(2**31))))
    return scene, views
