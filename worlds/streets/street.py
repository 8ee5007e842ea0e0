"""Streets to drive along, and squares, parks and pavements to walk on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worlds.streets import walk
from worlds.streets.drive import make_drive

if TYPE_CHECKING:
    import numpy as np

    from worlds.scene.arrays import Picture
    from worlds.scene.scene import Scene
    from worlds.scene.view import View


def make_street(rng: np.random.Generator, textures: list[Picture]) -> tuple[Scene, list[View]]:
    """Build a street and three views of it; two in three are seen from a car.

    Args:
        rng: The random generator.
        textures: (h, w, 3) sRGB pictures that may hang as posters; may be empty.

    Returns:
        The scene, some 260 m long, and its views.
    """
    if rng.random() < 1 / 3:
        return walk.make_walk(rng, textures)
    return make_drive(rng, textures)
