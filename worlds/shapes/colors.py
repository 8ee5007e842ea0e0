"""Plain colors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from worlds.scene.arrays import Color
    from worlds.scene.solid import Solid


def tinted(shape: Solid, color: Color, gloss: float = 0.0, glow: float = 0.0) -> Solid:
    """Return the shape in a plain color."""
    return shape.painted(color, gloss=gloss, glow=glow)


def grey(value: float) -> tuple[float, float, float]:
    """Return a linear grey."""
    return (value, value, value)


def shade(
    rng: np.random.Generator, color: Color, spread: float = 0.15
) -> tuple[float, float, float]:
    """Return a color a little lighter or darker and a little off in hue."""
    value = np.asarray(color, np.float64) * rng.uniform(1 - spread, 1 + spread)
    value = value * rng.uniform(1 - spread / 3, 1 + spread / 3, 3)
    red, green, blue = np.clip(value, 0.0, 1.0).tolist()
    return (red, green, blue)
