"""Lamps, windows and the sun."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from worlds.scene.arrays import Float


@dataclass(frozen=True)
class Light:
    """A lamp, a window or the sun.

    Attributes:
        place: (3,) position in metres, or the unit direction towards the light if `far`.
        color: (3,) linear strength: what a white surface facing it reflects at 1 m, or at any
            distance if `far`.
        far: Whether it is infinitely far (the sun).
        shadow: Whether it casts shadows; at most two lights of a scene do.
        facing: (3,) unit direction a near light shines in, as a window does; zeros shine all
            round.
        reach: Half the width in metres of what a far light's shadows cover, around the camera.
    """

    place: Float
    color: Float
    far: bool = False
    shadow: bool = False
    facing: Float = field(default_factory=lambda: np.zeros(3, np.float32))
    reach: float = 40.0
