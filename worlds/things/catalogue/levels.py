"""Where on a thing something can stand: the levels that a plumb line meets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from worlds.scene.arrays import Array
    from worlds.scene.solid import Thing

_FLAT_M = 0.012


class Levels:
    """The triangles of a thing, seen from above.

    Args:
        thing: What things are stood on.
    """

    def __init__(self, thing: Thing) -> None:
        corners = np.concatenate([part.triangles for part in thing]).astype(np.float64)
        one, two, three = (
            corners[:, 0],
            corners[:, 1] - corners[:, 0],
            corners[:, 2] - corners[:, 0],
        )
        area = two[:, 0] * three[:, 2] - two[:, 2] * three[:, 0]
        seen = np.abs(area) > 1e-9
        self._one, self._two, self._three = one[seen], two[seen], three[seen]
        self._area = area[seen]
        self.low = corners.min(axis=(0, 1))
        self.high = corners.max(axis=(0, 1))

    def at(self, x: float, z: float) -> Array:
        """Return the heights at which a plumb line meets the thing, highest first."""
        dx, dz = x - self._one[:, 0], z - self._one[:, 2]
        u = (dx * self._three[:, 2] - dz * self._three[:, 0]) / self._area
        v = (dz * self._two[:, 0] - dx * self._two[:, 2]) / self._area
        hit = (u >= 0) & (v >= 0) & (u + v <= 1)
        heights = self._one[hit, 1] + u[hit] * self._two[hit, 1] + v[hit] * self._three[hit, 1]
        return np.sort(heights)[::-1]

    def stands(
        self, x: float, z: float, size_m: tuple[float, float, float], inside: bool
    ) -> float | None:
        """Return the height at which a thing can stand with its middle at (x, z).

        Args:
            x: Across.
            z: Along.
            size_m: Its width, height and depth.
            inside: Whether it may stand below the top, as on the boards of a shelf.

        Returns:
            The height of a level place without anything in the way; None if there is none.
        """
        width, height, depth = size_m
        middle = self.at(x, z)
        if not len(middle):
            return None
        corners = [
            self.at(x + sx * 0.4 * width, z + sz * 0.4 * depth) for sx in (-1, 1) for sz in (-1, 1)
        ]
        levels = middle if inside else middle[:1]
        for level in levels:
            if level > 0.04 and all(_bears(hits, level, height) for hits in (middle, *corners)):
                return float(level)
        return None


def _bears(hits: Array, level: float, height: float) -> bool:
    above = hits[(hits > level - _FLAT_M) & (hits < level + height)]
    return bool(len(above)) and bool(above.max() <= level + _FLAT_M)
