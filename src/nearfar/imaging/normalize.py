"""Spread values over 0 to 1."""

from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

UNIT: Final = np.float32(0), np.float32(1)
"""Limits of what is spread already."""

_ENOUGH_PX: Final = 320

Scalar = TypeVar("Scalar", bound=np.generic)


def limits(among: NDArray[np.float32], *, robust: bool) -> tuple[np.float32, np.float32]:
    """Give the values that are shown as 0 and as 1.

    Args:
        among: values that set them, any shape; of nothing, all that is shown is 0.
        robust: as for `DepthMap.nearness`.
    """
    if among.size == 0:
        return np.float32(np.inf), np.float32(np.inf)
    low, high = np.percentile(thinned(among), (2, 98)) if robust else (among.min(), among.max())
    low, high = np.float32(low), np.float32(high)
    return limits(among, robust=False) if low == high and robust else (low, high)


def between(values: NDArray[np.float32], low: np.float32, high: np.float32) -> NDArray[np.float32]:
    """Map two limits to 0 and 1, and clip.

    Returns:
        A new array of the same shape; where both are the same, 1 for what is over them.
    """
    if low == high:
        return np.asarray(values > high, np.float32)
    shown: NDArray[np.float32] = values - low
    shown /= high - low
    np.clip(shown, 0, 1, out=shown)
    return shown


def thinned(values: NDArray[Scalar]) -> NDArray[Scalar]:
    """Take every n-th pixel of every n-th row of a large picture: enough for its statistics.

    Args:
        values: (H, W) or (H, W, C); all of any other.

    Returns:
        A view whose longer side is at least 320 pixels, or the values themselves.
    """
    if values.ndim < 2:
        return values
    step = max(1, max(values.shape[:2]) // _ENOUGH_PX)
    return values if step == 1 else values[::step, ::step]
