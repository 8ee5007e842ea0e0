"""Where a clip cuts from one scene to another, as its photos tell."""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from nearfar.images import Image
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

    def goes_on(self, photo: Image) -> bool:
        """Say whether a photo shows the scene of the one before; true of the first.

        Args:
            photo: (H, W, 3) uint8 RGB.
        """
        before, self._before = self._before, _thumbnail(photo)
        return before is None or unlikeness(before, self._before) <= UNLIKE


def unlikeness(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Give the mean absolute difference of two thumbnails, in parts of their mean deviation."""
    contrast = float(np.abs(one).mean() + np.abs(other).mean()) / 2
    return float(np.abs(one - other).mean()) / (contrast + _NOISE)


def _thumbnail(photo: Image) -> NDArray[np.float32]:
    """Give brightness less its mean, small."""
    small = cv2.cvtColor(cv2.resize(photo, CELLS, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
    return np.asarray(small - np.float32(small.mean()), np.float32)
