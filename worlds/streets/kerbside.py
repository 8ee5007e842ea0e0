"""What stands along a road's kerbs, and what crosses it."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

from worlds.shapes import moves, sheets
from worlds.shapes.blocks import blocks
from worlds.shapes.colors import grey, tinted
from worlds.things import fences, people, stands, streetparts

if TYPE_CHECKING:
    from collections.abc import Callable

    from worlds.scene.solid import Thing
    from worlds.streets.roads import Road
    from worlds.streets.site import Site

_CLUTTER = {
    "sign": 0.16, "bollards": 0.08, "bin": 0.1, "shelter": 0.04, "poster": 0.05, "bicycle": 0.04,
    "bench": 0.03, "nothing": 0.5,
}  # fmt: skip


def furniture(rng: np.random.Generator, place: Site) -> Thing:
    """Return lamps, trees, signs, signals, bins, poles with wires, and a bridge at times."""
    road = place.road
    solids: Thing = []
    for side in (-1, 1):
        kerb = road.half_m + (0.5 if road.walk_m else 1.0)
        solids += _rows(rng, place, side, kerb)
        for s in np.arange(road.start_m + 20, 150, 9.0):
            solids += _clutter(rng, place, s + rng.uniform(0, 8), side)
    if rng.random() < 0.25:
        solids += _poles(rng, road)
    if rng.random() < 0.25:
        solids += _signals(rng, road, float(rng.uniform(25, 90)))
    if rng.random() < 0.14:
        solids += _bridge(rng, road, float(rng.uniform(35, 120)))
    if rng.random() < 0.12:
        solids += _railway(rng, road, float(rng.uniform(14, 80)))
    if rng.random() < 0.2:
        solids += _rail(road, int(rng.choice([-1, 1])))
    return solids


def _rows(rng: np.random.Generator, place: Site, side: int, kerb: float) -> Thing:
    """Return a row of lamps and a row of trees, or neither."""
    road = place.road
    solids: Thing = []
    if rng.random() < 0.6:
        lamp, phase = streetparts.lamp(rng), rng.uniform(0, 25)
        for s in np.arange(road.start_m + phase, road.end_m - 20, rng.uniform(18, 38)):
            solids += road.put(lamp, s, side * kerb, 0.0 if side > 0 else 180.0)
    if rng.random() < 0.45:
        plant, wide = place.tree(rng), kerb + rng.uniform(0.2, max(road.walk_m, 2.0))
        phase = rng.uniform(0, 9)
        for s in np.arange(road.start_m + phase, road.end_m - 20, rng.uniform(7, 16)):
            if rng.random() < 0.85 and place.clear(s, side * wide, 1.5):
                turn, size = rng.uniform(0, 360), float(rng.uniform(0.75, 1.15))
                solids += road.put(plant, s, side * wide, turn, size)
    return solids


def _clutter(rng: np.random.Generator, place: Site, s: float, side: int) -> Thing:
    """Return one thing at the kerb or at the pavement's far edge."""
    road, materials = place.road, place.materials
    near = side * (road.half_m + (0.5 if road.walk_m else 1.0) + rng.uniform(-0.1, 0.3))
    far = side * (road.half_m + max(road.walk_m - 0.3, 1.2))
    inward = -90.0 * side
    kind = str(rng.choice(list(_CLUTTER), p=list(_CLUTTER.values())))
    if kind == "nothing" or (kind in {"shelter", "bench"} and road.walk_m < 1.8):
        return []
    if kind == "bollards":
        post = streetparts.bollard(rng)
        places = s + 1.6 * np.arange(int(rng.integers(2, 9)))
        return [part for spot in places for part in road.put(post, spot, near)]
    made: dict[str, Callable[[], tuple[Thing, float, float]]] = {
        "sign": lambda: (streetparts.sign(rng), near, rng.normal(180, 8)),
        "bin": lambda: (streetparts.bin_(rng), far, rng.choice([0, 90, 180])),
        "shelter": lambda: (stands.shelter(rng, materials), far + side * 0.4, inward),
        "poster": lambda: (stands.poster(rng, materials), far, rng.choice([180.0, inward])),
        "bicycle": lambda: (people.bicycle(rng), far, rng.uniform(0, 360)),
        "bench": lambda: (stands.bench(rng, materials), far, inward),
    }
    thing, u, turn = made[kind]()
    return road.put(thing, s, u, float(turn))


def _signals(rng: np.random.Generator, road: Road, s: float) -> Thing:
    solids: Thing = []
    for side in (-1, 1):
        u = side * (road.half_m + 0.6)
        solids += road.put(streetparts.signal(rng), s, u, 0.0 if side > 0 else 180.0)
        solids += road.put(streetparts.signal(rng), s + 12, u, 180.0)
    return solids


def _poles(rng: np.random.Generator, road: Road) -> Thing:
    side = rng.choice([-1, 1])
    u = side * (road.half_m + road.walk_m + 0.6)
    stations = np.arange(road.start_m, road.end_m - 20, rng.uniform(25, 40))
    solids: Thing = []
    mast = fences.mast(rng)
    for s in stations:
        solids += road.put(mast, float(s), u)
    for first, second in itertools.pairwise(stations):
        for offset in (-0.8, 0.0, 0.8):
            ends = road.point([first, second], u + offset, 7.5)
            solids.append(fences.wire(ends[0], ends[1]))
    return solids


def _rail(road: Road, side: int) -> Thing:
    """Return a crash barrier along the road."""
    s = np.arange(road.start_m, road.end_m - 4, 2.0)
    u = side * (road.half_m + max(road.walk_m, 0.0) + 0.7)
    profile = np.array([(0.0, 0.42), (-0.05, 0.5), (0.0, 0.58), (-0.05, 0.66), (0.0, 0.74)])
    along, _ = np.meshgrid(s, profile[:, 0], indexing="ij")
    band = sheets.grid(road.point(along, u + side * profile[:, 0], profile[:, 1]))
    foot = road.point(s, u + side * 0.08)
    posts = blocks(foot - [0.04, 0.2, 0.04], np.add(foot, (0.04, 0.7, 0.04)))
    return [tinted(band, grey(0.42), 0.3), tinted(posts, grey(0.3))]


def _railway(rng: np.random.Generator, road: Road, s: float) -> Thing:
    """Return rails across the road, with barriers, crosses and warning lights."""
    rails = blocks(
        [(-60, 0.0, z) for z in (-0.72, 0.68)], [(60, 0.05, z + 0.07) for z in (-0.72, 0.68)]
    )
    solids = road.put([tinted(rails, (0.22, 0.15, 0.11), 0.3)], s, 0.0)
    up = bool(rng.random() < 0.7)
    for side, turn in ((1, 0.0), (-1, 180.0)):
        reach = road.half_m * 0.95
        pole = moves.turned(
            blocks([(-reach, 0.95, -0.05)], [(0.6, 1.1, 0.05)]), -68 if up else 0, "z"
        )
        pole = moves.moved(pole, (-0.9 if up else 0, 0.3 if up else 0, 0))
        cross = [
            moves.turned(blocks([(-0.6, -0.08, -0.1)], [(0.6, 0.08, -0.07)]), a, "z")
            for a in (40, -40)
        ]
        sign = [moves.moved(part, (0.5, 2.9, 0)) for part in cross]
        post = blocks([(0.45, 0, -0.06), (0.2, 0, 0.2)], [(0.55, 3.2, 0.04), (0.8, 1.2, 0.6)])
        barrier = [
            tinted(pole, (0.6, 0.05, 0.05)),
            tinted(sheets.merged(sign), grey(0.75)),
            tinted(post, grey(0.35)),
        ]
        solids += road.put(barrier, s - side * 3.5, side * (road.half_m + 0.6), turn)
    return solids


def _bridge(rng: np.random.Generator, road: Road, s: float) -> Thing:
    """Return a bridge across the road, with piers and a railing."""
    lift, wide, thick = rng.uniform(4.8, 6.5), rng.uniform(2.5, 10), rng.uniform(0.5, 1.3)
    span = road.half_m + road.walk_m + rng.uniform(1, 4)
    deck = blocks([(-70, lift, -wide / 2)], [(70, lift + thick, wide / 2)])
    piers = blocks(
        [(x - 0.5, -2, -wide / 2 + 0.3) for x in (-span, span)],
        [(x + 0.5, lift, wide / 2 - 0.3) for x in (-span, span)],
    )
    xs = np.arange(-70, 70, 1.5)
    lo = np.stack([xs, np.full(len(xs), lift + thick), np.full(len(xs), wide / 2 - 0.1)], 1)
    rail = sheets.merged(
        [
            blocks(lo, np.add(lo, (0.06, 1.0, 0.06))),
            blocks(
                [(-70, lift + thick + 0.95, wide / 2 - 0.1)], [(70, lift + thick + 1.03, wide / 2)]
            ),
        ]
    )
    turn = rng.normal(0, 12)
    return road.put(
        [
            tinted(sheets.merged([deck, piers]), grey(rng.uniform(0.25, 0.5))),
            tinted(rail, grey(0.2)),
        ],
        s,
        0.0,
        turn,
    )
