"""Plain colours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from worlds.scene.arrays import Colour
    from worlds.scene.solid import Solid


def tinted(shape: Solid, colour: Colour, gloss: float = 0.0, glow: float = 0.0) -> Solid:
    """Return the shape in a plain colour."""
    return shape.painted(colour, gloss=gloss, glow=glow)


def grey(value: float) -> tuple[float, float, float]:
    """Return a linear grey."""
    return (value, value, value)


def shade(
    rng: np.random.Generator, colour: Colour, spread: float = 0.15
) -> tuple[float, float, float]:
    """Return a colour a little lighter or darker and a little off in hue."""
    value = np.asarray(colour, np.float64) * rng.uniform(1 - spread, 1 + spread)
    value = value * rng.uniform(1 - spread / 3, 1 + spread / 3, 3)
    red, green, blue = np.clip(value, 0.0, 1.0).tolist()
    return (red, green, blue)
