"""Pictures of leaves, drawn at random."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from worlds.surfaces.noise import SIDE

if TYPE_CHECKING:
    from worlds.scene.arrays import Picture
    from worlds.scene.scene import Scene


@dataclass(frozen=True)
class Foliage:
    """Texture indices of leaves: on cards with holes between them, and in a closed mass."""

    card: int
    mass: int


def foliage(rng: np.random.Generator, scene: Scene) -> Foliage:
    """Draw leaves into a scene."""
    return Foliage(scene.add_texture(leaf_picture(rng)), scene.add_texture(mass_picture(rng)))


def mass_picture(rng: np.random.Generator) -> Picture:
    """Return (256, 256, 3) leaves so dense that only shade shows between them."""
    picture = np.full((SIDE, SIDE, 3), (14, 18, 11), np.uint8)
    for _ in range(12):
        leaves = np.roll(leaf_picture(rng), rng.integers(0, SIDE, 2), (0, 1))
        picture = np.where(
            leaves > 0, (leaves * rng.uniform(0.35, 1.0)).astype(np.uint8) + 2, picture
        )
    return picture


def leaf_picture(rng: np.random.Generator) -> Picture:
    """Return (256, 256, 3) bright leaves on pure black, to be painted with `cutout`."""
    picture = np.zeros((SIDE, SIDE, 3), np.uint8)
    for _ in range(150):
        middle = rng.normal(SIDE / 2, SIDE / 5, 2)
        long, wide = rng.uniform(0.04, 0.075) * SIDE, rng.uniform(0.018, 0.04) * SIDE
        light = int(rng.uniform(120, 255))
        tone = (int(light * rng.uniform(0.75, 0.95)), light, int(light * rng.uniform(0.55, 0.85)))
        cv2.ellipse(
            picture,
            (int(middle[0]), int(middle[1])),
            (int(long), int(wide)),
            float(rng.uniform(0, 360)),
            0,
            360,
            tone,
            -1,
        )
    return picture
