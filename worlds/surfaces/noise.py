"""Seamless noise, of which surfaces are made."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from worlds.scene.arrays import Array

SIDE = 256
_Real = TypeVar("_Real", np.float32, np.float64)


def _grown(lattice: NDArray[_Real]) -> NDArray[_Real]:
    """Return a square lattice enlarged to (256, 256) without a seam."""
    scale = SIDE // len(lattice)
    wrapped = np.pad(lattice, 2, mode="wrap")
    fine = cv2.resize(wrapped, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    edge = 2 * scale
    return np.asarray(fine[edge : edge + SIDE, edge : edge + SIDE], lattice.dtype)


def noise(rng: np.random.Generator, octaves: int = 5, first: int = 4) -> Array:
    """Return seamless cloudy noise, (256, 256) with mean 0 and about -1 to 1.

    Args:
        rng: The random generator.
        octaves: How many scales are summed.
        first: Bumps across on the coarsest scale; rounded up to a power of two.
    """
    total = np.zeros((SIDE, SIDE))
    weight = 1.0
    for octave in range(octaves):
        cells = min(2 ** (int(np.ceil(np.log2(first))) + octave), SIDE)
        lattice = rng.uniform(-1, 1, (cells, cells)).astype(np.float32)
        total += weight * _grown(lattice)
        weight *= 0.55
    return total / max(float(np.abs(total).max()), 1e-6)


def cloudy(rng: np.random.Generator, octaves: int = 6, fade: float = 0.6) -> Array:
    """Return a (256, 256) field of seamless noise of mean 0 and deviation 1."""
    field = np.zeros((SIDE, SIDE))
    for octave in range(octaves):
        cells = 2 ** (octave + 2)
        field += fade**octave * _grown(rng.normal(size=(cells, cells)))
    unit: Array = (field - field.mean()) / field.std()
    return unit


def hairy(rng: np.random.Generator, sigma_x: float, sigma_y: float) -> Array:
    """Return seamless noise, (256, 256) of deviation 1, drawn out by two widths in pixels."""
    grain = cv2.GaussianBlur(
        np.tile(rng.standard_normal((SIDE, SIDE)), (3, 3)), (0, 0), sigma_x, sigmaY=sigma_y
    )[SIDE : 2 * SIDE, SIDE : 2 * SIDE]
    unit: Array = grain / grain.std()
    return unit
