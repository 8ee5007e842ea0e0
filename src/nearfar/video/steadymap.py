"""A map of one frame, in the range that its clip has there."""

import numpy as np
from numpy.typing import NDArray

from nearfar.depthmap import DepthMap
from nearfar.estimator import Estimator
from nearfar.images import Image
from nearfar.video.steady import Limits, Map


class SteadyMap(DepthMap):
    """Relative depth whose nearness is that of its clip, not of the frame alone.

    Attributes:
        inverse_depth: (H, W) float32; 0 is the far limit and what lies behind it, 1 the near
            limit; over 1 is what stands nearer yet.
    """

    def nearness(self, *, robust: bool = False) -> NDArray[np.float32]:  # noqa: ARG002 - as above
        """Give the map from 0 to 1, the same depth alike in all frames of a scene.

        Args:
            robust: makes no difference: the limits are the clip's.
        """
        return np.asarray(np.minimum(self.inverse_depth, np.float32(1)), np.float32)


def finish(estimator: Estimator, raw: Map, photo: Image, limits: Limits) -> SteadyMap:
    """Turn what the network gave for one frame into a map in the range of its clip.

    Args:
        estimator: whose network it was.
        raw: (h, w) float32.
        photo: (H, W, 3) uint8 RGB, the frame.
        limits: of the frame, in the values of `raw`.

    Returns:
        A map of the frame's size.
    """
    depth = estimator.finish(raw, photo)
    # the estimator has lifted a map of unknown shift until its farthest pixel was 0
    lifted = float(raw.min()) if estimator.spec.output.zero == "free" else 0.0
    values = depth.inverse_depth - np.float32(limits.low - lifted)
    values *= np.float32(0 if limits.is_flat else 1 / (limits.high - limits.low))
    return SteadyMap(np.maximum(values, 0, out=values), depth.model)
