"""A place along a road: its materials, its plants, and the cameras to keep free."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from worlds.things import plants

if TYPE_CHECKING:
    from worlds.scene.arrays import Array
    from worlds.scene.solid import Thing
    from worlds.streets.roads import Road
    from worlds.surfaces.outdoors import Materials


@dataclass(frozen=True)
class Site:
    """A road and what is at hand to furnish it.

    Attributes:
        road: The road.
        materials: Its textures.
        eyes: (n, 2) cameras' (s, u) in metres, kept free.
        trees: Trees to be seen from near.
        groves: Trees of few, large cards.
        bushes: Bushes.
    """

    road: Road
    materials: Materials
    eyes: Array
    trees: list[Thing]
    groves: list[Thing]
    bushes: list[Thing]

    @property
    def edge_m(self) -> float:
        """Distance from the road's middle to where the pavement ends."""
        return self.road.half_m + self.road.walk_m

    def tree(self, rng: np.random.Generator) -> Thing:
        """Return a tree to be seen from near."""
        return self.trees[int(rng.integers(len(self.trees)))]

    def grove(self, rng: np.random.Generator) -> Thing:
        """Return a tree to be seen from afar."""
        return self.groves[int(rng.integers(len(self.groves)))]

    def bush(self, rng: np.random.Generator) -> Thing:
        """Return a bush."""
        return self.bushes[int(rng.integers(len(self.bushes)))]

    def clear(self, s: float, u: float, along_m: float, across_m: float = 2.3) -> bool:
        """Return whether a thing at (s, u) leaves every camera's place free."""
        away = np.abs(self.eyes - [s, u])
        return not bool(np.any((away[:, 0] < along_m) & (away[:, 1] < across_m)))


def site(rng: np.random.Generator, road: Road, materials: Materials, eyes: Array) -> Site:
    """Grow a road's plants."""
    return Site(
        road,
        materials,
        eyes,
        [plants.tree(rng, materials.leaf) for _ in range(4)],
        [plants.tree(rng, materials.leaf, fine=False) for _ in range(4)],
        [plants.bush(rng, materials.leaf, float(rng.uniform(0.6, 2.4))) for _ in range(4)],
    )
