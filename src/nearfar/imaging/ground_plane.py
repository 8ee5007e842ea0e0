"""Where the floor is in a relative depth map: a plane in 3-D is affine in inverse depth."""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from nearfar.errors import CalibrationError

MIN_FLOOR_SHARE: Final = 0.3
"""Of the lower half, or of the mask: less than this on one plane is no floor."""

_TOLERANCE: Final = 0.02  # of the map's spread: how far floor may lie off its plane
_MIN_SLOPE: Final = 0.1  # of the map's spread, from top to bottom of the pixels looked at
_MAX_ROLL: Final = math.tan(math.radians(20))
_TRIALS: Final = 400
_MAX_SAMPLES: Final = 20_000
_SEED: Final = 0


def floor_plane(
    inverse_depth: NDArray[np.float32], fov_deg: float, floor: NDArray[np.bool_] | None
) -> tuple[float, float, float]:
    """Find the floor, d = a X + b Y + c, with X = (x - cx) / fx and Y = (y - cy) / fx.

    RANSAC (Fischler and Bolles, 1981) with a fixed seed, then least squares over all pixels
    that agree. Only planes count that come nearer towards the bottom and lean sideways by no
    more than 20 degrees.

    Args:
        inverse_depth: (H, W) float32, relative.
        fov_deg: horizontal field of view; the principal point is the picture's middle.
        floor: (H, W) bool, where to look; None is the lower half.

    Returns:
        (a, b, c), b over 0.

    Raises:
        CalibrationError: no such plane, or a mask of another shape.
    """
    height_px, width_px = inverse_depth.shape
    if floor is None:
        floor = np.zeros(inverse_depth.shape, bool)
        floor[height_px // 2 :] = True
    elif floor.shape != inverse_depth.shape:
        raise CalibrationError(
            f"a floor mask of shape {floor.shape} for a map of {inverse_depth.shape}:"
            " give one of the map's shape"
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
    """Find the plane, values = points @ (a, b, c), that most pixels agree on."""
    if len(values) < 3:
        raise CalibrationError("the floor mask marks fewer than three pixels: mark more")
    low, high = np.percentile(values, (2, 98))
    spread = high - low
    triples = rng.integers(len(values), size=(_TRIALS, 3))
    corners = points[triples]
    sound = np.abs(np.linalg.det(corners)) > 1e-6
    planes = np.linalg.solve(corners[sound], values[triples[sound]][:, :, None])[:, :, 0]
    drop = planes[:, 1] * np.ptp(points[:, 1])
    steep = (np.abs(drop) > _MIN_SLOPE * spread) & (
        np.abs(planes[:, 0]) <= _MAX_ROLL * np.abs(planes[:, 1])
    )
    tolerance = _TOLERANCE * spread
    share, plane = _agreed(points, values, planes[steep & (drop > 0)], tolerance)
    if share >= MIN_FLOOR_SHARE and plane[1] > 0:
        return float(plane[0]), float(plane[1]), float(plane[2])
    if _agreed(points, values, planes[steep & (drop < 0)], tolerance)[0] >= MIN_FLOOR_SHARE:
        raise CalibrationError(
            "what should be floor goes away towards the bottom, like a ceiling: is the picture"
            " upside down, or near and far swapped?"
        )
    raise CalibrationError(
        f"no flat floor found: {share:.0%} of where it should be lies on one plane, and"
        f" {MIN_FLOOR_SHARE:.0%} must; give a mask of the floor, or known points instead"
    )


def _agreed(
    points: NDArray[np.float64],
    values: NDArray[np.float64],
    planes: NDArray[np.float64],
    tolerance: float,
) -> tuple[float, NDArray[np.float64]]:
    """Choose the plane with most pixels within the tolerance, and fit it to all of those."""
    if len(planes) == 0:
        return 0.0, np.zeros(3)
    judges = slice(None, None, max(1, len(values) // 4000))
    residuals = np.abs(points[judges] @ planes.T - values[judges, None])
    plane = planes[np.argmax(np.count_nonzero(residuals <= tolerance, axis=0))]
    for _ in range(5):
        near = np.abs(points @ plane - values) <= tolerance
        plane = np.linalg.lstsq(points[near], values[near], rcond=None)[0]
    share = np.count_nonzero(np.abs(points @ plane - values) <= tolerance) / len(values)
    return share, plane
