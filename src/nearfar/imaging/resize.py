"""Resize images and maps."""

from typing import Final, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

_SHEET_PX: Final = 1024

Scalar = TypeVar("Scalar", np.float32, np.uint8)


def fitting(shape: tuple[int, ...], longer_px: int) -> tuple[int, int]:
    """Return (width, height) scaled down to a longer side of at most `longer_px`."""
    height_px, width_px = shape[:2]
    scale = min(1.0, longer_px / max(height_px, width_px))
    return max(1, round(width_px * scale)), max(1, round(height_px * scale))


def half(values: NDArray[Scalar]) -> NDArray[Scalar]:
    """Scale (H, W) or (H, W, C) to half its size, rounded up, by area averaging."""
    return smaller(values, ((values.shape[1] + 1) // 2, (values.shape[0] + 1) // 2))


def smaller(values: NDArray[Scalar], size_px: tuple[int, int]) -> NDArray[Scalar]:
    """Scale (H, W) or (H, W, C) to a smaller or the same size, by area averaging."""
    return _resize(values, size_px, cv2.INTER_AREA)


def larger(values: NDArray[Scalar], shape: tuple[int, ...]) -> NDArray[Scalar]:
    """Scale (h, w) or (h, w, C) to the height and width of a shape, linearly."""
    return _resize(values, (shape[1], shape[0]), cv2.INTER_LINEAR)


def doubled_rows(values: NDArray[Scalar], rows: slice) -> NDArray[Scalar]:
    """Return some rows of an array upsampled linearly to twice its size.

    Args:
        values: (h, w).
        rows: of the larger array; both ends are even, and it may extend beyond the last row.
    """
    top = max(0, rows.start // 2 - 1)
    part = values[top : rows.stop // 2 + 1]
    large = larger(part, (2 * part.shape[0], 2 * part.shape[1]))
    return large[rows.start - 2 * top : min(rows.stop, 2 * len(values)) - 2 * top]


def larger_at(
    values: NDArray[np.float32], shape: tuple[int, ...], indices: NDArray[np.intp]
) -> NDArray[np.float32]:
    """Return some pixels of the result of `larger`.

    Args:
        values: (h, w, C) float32.
        shape: height and width of the larger array.
        indices: (n,) flat indices into it.

    Returns:
        (n, C) float32.
    """
    if not len(indices):
        return np.empty((0, values.shape[2]), np.float32)
    rows, columns = np.divmod(indices, shape[1])
    y = (rows + np.float32(0.5)) * np.float32(values.shape[0] / shape[0]) - np.float32(0.5)
    x = (columns + np.float32(0.5)) * np.float32(values.shape[1] / shape[1]) - np.float32(0.5)
    # OpenCV does not accept sides of 32,768 or more
    sheet = -(-len(indices) // _SHEET_PX), _SHEET_PX
    x, y = (np.resize(each.astype(np.float32), sheet) for each in (x, y))
    found = cv2.remap(values, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(found, np.float32).reshape(-1, values.shape[2])[: len(indices)]


def _resize(values: NDArray[Scalar], size_px: tuple[int, int], method: int) -> NDArray[Scalar]:
    made = np.asarray(cv2.resize(values, size_px, interpolation=method), values.dtype)
    return made.reshape(size_px[1], size_px[0], *values.shape[2:])
