"""From relative depth to metres, by something the user knows or is willing to assume.

Relative depth d is affine in inverse distance, 1/metres = scale * d + shift, with both
unknown (Ranftl et al., TPAMI 2022, section 5). Each `fit_*` finds the two; `Calibration.apply`
uses them, on the map they were fitted on or on the next frame of the same camera. A map that a
network gave in metres is taken as d = 1/metres, and can be calibrated anew.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from nearfar.depth import Depth, DepthMap, MetricDepth
from nearfar.errors import CalibrationError, UsageError
from nearfar.imaging.ground_plane import floor_plane

WINDOW_PX: Final = 5
"""A known point's depth is the median of a square this wide: single pixels are noisy."""

LEAST_M: Final = 1e-6
"""Distances below this, or close to it, are no distances: single precision ends not far from it."""

MAX_BEYOND_SHARE: Final = 0.2
"""Of the picture: more than this farther than infinity, and the plane was not the floor."""

_BEYOND: Final = -0.05  # in units of 1 / camera height: what noise does not explain


@dataclass(frozen=True)
class KnownPoint:
    """A pixel whose distance is known.

    Attributes:
        x_px: column.
        y_px: row.
        metres: distance along the view axis.
    """

    x_px: int
    y_px: int
    metres: float


@dataclass(frozen=True)
class Calibration:
    """How relative depth becomes metres: 1/metres = scale * inverse_depth + shift.

    Attributes:
        scale: over 0, in 1/metres per unit of the map.
        shift: in 1/metres.
        assumption: what was known or assumed, in a sentence.

    Raises:
        CalibrationError: the scale is not over 0, or a number is not finite.
    """

    scale: float
    shift: float
    assumption: str = ""

    def __post_init__(self) -> None:
        if not (0 < self.scale < math.inf and math.isfinite(self.shift)):
            raise CalibrationError(
                f"scale {self.scale:g} and shift {self.shift:g} turn near and far round:"
                " the scale must be over 0"
            )

    def apply(self, depth: Depth) -> MetricDepth:
        """Turn a map into metres; where 1/metres is not over 0 there is no surface (inf).

        Raises:
            CalibrationError: something comes to lie nearer than `LEAST_M`.
        """
        inverse = depth.inverse_depth * np.float64(self.scale)
        inverse += self.shift
        metres = np.full(inverse.shape, np.inf, np.float32)
        with np.errstate(over="ignore"):
            np.divide(1, inverse, out=metres, where=inverse > 0, casting="same_kind")
        if metres.min() < LEAST_M:
            raise CalibrationError(
                f"something would lie nearer than {LEAST_M:g} m: give larger distances"
            )
        return MetricDepth(metres, depth.model, self.assumption)


def fit_points(depth: Depth, points: Sequence[KnownPoint]) -> Calibration:
    """Fit scale and shift to points of known distance.

    Least squares in inverse distance, every point of equal weight, so near points count
    more than far ones for an equal error in metres.

    Args:
        depth: the map the points were picked on.
        points: two or more.

    Raises:
        PointError: a point is outside the picture.
        CalibrationError: fewer than two points, a distance that is not finite and over 0,
            points of one depth or one distance only, or nearer points that are farther
            away in the map.
    """
    if len(points) < 2:
        raise CalibrationError("metres need two points of known distance or more: add one")
    for point in points:
        if not 0 < point.metres < math.inf:
            raise CalibrationError(f"{point.metres:g} m is no distance: give more than 0")
    known = np.array([1 / point.metres for point in points])
    relative = depth.relative()
    read = np.array([_around(relative, point) for point in points])
    if np.ptp(read) <= 1e-6 * read.max():
        raise CalibrationError(
            "the points are all at one depth in the map: choose a near one and a far one"
        )
    if np.ptp(known) <= 1e-6 * known.max():
        raise CalibrationError("the points have all one distance: choose a near one and a far one")
    centred = read - read.mean()
    scale = float(centred @ known / (centred @ centred))
    if scale <= 0:
        raise CalibrationError(
            "the points given as nearer are farther in the map: check which distance is whose"
        )
    distances = sorted(point.metres for point in points)
    return Calibration(
        scale,
        float(known.mean() - scale * read.mean()),
        f"{len(points)} points of known distance, {distances[0]:g} to {distances[-1]:g} m",
    )


def fit_range(depth: Depth, near_m: float, far_m: float) -> Calibration:
    """Take the nearest and the farthest pixel's distance as given; an assumption, no measure.

    Args:
        depth: the map.
        near_m: distance of its nearest pixel.
        far_m: of its farthest; may be inf.

    Raises:
        CalibrationError: not 0 < near_m < far_m, or a map without any depth in it.
    """
    if not 0 < near_m < far_m:
        raise CalibrationError(
            f"a range from {near_m:g} to {far_m:g} m: the near end must be over 0, the far end"
            " beyond it"
        )
    values = depth.inverse_depth
    low, high = float(values.min()), float(values.max())
    if low == high:
        raise CalibrationError("the map is the same everywhere: it has no near and far end")
    scale = (1 / near_m - 1 / far_m) / (high - low)
    assumption = f"nearest pixel at {near_m:g} m, farthest at {far_m:g} m"
    return Calibration(scale, 1 / far_m - scale * low, assumption)


def fit_camera_height(
    depth: Depth,
    height_m: float,
    *,
    fov_deg: float = 60.0,
    pitch_deg: float = 0.0,
    floor: NDArray[np.bool_] | None = None,
) -> Calibration:
    """Find a flat floor in the map and scale it by the camera's height over it.

    With X = (x - cx) / fx and Y = (y - cy) / fy, a floor at distance h below a camera has
    1/Z = (nx X + ny Y + nz) / h, where n, of length 1, points down and nz = sin(pitch). The
    map is d = s / Z + t, so floor pixels lie on d = a X + b Y + c. As nx^2 + ny^2 is
    cos(pitch)^2, s = h sqrt(a^2 + b^2) / cos(pitch) and t = c - s sin(pitch) / h.

    Args:
        depth: the map.
        height_m: of the camera over the floor.
        fov_deg: horizontal field of view; the principal point is the picture's middle.
        pitch_deg: how far the camera looks down; a camera that looks up has a negative one.
        floor: (H, W) bool, where to look for floor; by default the lower half. The largest
            plane there that comes nearer towards the bottom is taken (RANSAC, fixed seed).

    Raises:
        CalibrationError: numbers out of range, no floor where it was looked for, or one
            that does not go with the rest of the picture.
    """
    if not 0 < height_m < math.inf:
        raise CalibrationError(f"a camera {height_m:g} m over the floor: give more than 0")
    if not 1 <= fov_deg <= 170:
        raise CalibrationError(f"a field of view of {fov_deg:g} degrees: give 1 to 170")
    if not -80 <= pitch_deg <= 80:
        raise CalibrationError(f"a pitch of {pitch_deg:g} degrees: give -80 to 80")
    values = depth.inverse_depth
    a, b, c = floor_plane(values, fov_deg, floor)
    pitch = math.radians(pitch_deg)
    s = height_m * math.hypot(a, b) / math.cos(pitch)
    t = c - s * math.sin(pitch) / height_m
    beyond = float(np.mean(values < t + _BEYOND * s / height_m))
    if beyond > MAX_BEYOND_SHARE:
        raise CalibrationError(
            f"{beyond:.0%} of the picture would lie beyond infinity: check the pitch, give a mask"
            " of the floor, or known points instead"
        )
    tilt = f"tilted {abs(pitch_deg):g} deg {'down' if pitch_deg > 0 else 'up'}"
    assumption = (
        f"camera {height_m:.2f} m over a flat floor, {fov_deg:g} deg wide,"
        f" {tilt if pitch_deg else 'level'}"
    )
    return Calibration(1 / s, -t / s, assumption)


def _around(depth: DepthMap, point: KnownPoint) -> float:
    depth.at(point.x_px, point.y_px)  # refuses a point outside
    half = WINDOW_PX // 2
    rows = slice(max(0, point.y_px - half), point.y_px + half + 1)
    columns = slice(max(0, point.x_px - half), point.x_px + half + 1)
    return float(np.median(depth.inverse_depth[rows, columns]))


ASSUMED_M: Final = (1.0, 5.0)
"""Nearest and farthest pixel where nothing is known; whatever is assumed, the files tell it."""


@dataclass(frozen=True)
class Distances:
    """Near and far, or known points, or the camera's height; nothing of it is a way too.

    Attributes:
        near_m: distance of the nearest pixel.
        far_m: of the farthest; may be inf.
        known: points of known distance, two or more.
        height_m: of the camera over a flat floor.
        pitch_deg: how far the camera looks down; goes with its height.

    Raises:
        UsageError: ways that exclude each other, or half of a range.
    """

    near_m: float | None = None
    far_m: float | None = None
    known: tuple[KnownPoint, ...] = ()
    height_m: float | None = None
    pitch_deg: float = 0.0

    def __post_init__(self) -> None:
        ranged = self.near_m is not None or self.far_m is not None
        if sum((ranged, bool(self.known), self.height_m is not None)) > 1:
            raise UsageError("give near and far, or known points, or the camera's height: only one")
        if ranged and (self.near_m is None or self.far_m is None):
            raise UsageError("near and far go together: give both")

    def calibrate(self, depth: Depth, fov_deg: float) -> Calibration:
        """Fit them to a map.

        Args:
            depth: the map, of the size that the known points are counted in. Where it is in metres
                already and no distance is given, those metres stay.
            fov_deg: horizontal field of view of the camera.

        Raises:
            CalibrationError: they do not determine metres.
        """
        if self.known:
            return fit_points(depth, self.known)
        if self.height_m is not None:
            return fit_camera_height(
                depth, self.height_m, fov_deg=fov_deg, pitch_deg=self.pitch_deg
            )
        if self.near_m is not None and self.far_m is not None:
            return fit_range(depth, self.near_m, self.far_m)
        if isinstance(depth, MetricDepth):
            return Calibration(1.0, 0.0, depth.assumption)
        found = fit_range(depth, *ASSUMED_M)
        return replace(found, assumption=f"{found.assumption} (assumed)")
