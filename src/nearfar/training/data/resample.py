"""Bring photos and truths to another size.

A photo's pixels are averaged. A truth's are chosen: every value that comes out is one that
went in, so that known is never mixed with unknown, nor a surface with what lies behind it.
Both put pixel centres on pixel centres, (x + 0.5) * ratio - 0.5, so that they stay in line.
"""

import math
from collections.abc import Iterator
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from nearfar.io.images import Image

SPARSE_SHARE: Final = 0.25
"""A truth of which less is known than this is a set of points: lidar, or tracked features."""

_MAX_SAMPLES: Final = 4


def resize_photo(photo: Image, size: tuple[int, int]) -> Image:
    """Average over areas where it shrinks, interpolate linearly where it grows.

    Args:
        photo: (H, W, 3) uint8.
        size: width and height in pixels.
    """
    height_px, width_px = photo.shape[:2]
    shrinks = size[0] <= width_px and size[1] <= height_px
    resized = cv2.resize(photo, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return np.asarray(resized, np.uint8)


def is_sparse(inverse: NDArray[np.float32]) -> bool:
    """Say whether a truth is a set of points rather than a surface with holes."""
    return bool(np.count_nonzero(inverse) < SPARSE_SHARE * inverse.size)


def nearest(inverse: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """Take the value under each new pixel's centre. For dense truths and mild ratios.

    Args:
        inverse: (H, W) float32, 0 where not known.
        size: width and height in pixels.
    """
    height_px, width_px = inverse.shape
    rows, columns = _centres(height_px, size[1]), _centres(width_px, size[0])
    return inverse.take(rows, axis=0).take(columns, axis=1)


def keep_points(inverse: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """Put each point into the new pixel where it lies. For sparse truths and any ratio.

    Of two in one pixel the nearer stays, which is what the camera sees: a lidar stands
    elsewhere, and looks past the edges of what is in front.

    Args:
        inverse: (H, W) float32, 0 where not known.
        size: width and height in pixels.
    """
    height_px, width_px = inverse.shape
    known = np.flatnonzero(inverse)
    rows, columns = np.divmod(known, width_px)
    places = _cells(height_px, size[1])[rows] * size[0] + _cells(width_px, size[0])[columns]
    points = np.zeros(size[0] * size[1], np.float32)
    np.maximum.at(points, places, inverse.take(known))
    return points.reshape(size[1], size[0])


def majority(inverse: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """Take the median of what is known in each new pixel. For dense truths and any ratio.

    At an edge that is a value of the surface that fills more of the pixel, which also gives
    the averaged photo its color. A pixel of which less than half is known is not known. At
    most 4 x 4 values a pixel are looked at.

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
    for low, high in _exchanges(count):
        np.minimum(values[low], values[high], out=lesser)
        np.maximum(values[low], values[high], out=values[high])
        values[low] = lesser
    middle = count - known + (known - 1) // 2  # the unknown are 0, and so come first
    middle[2 * known < count] = -1
    medians: NDArray[np.float32] = np.zeros_like(lesser)
    for index, plane in enumerate(values):
        np.copyto(medians, plane, where=middle == index)
    return medians


def _exchanges(count: int) -> Iterator[tuple[int, int]]:
    """Pairs to put in order, one after the other, so that `count` values are sorted.

    Batcher's merge exchange: Knuth, The Art of Computer Programming 3, 5.2.2, algorithm M.
    Whole pictures are sorted by it, eight times faster than pixel by pixel.
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
    """Index of the new pixel in which each old one's centre lies."""
    return _centres(new_px, old_px)


def _grid(old_px: int, new_px: int, samples: int) -> NDArray[np.intp]:
    """Index of the old pixels at so many evenly spread places in each new one: (samples, new)."""
    places: NDArray[np.intp] = _centres(old_px, new_px * samples).reshape(new_px, samples).T
    return places


def _samples(old_px: int, new_px: int) -> int:
    """How many places in a new pixel touch every old one: no further apart than those."""
    return max(1, math.ceil(old_px / new_px))


def _centres(old_px: int, new_px: int) -> NDArray[np.intp]:
    """Index of the old pixel under each new one's centre, in whole numbers: no rounding."""
    centres: NDArray[np.intp] = (2 * np.arange(new_px) + 1) * old_px // (2 * new_px)
    return centres
