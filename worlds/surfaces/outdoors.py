"""Surfaces of streets, drawn at random."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from worlds.surfaces.foliage import Foliage, foliage
from worlds.surfaces.noise import SIDE, cloudy

if TYPE_CHECKING:
    from worlds.scene.arrays import Array, Picture
    from worlds.scene.scene import Scene


@dataclass(frozen=True)
class Materials:
    """Texture indices of a street's scene; the walls' are pale, to be tinted."""

    asphalt: int
    paving: int
    cobbles: int
    grass: int
    soil: int
    brick: int
    plaster: int
    concrete: int
    tiles: int
    stripes: int
    planks: int
    leaf: Foliage
    posters: tuple[int, ...]

    def poster(self, rng: np.random.Generator) -> int:
        """Return any poster."""
        return self.posters[int(rng.integers(len(self.posters)))]


def materials(rng: np.random.Generator, scene: Scene, pictures: list[Picture]) -> Materials:
    """Draw a street's textures into its scene.

    Args:
        rng: The random generator.
        scene: Takes the textures.
        pictures: (h, w, 3) sRGB pictures that may hang as posters.
    """
    add = scene.add_texture
    posters = [add(_poster(rng)) for _ in range(3)]
    posters += [
        add(pictures[int(rng.integers(len(pictures)))]) for _ in range(2 if pictures else 0)
    ]
    return Materials(
        add(_asphalt(rng)),
        add(_bricks(rng, int(rng.integers(4, 9)), 0.7, 14)),
        add(_bricks(rng, int(rng.integers(10, 18)), 0.35, 45)),
        add(_grass(rng)),
        add(_soil(rng)),
        add(_bricks(rng, int(rng.integers(20, 29)), 0.45, 22)),
        add(_rough(rng, 225, 10)),
        add(_rough(rng, 190, 22)),
        add(_roof_tiles(rng)),
        add(_stripes(rng)),
        add(_planks(rng)),
        foliage(rng, scene),
        tuple(posters),
    )


def _colored(value: Array, tint: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> Picture:
    shown: Picture = np.clip(value[..., None] * np.array(tint), 2, 255).astype(np.uint8)
    return shown


def _asphalt(rng: np.random.Generator) -> Picture:
    value = rng.uniform(85, 150) + 7 * cloudy(rng) + rng.normal(0, 12, (SIDE, SIDE))
    for _ in range(int(rng.integers(0, 4))):
        x, y, w, h = rng.integers(0, SIDE, 4)
        value[y : y + h // 2, x : x + w // 2] += rng.uniform(-14, 10)
    line = np.cumsum(rng.normal(0, 3, (40, 2)), axis=0) * [2, 1] + rng.uniform(0, SIDE, 2)
    canvas = np.ascontiguousarray(value.astype(np.float32))
    cv2.polylines(canvas, [line.astype(np.int32)], False, float(value.mean() - 28), 1)
    return _colored(canvas.astype(np.float64), (1.0, 1.0, rng.uniform(0.95, 1.06)))


def _bricks(rng: np.random.Generator, rows: int, ratio: float, spread: float) -> Picture:
    value = np.zeros((SIDE, SIDE))
    high = SIDE / rows
    columns = max(int(SIDE / (high / ratio)), 2)
    for row in range(rows):
        for column in range(-1, columns + 1):
            left = (column + 0.5 * (row % 2)) * SIDE / columns
            x0, x1 = int(left + 2), int(left + SIDE / columns - 1)
            value[int(row * high + 1.5) : int((row + 1) * high - 0.5), max(x0, 0) : max(x1, 0)] = (
                185 + rng.normal(0, spread)
            )
    value[value == 0] = 120 if rng.random() < 0.5 else 215
    return _colored(value + 8 * cloudy(rng) + rng.normal(0, 6, (SIDE, SIDE)))


def _grass(rng: np.random.Generator) -> Picture:
    value = 130 + 22 * cloudy(rng, 6, 0.9) + rng.normal(0, 16, (SIDE, SIDE))
    dry = np.clip(0.45 + 0.3 * cloudy(rng, 4), 0, 1)[..., None] * rng.uniform(0.2, 1.0)
    tint = (1 - dry) * np.array([0.62, 0.85, 0.36]) + dry * np.array([0.95, 0.88, 0.55])
    shown: Picture = np.clip(value[..., None] * tint, 2, 255).astype(np.uint8)
    return shown


def _soil(rng: np.random.Generator) -> Picture:
    return _colored(150 + 18 * cloudy(rng) + rng.normal(0, 20, (SIDE, SIDE)), (1.0, 0.88, 0.7))


def _rough(rng: np.random.Generator, mean: float, spread: float) -> Picture:
    stains = cloudy(rng, 5, 0.7)
    drips = cv2.blur(rng.normal(size=(SIDE, SIDE)), (3, 91)) * 25
    return _colored(
        mean + 0.6 * spread * stains + spread * 0.4 * drips + rng.normal(0, 4, (SIDE, SIDE))
    )


def _roof_tiles(rng: np.random.Generator) -> Picture:
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    row = (y // 16) % 2
    wave = np.abs(np.sin((x / 16 + 0.5 * row) * np.pi))
    return _colored(120 + 60 * wave + 40 * ((y % 16) / 16) + 9 * cloudy(rng))


def _stripes(rng: np.random.Generator) -> Picture:
    x = np.arange(SIDE) // int(rng.choice([16, 32, 64]))
    value = np.where(x % 2 == 0, 240.0, float(rng.choice([90, 140, 235])))
    return _colored(np.broadcast_to(value, (SIDE, SIDE)).copy() + 3 * cloudy(rng))


def _planks(rng: np.random.Generator) -> Picture:
    count = 8
    tone = np.repeat(rng.uniform(130, 210, count), SIDE // count)
    value = (
        np.broadcast_to(tone, (SIDE, SIDE)) + cv2.blur(rng.normal(size=(SIDE, SIDE)), (1, 61)) * 60
    )
    value[:, :: SIDE // count] = 40
    value[:, 1 :: SIDE // count] = 60
    return _colored(value, (1.0, 0.86, 0.68))


def _poster(rng: np.random.Generator) -> Picture:
    picture = np.full((SIDE, SIDE, 3), rng.integers(30, 250, 3), np.uint8)
    for _ in range(int(rng.integers(4, 11))):
        tone = tuple(int(v) for v in rng.integers(5, 255, 3))
        one, two = (tuple(int(v) for v in rng.integers(0, SIDE, 2)) for _ in range(2))
        if rng.random() < 0.5:
            cv2.rectangle(picture, one, two, tone, -1)
        else:
            cv2.circle(picture, one, int(rng.integers(10, 80)), tone, -1)
    word = "".join(rng.choice(list("ABDEGHIKLMNOPRSTU"), 5))
    cv2.putText(
        picture,
        word,
        (12, int(rng.integers(50, 240))),
        cv2.FONT_HERSHEY_SIMPLEX,
        2.2,
        (250, 250, 250),
        8,
    )
    return np.maximum(picture, 2)
