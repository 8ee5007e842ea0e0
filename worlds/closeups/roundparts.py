"""Round, rough and woven parts of which creatures and small things are made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from worlds.scene.solid import Solid
from worlds.shapes import bodies, moves
from worlds.surfaces import pelts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worlds.scene.arrays import Color
    from worlds.scene.scene import Scene

_HAIR: Color = (0.015, 0.01, 0.008)


def color(rng: np.random.Generator, low: float = 0.02, high: float = 0.75) -> Color:
    """Return any color, more often a dull one."""
    base = rng.uniform(low, high)
    return tuple(np.clip(base * np.exp(rng.normal(0, 0.35, 3)), 0.005, 0.9))


def woven(rng: np.random.Generator, scene: Scene, low: float = 0.02, high: float = 0.75) -> int:
    """Return the texture of a new cloth of any two colors."""
    return scene.add_texture(pelts.cloth(rng, color(rng, low, high), color(rng, low, high)))


def ball(radii: Sequence[float], middle: Sequence[float], sides: int = 28) -> Solid:
    """Return an ellipsoid of three radii about a middle, in metres."""
    return moves.moved(bodies.ellipsoid(radii[0], radii[1], radii[2], sides), middle)


def rough(rng: np.random.Generator, ball: Solid, share: float) -> Solid:
    """Bump a ball that stands about the origin, as hair does."""
    flat = ball.triangles.reshape(-1, 3)
    rough = np.zeros(len(flat))
    for _ in range(8):
        wave = rng.normal(0, 1, 3) * rng.uniform(25, 90)
        rough += np.sin(flat @ wave + rng.uniform(0, 6.3))
    moved = flat + ball.normals.reshape(-1, 3) * (share * rough / 2)[:, None].astype(np.float32)
    return Solid(
        moved.reshape(ball.triangles.shape).astype(np.float32), ball.normals, ball.uv, ball.color
    )


def eyes(
    rng: np.random.Generator, apart: float, up: float, out: float, size: float, *, animal: bool
) -> list[Solid]:
    """Return two eyes that look towards -z, with brows if they are a person's."""
    parts: list[Solid] = []
    iris = (0.35, 0.3, 0.03) if animal and rng.random() < 0.4 else (0.03, 0.02, 0.015)
    for side in (-1, 1):
        at = (side * apart, up, -out)
        white = (0.02, 0.015, 0.01) if animal else (0.75, 0.7, 0.68)
        parts.append(ball((size, size * 0.75, size * 0.6), at, 12).painted(white, gloss=0.7))
        seen = (at[0], up, -out - size * 0.35)
        parts.append(ball((size * 0.6, size * 0.6, size * 0.35), seen, 10).painted(iris, gloss=0.9))
        if not animal:
            brow = ball((size * 1.6, size * 0.3, size * 0.5), (at[0], up + size * 1.7, -out), 8)
            parts.append(brow.painted(_HAIR))
    return parts
