"""Find the floor in a relative depth map: a plane in 3-D is affine in inverse depth."""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from nearfar.errors import CalibrationError

MIN_FLOOR_SHARE: Final = 0.3
"""Smallest share of the lower half, or of the mask, that must lie on the floor plane."""

_TOLERANCE: Final = 0.02  # largest distance of floor from its plane, relative to the map's spread
_MIN_SLOPE: Final = 0.1  # smallest change from top to bottom, relative to the map's spread
_MAX_ROLL: Final = math.tan(math.radians(20))
_TRIALS: Final = 400
_MAX_SAMPLES: Final = 20_000
_SEED: Final = 0


def floor_plane(
    inverse_depth: NDArray[np.float32], fov_deg: float, floor: NDArray[np.bool_] | None
) -> tuple[float, float, float]:
    """Fit the floor, d = a X + b Y + c, with X = (x - cx) / fx and Y = (y - cy) / fx.

    RANSAC (Fischler and Bolles, 1981) with a fixed seed, then least squares over all inliers. Only
    planes that become nearer towards the bottom and have a roll of at most 20 degrees are
    candidates.

    Args:
        inverse_depth: (H, W) float32, relative.
        fov_deg: horizontal field of view; the principal point is the image center.
        floor: (H, W) bool, where to search; None is the lower half.

    Returns:
        (a, b, c), b above 0.

    Raises:
        CalibrationError: there is no such plane, or the mask has another shape.
    """
    height_px, width_px = inverse_depth.shape
    if floor is None:
        floor = np.zeros(inverse_depth.shape, bool)
        floor[height_px // 2 :] = True
    elif floor.shape != inverse_depth.shape:
        raise CalibrationError(
            f"the floor mask has shape {floor.shape}, but the map has {inverse_depth.shape}:"
            " use a mask of the map's shape"
        )
    rng = np.random.default_rng(_SEED)
    some = np.flatnonzero(floor)
    if len(some) > _MAX_SAMPLES:
        some = rng.choice(some, _MAX_SAMPLES, replace=False)
    rows, columns = np.divmod(some, width_px)
    focal_px = width_px / 2 / math.tan(math.radians(fov_deg) / 2)
    x = (columns + 0.5 - width_px / 2) / focal_px
    y = (rows + 0.5 - height_px / 2) / focal_px
    values = inverse_depth[rows, columns].astype(np.float64)
    return _ransac(np.stack((x, y, np.ones_like(x)), axis=1), values, rng)


def _ransac(
    points: NDArray[np.float64], values: NDArray[np.float64], rng: np.random.Generator
) -> tuple[float, float, float]:
    """Find the plane, values = points @ (a, b, c), with the most inliers."""
    if len(values) < 3:
        raise CalibrationError("the floor mask marks fewer than three pixels: mark more")
    low, high = np.percentile(values, (2, 98))
    spread = high - low
    triples = rng.integers(len(values), size=(_TRIALS, 3))
    corners = points[triples]
    is_regular = np.abs(np.linalg.det(corners)) > 1e-6
    planes = np.linalg.solve(corners[is_regular], values[triples[is_regular]][:, :, None])[:, :, 0]
    drop = planes[:, 1] * np.ptp(points[:, 1])
    steep = (np.abs(drop) > _MIN_SLOPE * spread) & (
        np.abs(planes[:, 0]) <= _MAX_ROLL * np.abs(planes[:, 1])
    )
    tolerance = _TOLERANCE * spread
    share, plane = _best_plane(points, values, planes[steep & (drop > 0)], tolerance)
    if share >= MIN_FLOOR_SHARE and plane[1] > 0:
        return float(plane[0]), float(plane[1]), float(plane[2])
    if _best_plane(points, values, planes[steep & (drop < 0)], tolerance)[0] >= MIN_FLOOR_SHARE:
        raise CalibrationError(
            "the floor recedes towards the bottom, like a ceiling: check whether the photo is"
            " upside down, or near and far are swapped"
        )
    raise CalibrationError(
        f"no flat floor found: {share:.0%} of the searched pixels lie on one plane, but"
        f" {MIN_FLOOR_SHARE:.0%} must; use a mask of the floor, or known points instead"
    )


def _best_plane(
    points: NDArray[np.float64],
    values: NDArray[np.float64],
    planes: NDArray[np.float64],
    tolerance: float,
) -> tuple[float, NDArray[np.float64]]:
    """Choose the plane with the most inliers, and refine it by least squares over these."""
    if len(planes) == 0:
        return 0.0, np.zeros(3)
    subset = slice(None, None, max(1, len(values) // 4000))
    residuals = np.abs(points[subset] @ planes.T - values[subset, None])
    plane = planes[np.argmax(np.count_nonzero(residuals <= tolerance, axis=0))]
    for _ in range(5):
        near = np.abs(points @ plane - values) <= tolerance
        plane = np.linalg.lstsq(points[near], values[near], rcond=None)[0]
    share = np.count_nonzero(np.abs(points @ plane - values) <= tolerance) / len(values)
    return share, plane
