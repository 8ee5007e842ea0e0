"""A map of one frame, in the range that its clip has there."""

import numpy as np

from nearfar.depth import DepthMap
from nearfar.estimator import Estimator
from nearfar.imaging.normalize import UNIT
from nearfar.io.images import Image
from nearfar.video.steady import Limits, Map


class SteadyMap(DepthMap):
    """Relative depth whose nearness is that of its clip, not of the frame alone.

    Attributes:
        inverse_depth: (H, W) float32; 0 is the far limit and what lies behind it, 1 the near
            limit; over 1 is what stands nearer yet.
    """

    def limits(self, *, robust: bool = False) -> tuple[np.float32, np.float32]:  # noqa: ARG002
        """Give 0 and 1: the same depth looks alike in all frames of a scene, `robust` or not."""
        return UNIT


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
    spread = np.zeros_like(raw)
    if not limits.is_flat:
        scale = 1 / (limits.high - limits.low)
        np.multiply(raw, np.float32(scale), out=spread)
        spread -= np.float32(limits.low * scale)
        np.maximum(spread, 0, out=spread)
    depth = estimator.finish(spread, photo)
    # the estimator has lifted a map of unknown shift until its farthest pixel was 0
    lifted = np.float32(spread.min()) if estimator.spec.output.zero == "free" else 0
    values = depth.inverse_depth + lifted if lifted else depth.inverse_depth
    return SteadyMap(values, depth.model)
