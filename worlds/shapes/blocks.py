"""Upright blocks, many at once; texture places in metres."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from worlds.shapes import sheets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

    from worlds.scene.solid import Solid

_CORNERS = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], np.float64)
_FACES = np.array(
    [[0, 1, 3, 2], [5, 4, 6, 7], [0, 4, 5, 1], [3, 7, 6, 2], [4, 0, 2, 6], [1, 5, 7, 3]]
)
_AXES = ((2, 1), (2, 1), (0, 2), (0, 2), (0, 1), (0, 1))
_OUTWARD = np.array([[-1, 0, 0], [1, 0, 0], [0, -1, 0], [0, 1, 0], [0, 0, -1], [0, 0, 1]])


def blocks(low_m: ArrayLike, high_m: ArrayLike) -> Solid:
    """Return upright blocks between (n, 3) lower and upper corners; texture places in metres."""
    low = np.atleast_2d(np.asarray(low_m, np.float64))
    high = np.atleast_2d(np.asarray(high_m, np.float64))
    low, high = np.broadcast_arrays(low, high)
    corners = low[:, None] + _CORNERS * (high - low)[:, None]
    order = _FACES[:, [[0, 1, 2], [0, 2, 3]]]
    triangles = corners[:, order]
    normals = np.broadcast_to(_OUTWARD[:, None, None, :], triangles.shape)
    places = np.stack([triangles[:, face][..., list(axes)] for face, axes in enumerate(_AXES)], 1)
    return sheets.solid(
        triangles.reshape(-1, 3, 3), normals.reshape(-1, 3, 3), places.reshape(-1, 3, 2)
    )


def block(middle_m: Sequence[float], size_m: Sequence[float]) -> Solid:
    """Return one block around a (3,) middle with (3,) sides in metres."""
    middle, size = np.asarray(middle_m, np.float64), np.asarray(size_m, np.float64)
    return blocks(middle - size / 2, middle + size / 2)
