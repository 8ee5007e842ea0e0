"""Spread values over 0 to 1."""

from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

_ENOUGH_PX: Final = 320

Scalar = TypeVar("Scalar", bound=np.generic)


def spread(
    values: NDArray[np.float32], among: NDArray[np.float32], *, robust: bool
) -> NDArray[np.float32]:
    """Map the limits of `among` to 0 and 1, and clip.

    Args:
        values: (H, W).
        among: values that set the limits, any shape.
        robust: as for `DepthMap.nearness`.

    Returns:
        (H, W), a new array; zeros when there is nothing among, or only one value.
    """
    if among.size == 0:
        return np.zeros_like(values)
    low, high = np.percentile(thinned(among), (2, 98)) if robust else (among.min(), among.max())
    low, high = np.float32(low), np.float32(high)
    if low == high and robust:
        return spread(values, among, robust=False)
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
