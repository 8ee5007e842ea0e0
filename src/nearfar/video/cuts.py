"""Where a clip cuts from one scene to another, as its photos tell."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from nearfar.imaging.optical_flow import Grey, shrunk
from nearfar.video.steady import CELLS

UNLIKE: Final = 0.85
"""Thumbnails that differ by more than this part of their contrast show two scenes.

At the cuts of real clips it is 1.1 and more, between two photos of examples/ 1.2; where a car
rushes through the whole picture it reaches 0.64, else hardly 0.4.
"""

_NOISE: Final = 2.0
"""Levels of 255 that even an empty picture varies by."""


class Cuts:
    """Compares each photo with the one before, by thumbnails; how bright they are is no matter."""

    def __init__(self) -> None:
        self._before: NDArray[np.float32] | None = None

    def goes_on(self, grey: Grey) -> bool:
        """Say whether a photo shows the scene of the one before; true of the first.

        Args:
            grey: (h, w) uint8, the photo without colours, of any size.
        """
        before, self._before = self._before, _thumbnail(grey)
        return before is None or unlikeness(before, self._before) <= UNLIKE


def unlikeness(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Give the mean absolute difference of two thumbnails, in parts of their mean deviation."""
    contrast = float(np.abs(one).mean() + np.abs(other).mean()) / 2
    return float(np.abs(one - other).mean()) / (contrast + _NOISE)


def _thumbnail(grey: Grey) -> NDArray[np.float32]:
    """Give brightness less its mean, small."""
    small = shrunk(grey, CELLS[::-1])
    return np.asarray(small - np.float32(small.mean()), np.float32)
