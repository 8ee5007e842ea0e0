"""A made-up world: solids, their textures, and light."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from worlds.scene.solid import Solid

if TYPE_CHECKING:
    from collections.abc import Iterable

    from worlds.scene.arrays import Float, Picture
    from worlds.scene.light import Light


@dataclass
class Scene:
    """Solids, their textures, and light.

    Attributes:
        solids: Everything that is seen.
        textures: (h, w, 3) sRGB pictures that solids point at by index.
        lights: At most eight.
        sky: (3, 3) linear colors at the zenith, the horizon and below it; None is black.
        ambient: (3,) linear light from everywhere.
        haze: Share of the sky's color that 100 m of air add, 0 to 1.
    """

    solids: list[Solid] = field(default_factory=list)
    textures: list[Picture] = field(default_factory=list)
    lights: list[Light] = field(default_factory=list)
    sky: Float | None = None
    ambient: Float = field(default_factory=lambda: np.full(3, 0.3, np.float32))
    haze: float = 0.0

    def add(self, solids: Solid | Iterable[Solid]) -> None:
        """Put one or several solids into the scene."""
        if isinstance(solids, Solid):
            self.solids.append(solids)
        else:
            self.solids.extend(solids)

    def add_texture(self, picture: Picture) -> int:
        """Keep a texture and return its index; the same picture is kept once."""
        for index, known in enumerate(self.textures):
            if known is picture:
                return index
        self.textures.append(picture)
        return len(self.textures) - 1
