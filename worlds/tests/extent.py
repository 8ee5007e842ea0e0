"""How far things reach."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from worlds.scene.arrays import Float
    from worlds.scene.solid import Solid


def ends(thing: Iterable[Solid]) -> tuple[Float, Float]:
    """Return a thing's lowest and highest x, y and z."""
    corners = np.concatenate([part.triangles.reshape(-1, 3) for part in thing])
    return corners.min(axis=0), corners.max(axis=0)
