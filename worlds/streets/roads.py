"""The ground of a street: a road that bends and rises, and the land beside it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from worlds.scene.view import looking
from worlds.shapes import sheets
from worlds.shapes.colors import grey, shade
from worlds.shapes.moves import at

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import ArrayLike

    from worlds.scene.arrays import Array, Float
    from worlds.scene.solid import Solid, Thing
    from worlds.surfaces.outdoors import Materials

STEP_M = 2.0


@dataclass
class Road:
    """A road's line and its cross-section.

    `s` is metres along it, `u` metres to the right of its middle; at s = 0 it runs towards -z.

    Attributes:
        long_m: Length; it starts at `start_m`.
        half_m: Half the width between the kerbs.
        walk_m: Width of each pavement, 0 for none.
        kerb_m: Height of the kerb.
        swell: Heights of the land far off as (waves, 4): height, wave vector along s and u, phase.
    """

    start_m: float
    long_m: float
    half_m: float
    walk_m: float
    kerb_m: float
    places: Array = field(repr=False)
    headings: Array = field(repr=False)
    swell: Array = field(repr=False)
    bank: tuple[float, float] = (0.0, 0.0)

    @property
    def end_m(self) -> float:
        """Where the road ends."""
        return self.start_m + self.long_m

    @property
    def lanes(self) -> tuple[float, ...]:
        """Middles of one way's lanes, as shares of `half_m`."""
        return (0.43,) if self.half_m < 5.8 else (0.25, 0.74)

    def middle(self, s: ArrayLike) -> Array:
        """Return (..., 3) points on the road's middle."""
        knots = self.start_m + STEP_M * np.arange(len(self.places))
        return np.stack(
            [
                np.interp(np.asarray(s, np.float64), knots, self.places[:, axis])
                for axis in range(3)
            ],
            axis=-1,
        )

    def heading(self, s: ArrayLike) -> Array:
        """Return the road's turn to the left of -z in radians."""
        knots = self.start_m + STEP_M * np.arange(len(self.headings))
        return np.asarray(np.interp(np.asarray(s, np.float64), knots, self.headings))

    def rise(self, s: ArrayLike, u: ArrayLike) -> Array:
        """Return the ground's height above the road's middle."""
        along, across = np.asarray(s, np.float64), np.asarray(u, np.float64)
        beyond = np.maximum(np.abs(across) - self.half_m - self.walk_m - 1.0, 0.0)
        fade = np.clip(beyond / 60.0, 0, 1) ** 1.5
        slope = np.where(across < 0, self.bank[0], self.bank[1])
        bank = slope * np.minimum(beyond, 10.0) / 10.0 * np.minimum(beyond / 6.0, 1.0)
        hills = sum(h * np.sin(a * along + b * across + p) for h, a, b, p in self.swell)
        walk = np.where(np.abs(across) > self.half_m + 0.01, self.kerb_m, 0.0)
        return np.asarray(bank + fade * (hills + 0.5) + walk)

    def point(self, s: ArrayLike, u: ArrayLike, lift_m: ArrayLike = 0.0) -> Array:
        """Return (..., 3) world places on the ground, lifted."""
        along, across = np.broadcast_arrays(np.asarray(s, np.float64), np.asarray(u, np.float64))
        turn = self.heading(along)
        place = self.middle(along)
        place[..., 0] += across * np.cos(turn)
        place[..., 2] -= across * np.sin(turn)
        place[..., 1] += self.rise(along, across) + np.asarray(lift_m, np.float64)
        return place

    def put(
        self,
        thing: Iterable[Solid],
        s: float,
        u: float,
        turn_deg: float = 0.0,
        size: float = 1.0,
        *,
        lift_m: float = 0.0,
    ) -> Thing:
        """Return a thing stood by the road: what faced -z looks along it, then turned left."""
        turn = float(np.rad2deg(self.heading(s))) + turn_deg
        return at(thing, self.point(s, u, lift_m).tolist(), turn, size)

    def sheet(self, s: ArrayLike, u: ArrayLike, lift_m: float = 0.0, tile_m: float = 4.0) -> Solid:
        """Return the ground between rows `s` and columns `u`; textures repeat each `tile_m`."""
        rows, columns = np.asarray(s, np.float64), np.asarray(u, np.float64)
        along, across = np.meshgrid(rows, columns, indexing="ij")
        return sheets.grid(
            self.point(along, across, lift_m), np.stack([across, along], -1) / tile_m
        )

    def eye(
        self, spot_m: tuple[float, float], high_m: float, tilt_deg: tuple[float, float, float]
    ) -> Float:
        """Return a camera's pose.

        Args:
            spot_m: Its (s, u).
            high_m: Its height above the ground.
            tilt_deg: Yaw to the right of the road, pitch down, and roll.
        """
        yaw, pitch, roll = tilt_deg
        turn = float(self.heading(spot_m[0])) - np.deg2rad(yaw)
        tilt = np.deg2rad(pitch)
        place = self.point(*spot_m, high_m)
        ray = [-np.sin(turn) * np.cos(tilt), -np.sin(tilt), -np.cos(turn) * np.cos(tilt)]
        return looking(place, place + ray, roll)


def laid(rng: np.random.Generator, *, town: bool) -> Road:
    """Return a road of gentle bends and hills, 40 m behind the origin and 260 m before it."""
    start, long = -50.0, 330.0
    count = int(long / STEP_M) + 1
    s = start + STEP_M * np.arange(count)
    bend = rng.normal(0, 0.0022 if town else 0.004) if rng.random() < 0.75 else 0.0
    curve = bend * np.clip((s - rng.uniform(-20, 60)) / 30, 0, 1) + rng.normal(0, 0.0015) * np.sin(
        s / rng.uniform(25, 60) + rng.uniform(0, 6)
    )
    headings = np.cumsum(curve) * STEP_M
    headings -= np.interp(0, s, headings)
    grade = rng.normal(0, 0.012) + rng.normal(0, 0.022) * np.sin(
        s / rng.uniform(40, 90) + rng.uniform(0, 6)
    )
    steps = np.stack([-np.sin(headings), grade, -np.cos(headings)], 1) * STEP_M
    places = np.cumsum(steps, axis=0)
    places -= [np.interp(0, s, places[:, axis]) for axis in range(3)]
    walk = float(rng.uniform(1.6, 4.0)) if town else float(rng.choice([0.0, 0.0, 1.8]))
    swell = np.stack(
        [
            rng.uniform(0.5, 5 if not town else 1.5, 4),
            rng.normal(0, 0.03, 4),
            rng.normal(0, 0.03, 4),
            rng.uniform(0, 6, 4),
        ],
        1,
    )
    bank = (0.0, 0.0) if town else tuple(rng.normal(0, 0.9, 2).tolist())
    half = float(rng.uniform(2.9, 5.5) if rng.random() < 0.75 else rng.uniform(5.5, 9.0))
    return Road(
        start,
        long,
        half,
        walk,
        float(rng.uniform(0.06, 0.16)) if walk else 0.0,
        places,
        headings,
        swell,
        bank,
    )


def ground(
    rng: np.random.Generator, road: Road, materials: Materials, *, green: bool, tile_m: float = 5.0
) -> Thing:
    """Return the road's surface, kerbs, pavements and the land beside it out to 120 m."""
    s = np.arange(road.start_m, road.start_m + road.long_m, 2.0)
    coarse = np.arange(road.start_m, road.start_m + road.long_m + 1, 5.0)
    half, walk = road.half_m, road.walk_m
    solids = [
        road.sheet(s, np.linspace(-half - 0.0099, half + 0.0099, 7), 0, tile_m).painted(
            grey(rng.uniform(0.5, 1.0)),
            materials.asphalt,
            gloss=float(rng.choice([0, 0.1, 0.35], p=[0.6, 0.3, 0.1])),
        )
    ]
    slab = (
        materials.paving
        if rng.random() < 0.6
        else materials.cobbles
        if rng.random() < 0.5
        else materials.asphalt
    )
    lawn = shade(rng, (0.45, 0.5, 0.35), 0.3)
    edge = half + walk
    for side in (-1, 1):
        if walk:
            kerb = np.array([(half, -road.kerb_m - 0.06), (half + 0.02, 0.0), (half + 0.16, 0.012)])
            along, _ = np.meshgrid(s, kerb[:, 0], indexing="ij")
            net = road.point(along, side * (kerb[:, 0] + 0.0101), kerb[:, 1])
            solids.append(
                sheets.grid(net, smooth=False).painted(
                    grey(0.6), materials.concrete, tiles=(1, road.long_m / 2)
                )
            )
            solids.append(
                road.sheet(
                    s, side * np.linspace(half + 0.15, edge, 3), 0.01, rng.uniform(1.2, 2.4)
                ).painted(shade(rng, grey(0.6), 0.35), slab)
            )
        near = side * np.array([edge, edge + 1.0, edge + 2.5, edge + 5, edge + 8, edge + 11.5])
        far = side * np.concatenate([[edge + 11.5], np.array([16, 24, 34, 46, 60, 80, 120]) + edge])
        base, tone, tile = (
            (materials.grass, lawn, 3.0) if green or rng.random() < 0.3 else (slab, grey(0.5), 2.0)
        )
        solids.append(road.sheet(s, near, 0.0, tile).painted(tone, base))
        solids.append(road.sheet(coarse, far, 0.0, 8.0).painted(lawn, materials.grass))
    return solids
