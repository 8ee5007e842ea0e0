"""Find the shift of a point map whose z is known up to one, and with it the focal length."""

from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nearfar.camera import Camera

Floats: TypeAlias = NDArray[np.float64]

SIDE: Final = 64
"""The points are sampled on a grid of at most this many columns and rows, as in MoGe's code."""

_ROUNDS: Final = 100
_HALVINGS: Final = 30
_FEWEST: Final = 3
_CLOSE: Final = 1e-7  # the search ends at this relative change of the shift


def solve_shift(
    points: NDArray[np.float32], valid: NDArray[np.bool_] | None, camera: Camera | None
) -> float:
    """Find the shift of z with which points project to the pixels they belong to.

    It minimizes |focal * (x, y) / (z + shift) - (u, v)|^2, where u and v are pixels from the
    principal point, over the shift, and over the focal length too where no camera is given (MoGe:
    Wang et al., CVPR 2025, section 3.1). The method is Gauss-Newton with variable projection.

    Args:
        points: (h, w, 3) float32.
        valid: (h, w), points that are used; None for all.
        camera: of (w, h) pixels; None where it is not known, which means square pixels and a
            principal point in the middle.

    Returns:
        The shift, in the points' own unit; 0 with fewer than three valid points.
    """
    height_px, width_px = points.shape[:2]
    rows = np.unique(np.linspace(0, height_px - 1, min(height_px, SIDE)).round().astype(int))
    columns = np.unique(np.linspace(0, width_px - 1, min(width_px, SIDE)).round().astype(int))
    grid = np.ix_(rows, columns)
    picked = points[grid].reshape(-1, 3).astype(np.float64)
    v, u = (each.ravel().astype(np.float64) for each in np.meshgrid(rows, columns, indexing="ij"))
    counts = np.isfinite(picked).all(axis=1)
    if valid is not None:
        counts &= valid[grid].ravel()
    if np.count_nonzero(counts) < _FEWEST:
        return 0.0
    xy, z = picked[counts, :2], picked[counts, 2]
    if camera is None:
        uv = np.stack((u - (width_px - 1) / 2, v - (height_px - 1) / 2), axis=1)[counts]
        return _solve(xy, z, uv, is_focal_known=False)
    uv = np.stack((u - camera.cx_px, v - camera.cy_px), axis=1)[counts]
    return _solve(xy * (camera.fx_px, camera.fy_px), z, uv, is_focal_known=True)


def _solve(xy: Floats, z: Floats, uv: Floats, *, is_focal_known: bool) -> float:
    def residual(shift: float) -> tuple[Floats, Floats, float]:
        projected = xy / (z + shift)[:, None]
        power = float((projected * projected).sum())
        focal = 1.0 if is_focal_known or not power else float((projected * uv).sum()) / power
        return focal * projected - uv, projected, focal

    # all points must stay in front of the camera; the published method starts at 0
    lowest = -float(z.min())
    reach = float(np.ptp(z)) or abs(lowest) or 1.0
    shift = max(0.0, lowest + 1e-3 * reach)
    away, projected, focal = residual(shift)
    for _ in range(_ROUNDS):
        slope = -focal * projected / (z + shift)[:, None]
        power = float((projected * projected).sum())
        if not is_focal_known and power:
            slope -= projected * (float((slope * projected).sum()) / power)
        steepness = float((slope * slope).sum())
        if not steepness:
            break
        step = -float((slope * away).sum()) / steepness
        cost = float((away * away).sum())
        for _ in range(_HALVINGS):
            if shift + step > lowest:
                tried = residual(shift + step)
                if float((tried[0] * tried[0]).sum()) < cost:
                    break
            step /= 2
        else:
            break
        shift += step
        away, projected, focal = tried
        if abs(step) <= _CLOSE * max(abs(shift), reach):
            break
    return shift
