"""Pictures and maps at another size: worked on small, and brought back."""

from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

Scalar = TypeVar("Scalar", np.float32, np.uint8)


def fitting(shape: tuple[int, ...], longer_px: int) -> tuple[int, int]:
    """Give (width, height) of a copy whose longer side is at most so long."""
    height_px, width_px = shape[:2]
    scale = min(1.0, longer_px / max(height_px, width_px))
    return max(1, round(width_px * scale)), max(1, round(height_px * scale))


def half(values: NDArray[Scalar]) -> NDArray[Scalar]:
    """Bring (H, W) or (H, W, C) to half its size, rounded up, by means of areas."""
    return smaller(values, ((values.shape[1] + 1) // 2, (values.shape[0] + 1) // 2))


def smaller(values: NDArray[Scalar], size_px: tuple[int, int]) -> NDArray[Scalar]:
    """Bring (H, W) or (H, W, C) to a smaller (or the same) size, by means of areas."""
    return _resized(values, size_px, cv2.INTER_AREA)


def larger(values: NDArray[Scalar], shape: tuple[int, ...]) -> NDArray[Scalar]:
    """Bring (h, w) or (h, w, C) to the height and width of a shape, linearly."""
    return _resized(values, (shape[1], shape[0]), cv2.INTER_LINEAR)


def doubled_rows(values: NDArray[Scalar], rows: slice) -> NDArray[Scalar]:
    """Give some rows of (h, w) brought linearly to twice its size.

    Args:
        values: (h, w).
        rows: of the larger one; both ends are even, and it may reach beyond the last.
    """
    top = max(0, rows.start // 2 - 1)
    part = values[top : rows.stop // 2 + 1]
    large = larger(part, (2 * part.shape[0], 2 * part.shape[1]))
    return large[rows.start - 2 * top : min(rows.stop, 2 * len(values)) - 2 * top]


def _resized(values: NDArray[Scalar], size_px: tuple[int, int], way: int) -> NDArray[Scalar]:
    made = np.asarray(cv2.resize(values, size_px, interpolation=way), values.dtype)
    return made.reshape(size_px[1], size_px[0], *values.shape[2:])
