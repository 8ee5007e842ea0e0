"""Fur, skin, hair and cloth, as textures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from worlds.surfaces.noise import SIDE, hairy

if TYPE_CHECKING:
    from worlds.scene.arrays import Array, Color, Picture


def _shown(light: Array) -> Picture:
    picture: Picture = (np.clip(light, 0, 1) ** (1 / 2.2) * 255).astype(np.uint8)
    return picture


def fur(rng: np.random.Generator, ground: Color, marks: Color) -> Picture:
    """Return hair that runs upwards, in one color with stripes, patches or specks of another."""
    kind = rng.integers(4)
    rows = np.arange(SIDE)[:, None] / SIDE
    if kind == 0:
        wave = np.sin(2 * np.pi * rows * rng.integers(4, 10) + 1.3 * hairy(rng, 18, 9))
        share = np.clip(wave * 2 + 0.2, 0, 1)
    elif kind == 1:
        share = np.clip(hairy(rng, 30, 30) * 4 + rng.uniform(-2, 2), 0, 1)
    elif kind == 2:
        share = np.clip(hairy(rng, 5, 6) * 2 - 1.5, 0, 1)
    else:
        share = np.clip(hairy(rng, 40, 40) * 0.3 + 0.2, 0, 1)
    color = np.asarray(ground) * (1 - share[..., None]) + np.asarray(marks) * share[..., None]
    strands = np.exp(0.28 * hairy(rng, 0.7, 4.0) + 0.15 * hairy(rng, 2, 10))
    return _shown(color * strands[..., None])


def skin(rng: np.random.Generator, ground: Color) -> Picture:
    """Return skin with redder and paler places."""
    blush = 1 + 0.06 * hairy(rng, 25, 25)[..., None] * np.array([1.0, -0.4, -0.6])
    pores = np.exp(0.03 * hairy(rng, 0.8, 0.8) + 0.05 * hairy(rng, 12, 12))
    return _shown(np.asarray(ground) * blush * pores[..., None])


def cloth(rng: np.random.Generator, ground: Color, marks: Color) -> Picture:
    """Return plain, striped, checked or dotted cloth."""
    x, y = np.meshgrid(np.arange(SIDE) / SIDE, np.arange(SIDE) / SIDE)
    count = int(rng.integers(3, 24))
    bars = np.sin(2 * np.pi * count * x) > rng.uniform(-0.5, 0.7)
    rungs = np.sin(2 * np.pi * count * y) > rng.uniform(-0.5, 0.7)
    share = (0 * x, 1.0 * bars, 1.0 * rungs, 0.5 * bars + 0.5 * rungs, 1.0 * (bars & rungs))[
        int(rng.integers(5))
    ]
    folds = np.exp(0.22 * hairy(rng, 10, 22) + 0.06 * hairy(rng, 0.8, 0.8))
    color = np.asarray(ground) * (1 - share[..., None]) + np.asarray(marks) * share[..., None]
    return _shown(color * folds[..., None])
