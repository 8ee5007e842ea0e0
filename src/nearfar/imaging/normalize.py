"""Normalize values to 0 to 1."""

from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

UNIT: Final = np.float32(0), np.float32(1)
"""Limits of values that are normalized already."""

_MIN_SIDE_PX: Final = 320

Scalar = TypeVar("Scalar", bound=np.generic)


def limits(values: NDArray[np.float32], *, robust: bool) -> tuple[np.float32, np.float32]:
    """Return the values that map to 0 and to 1.

    Args:
        values: values of any shape; if empty, the limits map everything to 0.
        robust: use percentiles, as in `DepthMap.nearness`.
    """
    if values.size == 0:
        return np.float32(np.inf), np.float32(np.inf)
    ends = np.percentile(subsample(values), (2, 98)) if robust else (values.min(), values.max())
    low, high = np.float32(ends[0]), np.float32(ends[1])
    return limits(values, robust=False) if low == high and robust else (low, high)


def between(values: NDArray[np.float32], low: np.float32, high: np.float32) -> NDArray[np.float32]:
    """Map two limits to 0 and 1, and clip.

    Returns:
        A new array of the same shape; if the limits are equal, 1 for values above them, else 0.
    """
    if low == high:
        return np.asarray(values > high, np.float32)
    normalized: NDArray[np.float32] = values - low
    normalized /= high - low
    np.clip(normalized, 0, 1, out=normalized)
    return normalized


def subsample(values: NDArray[Scalar]) -> NDArray[Scalar]:
    """Take every n-th pixel of every n-th row of a large image, for statistics.

    Args:
        values: (H, W) or (H, W, C); arrays with fewer dimensions are returned unchanged.

    Returns:
        A view whose longer side is at least 320 pixels, or the values themselves.
    """
    if values.ndim < 2:
        return values
    step = max(1, max(values.shape[:2]) // _MIN_SIDE_PX)
    return values if step == 1 else values[::step, ::step]
