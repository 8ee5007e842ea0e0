"""Builds furniture: random numbers, surfaces, and placing parts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from worlds.shapes import bodies, moves
from worlds.shapes.moves import at
from worlds.surfaces import indoors

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from worlds.scene.arrays import Picture
    from worlds.scene.scene import Scene
    from worlds.scene.solid import Solid, Thing
    from worlds.surfaces.library import Library
    from worlds.things.catalogue.catalogue import Catalogue


@dataclass
class FurnitureBuilder:
    """The random generator, the scene to furnish, and how its surfaces look.

    Attributes:
        rng: The random generator.
        scene: Keeps the textures.
        library: Where textures come from.
        catalogue: Where bought furniture comes from, or None.
    """

    rng: np.random.Generator
    scene: Scene
    library: Library
    catalogue: Catalogue | None = None
    _used: list[int] = field(default_factory=list)

    def between(self, low: float, high: float) -> float:
        """Return a random number."""
        return float(self.rng.uniform(low, high))

    def maybe(self, share: float) -> bool:
        """Return True in that share of cases."""
        return bool(self.rng.random() < share)

    def _texture(self, maker: Callable[[np.random.Generator], Picture]) -> int:
        return self.scene.add_texture(self.library.surface(self.rng, maker))

    def plain(self, saturation: float = 0.5, low: float = 0.1) -> tuple[float, float, float]:
        """Return a random linear color."""
        color = indoors.tint(self.rng, saturation, (low**0.45, 0.95)) ** 2.2
        return float(color[0]), float(color[1]), float(color[2])

    def wooden(self, shape: Solid, tiles: float = 1.0) -> Solid:
        """Return the shape in the room's wood, painted or veneered."""
        if not self._used:
            self._used = [self._texture(indoors.veneer), self._texture(indoors.veneer), -1]
        texture = self._used[int(self.rng.integers(3))] if self.maybe(0.3) else self._used[0]
        shade = self.between(0.6, 1.0)
        color = (shade, shade, shade) if texture >= 0 else self.plain(0.2, 0.4)
        return shape.painted(color, texture, gloss=self.between(0.0, 0.5), tiles=tiles)

    def clothed(self, shape: Solid, tiles: float = 1.0) -> Solid:
        """Return the shape covered with a new cloth."""
        if self.maybe(0.45):
            return shape.painted(
                self.plain(0.6, 0.02), self._texture(indoors.carpet), tiles=2 * tiles
            )
        return shape.painted(
            (1, 1, 1), self.scene.add_texture(self.library.cloth(self.rng)), tiles=tiles
        )

    def colored(self, shape: Solid, gloss: float = 0.3) -> Solid:
        """Return the shape in a random plain color."""
        return shape.painted(self.plain(0.8, 0.02), gloss=gloss * self.between(0, 2))

    def metal(self, shape: Solid) -> Solid:
        """Return the shape in chrome, steel or black paint."""
        shade = float(self.rng.choice([0.03, 0.35, 0.6]))
        return shape.painted((shade, shade, shade), gloss=self.between(0.5, 1.0))

    def pictured(self, shape: Solid, glow: float = 0.0) -> Solid:
        """Return the shape with a photograph or poster on it."""
        texture = self.scene.add_texture(self.library.photo(self.rng))
        return shape.painted((1, 1, 1), texture, gloss=0.2, glow=glow)

    def spined(self, shape: Solid, tiles: float) -> Solid:
        """Return the shape as a row of book spines or packets."""
        return shape.painted((1, 1, 1), self._texture(indoors.spines), tiles=(tiles, 1.0))


def shift(parts: Thing, x: float = 0.0, y: float = 0.0, z: float = 0.0, turn: float = 0.0) -> Thing:
    """Return parts turned around y by degrees, then moved by metres."""
    return at(parts, (x, y, z), turn)


def block(
    x: float, y: float, z: float, size: tuple[float, float, float], rounding: float = 0.0
) -> Solid:
    """Return a box whose bottom middle is at (x, y, z)."""
    return moves.moved(bodies.box(*size, rounding), (x, y, z))
