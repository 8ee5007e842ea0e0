"""Sky, sun and air of a street."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from worlds.scene.light import Light

if TYPE_CHECKING:
    from worlds.scene.arrays import Float
    from worlds.scene.scene import Scene


def weather(rng: np.random.Generator, scene: Scene) -> None:
    """Give a scene its sky, sun, air and light from everywhere."""
    sun = rng.random() < 0.68
    high = np.deg2rad(rng.uniform(14, 65))
    turn = rng.uniform(0, 2 * np.pi)
    place = np.array(
        [np.cos(high) * np.cos(turn), np.sin(high), np.cos(high) * np.sin(turn)], np.float32
    )
    warm = np.clip(np.rad2deg(high) / 45, 0.45, 1.0)
    if sun:
        strength = rng.uniform(1.6, 3.4)
        tint = np.array([1.0, 0.86 + 0.12 * warm, 0.7 + 0.26 * warm]) * strength
        blue = rng.uniform(0.6, 1.3)
        scene.sky = np.array(
            [[0.16, 0.34, 0.85], [0.75, 0.86, 1.0], [0.3, 0.3, 0.3]], np.float32
        ) * np.float32(blue)
        scene.ambient = (np.array([0.42, 0.5, 0.62]) * rng.uniform(0.6, 1.2)).astype(np.float32)
    else:
        tint = np.full(3, rng.uniform(0.0, 0.35))
        bright = rng.uniform(0.7, 1.3)
        scene.sky = np.array(
            [[0.8, 0.85, 0.9], [1.0, 1.0, 1.0], [0.3, 0.3, 0.3]], np.float32
        ) * np.float32(bright)
        scene.ambient = (np.array([0.85, 0.88, 0.92]) * rng.uniform(0.7, 1.1)).astype(np.float32)
    scene.haze = float(rng.uniform(0.0, 0.08) if rng.random() < 0.8 else rng.uniform(0.08, 0.35))
    light: Float = tint.astype(np.float32)
    scene.lights.append(Light(place, light, far=True, shadow=sun, reach=60.0))
