"""Measure flicker: the change of depth maps along the optical flow."""

import numpy as np
from numpy.typing import NDArray

from nearfar.errors import DepthMapError
from nearfar.imaging.optical_flow import Flow, Gray, to_gray
from nearfar.io.images import Image


class Flicker:
    """The mean absolute change of nearness along the optical flow, frame by frame.

    Each pixel of a frame is tracked to the next one by DIS flow. Only pixels whose forward and
    backward flow agree within a pixel count. True motion towards the camera counts too, so compare
    results for the same clip.
    """

    def __init__(self) -> None:
        self._flow = Flow(is_exact=True)
        self._before: tuple[Gray, NDArray[np.float32]] | None = None
        self._sum = 0.0
        self._count = 0

    def add(self, photo: Image, nearness: NDArray[np.float32]) -> None:
        """Add the next frame.

        Args:
            photo: (H, W, 3) uint8 RGB.
            nearness: (h, w) float32, 0 to 1; of the same size for every frame.

        Raises:
            DepthMapError: the map has another size than the previous one.
        """
        height, width = nearness.shape
        gray = to_gray(photo, (height, width))
        if self._before is not None:
            old_gray, old = self._before
            if old.shape != nearness.shape:
                raise DepthMapError(f"the map's shape {nearness.shape} differs from {old.shape}")
            positions, found = self._flow.track_both_ways(old_gray, gray)
            change = np.abs(positions.sample(nearness) - old)[found]
            self._sum += float(change.sum(dtype=np.float64))
            self._count += change.size
        self._before = gray, nearness

    @property
    def mean(self) -> float:
        """Mean over the tracked pixels of all pairs of frames; 0 if there are none."""
        return self._sum / self._count if self._count else 0.0
