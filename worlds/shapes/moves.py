"""Moves: how what stood at the origin is scaled, turned and put in its place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from worlds.scene.solid import Solid, Thing


def moved(shape: Solid, by_m: Sequence[float]) -> Solid:
    """Return the shape moved by (3,) metres."""
    matrix = np.eye(4)
    matrix[:3, 3] = by_m
    return shape.transformed(matrix)


def turned(shape: Solid, degrees: float, axis: str = "y") -> Solid:
    """Return the shape turned around the world's "x", "y" or "z" axis, by the right-hand rule."""
    angle = np.deg2rad(degrees)
    one, two = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    matrix = np.eye(4)
    matrix[one, one] = matrix[two, two] = np.cos(angle)
    matrix[two, one] = np.sin(angle)
    matrix[one, two] = -np.sin(angle)
    return shape.transformed(matrix)


def scaled(shape: Solid, by: float | Sequence[float]) -> Solid:
    """Return the shape scaled around the origin, by one factor or (3,)."""
    matrix = np.eye(4)
    matrix[:3, :3] *= np.asarray(by, np.float64)
    return shape.transformed(matrix)


def at(
    thing: Iterable[Solid], place_m: Sequence[float], turn_deg: float = 0.0, size: float = 1.0
) -> Thing:
    """Return a thing that stood at the origin, scaled, turned round the y axis, and moved."""
    matrix = np.eye(4)
    angle = np.deg2rad(turn_deg)
    cos, sin = np.cos(angle) * size, np.sin(angle) * size
    matrix[0, 0], matrix[0, 2], matrix[2, 0], matrix[2, 2] = cos, sin, -sin, cos
    matrix[1, 1] = size
    matrix[:3, 3] = place_m
    return [part.transformed(matrix) for part in thing]
