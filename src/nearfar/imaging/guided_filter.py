"""Guided filter: smooth or upsample a map along the edges of a photo."""

from itertools import combinations_with_replacement
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from nearfar.imaging.color import FloatMap
from nearfar.imaging.resize import fitting, larger, smaller
from nearfar.io.images import Image
from nearfar.parallel import for_each_strip

WORK_PX: Final = 256
"""Default longer side of the small copy on which the coefficients are computed."""


class Guide:
    """A color photo as guide (He, Sun and Tang, "Guided Image Filtering", 2013).

    In every window a map is fitted as an affine function of the photo's color. The coefficients
    are computed on a small copy ("Fast Guided Filter", arXiv 1505.00996).

    Args:
        photo: (H, W, 3) uint8 RGB.
        radius: half width of the window, relative to the longer side.
        epsilon: regularization: variance of the photo, in [0, 1] squared, below which an edge
            counts as noise.
        work_px: longer side of the small copy.
        only: the only map that will be filtered, of any size: coefficients are then computed only
            in windows in which it is not constant.
    """

    def __init__(
        self,
        photo: Image,
        radius: float,
        epsilon: float,
        *,
        work_px: int = WORK_PX,
        only: FloatMap | None = None,
    ) -> None:
        self.size_px = fitting(photo.shape, work_px)
        """Width and height of the small copy."""
        self._photo = photo
        self._side = 2 * max(1, round(radius * max(self.size_px))) + 1
        bright = smaller(photo, self.size_px).astype(np.float32) / np.float32(255)
        self._color = [np.ascontiguousarray(bright[..., channel]) for channel in range(3)]
        self._mean = [self._box(plane) for plane in self._color]
        self._windows = slice(None) if only is None else self._varying_windows(self.shrink(only))
        self._inverse = self._inverse_covariance(epsilon)

    def shrink(self, values: FloatMap) -> FloatMap:
        """Scale a map of the photo's size to the small copy's size."""
        return smaller(values, self.size_px)

    def enlarge(self, values: FloatMap) -> FloatMap:
        """Scale a map of the small copy's size to the photo's size."""
        return larger(values, self._photo.shape)

    def filter_small(self, values: FloatMap) -> FloatMap:
        """Filter a small map at its own size."""
        slopes, result = self._fit(values)
        for slope, plane in zip(slopes, self._color, strict=True):
            result += slope * plane
        return result

    def filter(self, values: FloatMap) -> FloatMap:
        """Filter a small map, and upsample it to the photo's size along the photo's edges."""
        slopes, offsets = self._fit(values)
        result = self.enlarge(offsets)
        large = np.empty_like(result)
        for slope, plane in zip(slopes, cv2.split(self._photo), strict=True):
            cv2.resize(slope, result.shape[::-1], large, interpolation=cv2.INTER_LINEAR)
            cv2.multiply(large, plane, large, scale=1 / 255, dtype=cv2.CV_32F)
            cv2.add(result, large, result)
        return result

    def _fit(self, values: FloatMap) -> tuple[list[FloatMap], FloatMap]:
        """Return the three slopes and the offset of every pixel, averaged over its windows."""
        mean = self._box(values)
        covariance = [
            (self._box(plane * values) - plane_mean * mean).ravel()[self._windows]
            for plane, plane_mean in zip(self._color, self._mean, strict=True)
        ]
        slopes, offset = [], mean.copy()
        for row, plane_mean in zip(self._inverse, self._mean, strict=True):
            fitted = row[0] * covariance[0]
            fitted += row[1] * covariance[1]
            fitted += row[2] * covariance[2]
            slope = np.zeros_like(mean)
            slope.ravel()[self._windows] = fitted
            offset -= slope * plane_mean
            slopes.append(self._box(slope))
        return slopes, self._box(offset)

    def _box(self, values: FloatMap) -> FloatMap:
        mean = cv2.boxFilter(values, -1, (self._side, self._side), borderType=cv2.BORDER_REFLECT)
        return np.asarray(mean, np.float32)

    def _varying_windows(self, values: FloatMap) -> NDArray[np.intp]:
        """Return the flat indices of the windows in which a small map is not constant."""
        window = np.ones((self._side, self._side), np.uint8)
        return np.flatnonzero(cv2.morphologyEx(values, cv2.MORPH_GRADIENT, window))

    def _inverse_covariance(self, epsilon: float) -> list[list[FloatMap]]:
        """Invert the color covariance of the selected windows, by cofactors.

        Computed in float64, because the matrix of a gray photo is nearly singular.
        """
        pairs = list(combinations_with_replacement(range(3), 2))
        means = [mean.ravel()[self._windows] for mean in self._mean]
        products = [
            self._box(self._color[i] * self._color[j]).ravel()[self._windows] for i, j in pairs
        ]
        inverse = [np.empty_like(product) for product in products]

        def invert(rows: slice) -> None:
            rr, rg, rb, gg, gb, bb = (
                (product[rows] - means[i][rows] * means[j][rows]).astype(np.float64)
                for product, (i, j) in zip(products, pairs, strict=True)
            )
            rr += epsilon
            gg += epsilon
            bb += epsilon
            cofactors = (
                gg * bb - gb * gb,
                gb * rb - rg * bb,
                rg * gb - gg * rb,
                rr * bb - rb * rb,
                rb * rg - rr * gb,
                rr * gg - rg * rg,
            )
            scale = 1 / (rr * cofactors[0] + rg * cofactors[1] + rb * cofactors[2])
            for entry, cofactor in zip(inverse, cofactors, strict=True):
                np.multiply(cofactor, scale, out=entry[rows], casting="same_kind")

        for_each_strip(invert, inverse[0])
        rr, rg, rb, gg, gb, bb = inverse
        return [[rr, rg, rb], [rg, gg, gb], [rb, gb, bb]]


RADIUS_PX = 4
"""Half width of the window, in pixels of the network's output."""

EPSILON = 1e-4
"""Variance of the photo, in [0, 1] squared, below which an edge counts as noise."""


def refine(small: FloatMap, photo: Image) -> FloatMap:
    """Upsample a map along the edges of a gray photo.

    The fast guided filter (He and Sun, "Fast Guided Filter", arXiv 1505.00996): in every window of
    the small map, depth is fitted as `a * brightness + b`. The smooth coefficients `a` and `b` are
    upsampled and applied to the brightness of the full photo. Radius and epsilon were chosen with
    `benchmarks/refine.py`.

    Args:
        small: (h, w) float32, the network's output.
        photo: (H, W, 3) uint8 RGB of the same view.

    Returns:
        (H, W) float32; may be slightly below the minimum of `small`.
    """
    height_px, width_px = photo.shape[:2]
    guide = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)
    coarse = cv2.resize(guide, small.shape[::-1], interpolation=cv2.INTER_AREA)
    bright: FloatMap = coarse.astype(np.float32) / np.float32(255)
    mean_bright, mean_small = _mean(bright), _mean(small)
    covariance = _mean(bright * small) - mean_bright * mean_small
    variance = _mean(bright * bright) - mean_bright * mean_bright
    slope = covariance / (variance + np.float32(EPSILON))
    offset = mean_small - slope * mean_bright
    result = _upsample(_mean(slope) / np.float32(255), width_px, height_px)
    result *= guide
    result += _upsample(_mean(offset), width_px, height_px)
    return result


def _mean(values: FloatMap) -> FloatMap:
    side = 2 * RADIUS_PX + 1
    mean = cv2.boxFilter(values, -1, (side, side), borderType=cv2.BORDER_REPLICATE)
    return np.asarray(mean, np.float32)


def _upsample(values: FloatMap, width_px: int, height_px: int) -> FloatMap:
    large = cv2.resize(values, (width_px, height_px), interpolation=cv2.INTER_LINEAR)
    return np.asarray(large, np.float32)
