"""How much maps flicker: the change of nearness where the picture itself goes on."""

import numpy as np
from numpy.typing import NDArray

from nearfar.errors import DepthMapError
from nearfar.imaging.optical_flow import Flow, Grey, grey_of
from nearfar.io.images import Image


class Flicker:
    """The mean absolute change of nearness along the optical flow, frame by frame.

    Each pixel of a frame is looked up in the next one by DIS flow; those whose flow leads back
    to them within a pixel count. True motion towards the camera counts too, so compare ways to
    show the same clip.
    """

    def __init__(self) -> None:
        self._flow = Flow(is_exact=True)
        self._before: tuple[Grey, NDArray[np.float32]] | None = None
        self._sum = 0.0
        self._count = 0

    def add(self, photo: Image, nearness: NDArray[np.float32]) -> None:
        """Take the next frame.

        Args:
            photo: (H, W, 3) uint8 RGB.
            nearness: (h, w) float32, 0 to 1; every frame's of one size.

        Raises:
            DepthMapError: the map has another size than the one before.
        """
        height, width = nearness.shape
        grey = grey_of(photo, (height, width))
        if self._before is not None:
            old_grey, old = self._before
            if old.shape != nearness.shape:
                raise DepthMapError(f"a map of {nearness.shape} after one of {old.shape}")
            places, found = self._flow.followed(old_grey, grey)
            change = np.abs(places.of(nearness) - old)[found]
            self._sum += float(change.sum(dtype=np.float64))
            self._count += change.size
        self._before = grey, nearness

    @property
    def mean(self) -> float:
        """Over all pixels that could be followed, of all pairs of frames; 0 where there is none."""
        return self._sum / self._count if self._count else 0.0
