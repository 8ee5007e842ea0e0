"""Resize photos and ground truth.

A photo's pixels are averaged. Ground truth values are selected, never averaged, so that known and
unknown values, or a surface and what is behind it, do not mix. Both align pixel centers,
(x + 0.5) * ratio - 0.5.
"""

import math
from collections.abc import Iterator
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from nearfar.io.images import Image

SPARSE_SHARE: Final = 0.25
"""Ground truth with a smaller known share is sparse: lidar, or tracked features."""

_MAX_SAMPLES: Final = 4


def resize_photo(photo: Image, size: tuple[int, int]) -> Image:
    """Resize a photo by area averaging if it shrinks, else by linear interpolation.

    Args:
        photo: (H, W, 3) uint8.
        size: width and height in pixels.
    """
    height_px, width_px = photo.shape[:2]
    shrinks = size[0] <= width_px and size[1] <= height_px
    resized = cv2.resize(photo, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return np.asarray(resized, np.uint8)


def is_sparse(inverse: NDArray[np.float32]) -> bool:
    """Return whether ground truth is a set of points rather than a surface with holes."""
    return bool(np.count_nonzero(inverse) < SPARSE_SHARE * inverse.size)


def nearest(inverse: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """Resize by nearest neighbor; for dense ground truth and ratios near 1.

    Args:
        inverse: (H, W) float32, 0 where not known.
        size: width and height in pixels.
    """
    height_px, width_px = inverse.shape
    rows, columns = _center_index(height_px, size[1]), _center_index(width_px, size[0])
    return inverse.take(rows, axis=0).take(columns, axis=1)


def keep_points(inverse: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """Move each point to the new pixel that contains it; for sparse ground truth and any ratio.

    Of several points in one pixel the nearest is kept, which is the one that the camera sees: a
    lidar has another viewpoint and also measures occluded points behind edges.

    Args:
        inverse: (H, W) float32, 0 where not known.
        size: width and height in pixels.
    """
    height_px, width_px = inverse.shape
    known = np.flatnonzero(inverse)
    rows, columns = np.divmod(known, width_px)
    positions = _cells(height_px, size[1])[rows] * size[0] + _cells(width_px, size[0])[columns]
    points = np.zeros(size[0] * size[1], np.float32)
    np.maximum.at(points, positions, inverse.take(known))
    return points.reshape(size[1], size[0])


def majority(inverse: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """Take the median of the known values in each new pixel; for dense ground truth and any ratio.

    At an edge the median is a value of the surface that covers more of the pixel, which also
    determines the averaged photo's color. A pixel with less than half of its values known is
    unknown. At most 4 x 4 values per pixel are used.

    Args:
        inverse: (H, W) float32, 0 where not known.
        size: width and height in pixels.
    """
    height_px, width_px = inverse.shape
    down = min(_samples(height_px, size[1]), _MAX_SAMPLES)
    across = min(_samples(width_px, size[0]), _MAX_SAMPLES)
    rows, columns = _grid(height_px, size[1], down), _grid(width_px, size[0], across)
    values = np.stack([inverse[np.ix_(row, column)] for row in rows for column in columns])
    count = len(values)
    known = np.count_nonzero(values, axis=0)
    lesser = np.empty_like(values[0])
    for low, high in _sorting_network(count):
        np.minimum(values[low], values[high], out=lesser)
        np.maximum(values[low], values[high], out=values[high])
        values[low] = lesser
    middle = count - known + (known - 1) // 2  # unknown values are 0, and are sorted first
    middle[2 * known < count] = -1
    medians: NDArray[np.float32] = np.zeros_like(lesser)
    for index, plane in enumerate(values):
        np.copyto(medians, plane, where=middle == index)
    return medians


def _sorting_network(count: int) -> Iterator[tuple[int, int]]:
    """Yield the compare-exchange operations of a sorting network for `count` values.

    Batcher's merge exchange: Knuth, The Art of Computer Programming 3, 5.2.2, algorithm M.
    Sorting whole images with it is eight times as fast as sorting pixel by pixel.
    """
    top = 1 << max(0, (count - 1).bit_length() - 1)
    step = top
    while step:
        reach, bits, offset = top, 0, step
        while True:
            yield from ((low, low + offset) for low in range(count - offset) if low & step == bits)
            if reach == step:
                break
            offset, bits, reach = reach - step, step, reach // 2
        step //= 2


def _cells(old_px: int, new_px: int) -> NDArray[np.intp]:
    """Return the index of the new pixel that contains each old pixel's center."""
    return _center_index(new_px, old_px)


def _grid(old_px: int, new_px: int, samples: int) -> NDArray[np.intp]:
    """Return old indices at evenly spaced positions in each new pixel: (samples, new)."""
    positions: NDArray[np.intp] = _center_index(old_px, new_px * samples).reshape(new_px, samples).T
    return positions


def _samples(old_px: int, new_px: int) -> int:
    """Return how many positions per new pixel are needed to reach every old pixel."""
    return max(1, math.ceil(old_px / new_px))


def _center_index(old_px: int, new_px: int) -> NDArray[np.intp]:
    """Return the index of the old pixel under each new pixel's center, in exact integers."""
    centers: NDArray[np.intp] = (2 * np.arange(new_px) + 1) * old_px // (2 * new_px)
    return centers
