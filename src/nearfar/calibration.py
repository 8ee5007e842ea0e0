"""Convert relative depth to metres with known or assumed distances.

Relative depth d is affine in inverse distance, 1/metres = scale * d + shift, with both
unknown (Ranftl et al., TPAMI 2022, section 5). Each `fit_*` function estimates the two;
`Calibration.apply` uses them, on the same map or on later frames of the same camera.
`DistanceOptions` declares the choices for the command line, HTTP and the page.
For the map of a metric network, d = 1/metres, which can be calibrated again.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from nearfar.config import Options, option
from nearfar.depth import Depth, DepthMap, MetricDepth
from nearfar.errors import CalibrationError, UsageError
from nearfar.imaging.ground_plane import floor_plane

WINDOW_PX: Final = 5
"""A known point's depth is the median of a square this wide: single pixels are noisy."""

LEAST_M: Final = 1e-6
"""Smallest distance: single precision can't hold the inverse of much smaller ones."""

MAX_BEYOND_SHARE: Final = 0.2
"""Maximum share of the picture beyond infinity; above it, the plane is not a floor."""

_BEYOND: Final = -0.05  # in units of 1 / camera height: more than noise


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
    """Conversion to metres: 1/metres = scale * inverse_depth + shift.

    Attributes:
        scale: over 0, in 1/metres per unit of the map.
        shift: in 1/metres.
        assumption: a sentence about what was known or assumed.

    Raises:
        CalibrationError: the scale is not over 0, or a number is not finite.
    """

    scale: float
    shift: float
    assumption: str = ""

    def __post_init__(self) -> None:
        if not (0 < self.scale < math.inf and math.isfinite(self.shift)):
            raise CalibrationError(
                f"scale {self.scale:g} and shift {self.shift:g} swap near and far:"
                " the scale must be over 0"
            )

    def apply(self, depth: Depth) -> MetricDepth:
        """Convert a map to metres; where 1/metres is not over 0 there is no surface (inf).

        Raises:
            CalibrationError: a pixel would be nearer than `LEAST_M`.
        """
        inverse = depth.inverse_depth * np.float64(self.scale)
        inverse += self.shift
        metres = np.full(inverse.shape, np.inf, np.float32)
        with np.errstate(over="ignore"):
            np.divide(1, inverse, out=metres, where=inverse > 0, casting="same_kind")
        if metres.min() < LEAST_M:
            raise CalibrationError(
                f"a pixel would be nearer than {LEAST_M:g} m: give larger distances"
            )
        return MetricDepth(metres, depth.model, self.assumption)


def fit_points(depth: Depth, points: Sequence[KnownPoint]) -> Calibration:
    """Fit scale and shift to points of known distance.

    Least squares in inverse distance, every point of equal weight, so near points count
    more than far ones for an equal error in metres.

    Args:
        depth: the map in which the points are.
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
            "all points have the same depth in the map: choose a near one and a far one"
        )
    if np.ptp(known) <= 1e-6 * known.max():
        raise CalibrationError("all points have the same distance: choose a near one and a far one")
    centred = read - read.mean()
    scale = float(centred @ known / (centred @ centred))
    if scale <= 0:
        raise CalibrationError(
            "the points given as nearer are farther in the map: check their distances"
        )
    distances = sorted(point.metres for point in points)
    return Calibration(
        scale,
        float(known.mean() - scale * read.mean()),
        f"{len(points)} points of known distance, {distances[0]:g} to {distances[-1]:g} m",
    )


def fit_range(depth: Depth, near_m: float, far_m: float) -> Calibration:
    """Fit scale and shift to assumed distances of the nearest and the farthest pixel.

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
        floor: (H, W) bool, where to look for floor; by default the lower half. The largest plane
            there that is nearer towards the bottom is used (RANSAC, fixed seed).

    Raises:
        CalibrationError: numbers out of range, no floor in the searched area, or one
            that contradicts the rest of the picture.
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
"""Distances of the nearest and the farthest pixel where none is given."""


@dataclass(frozen=True)
class DistanceOptions(Options):
    """Options of the conversion to metres, and the camera's field of view.

    Near and far, known points, and the camera's height exclude each other; without any of them
    `ASSUMED_M` is assumed.

    Raises:
        UsageError: options that exclude each other, half of a range, or a value out of range.
    """

    near_m: float | None = option(
        "Distance of the nearest pixel, in metres; an assumption.", None, gt=0
    )
    far_m: float | None = option(
        "Distance of the farthest pixel, in metres, or inf; an assumption.",
        None,
        gt=0,
        infinite=True,
    )
    known: tuple[KnownPoint, ...] = option(
        "Points of known distance, two or more; instead of near and far.", ()
    )
    camera_height_m: float | None = option(
        "Height of the camera over a flat floor, in metres; instead of the others.",
        None,
        gt=0,
        le=1000,
    )
    pitch_deg: float = option(
        "Downward tilt of the camera in degrees; only with its height.", 0.0, ge=-80, le=80
    )
    fov_deg: float | None = option(
        "Horizontal field of view in degrees; default: from EXIF, or else 60.", None, ge=1, le=170
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        ranged = self.near_m is not None or self.far_m is not None
        if sum((ranged, bool(self.known), self.camera_height_m is not None)) > 1:
            raise UsageError("give near and far, or known points, or the camera's height: only one")
        if ranged and (self.near_m is None or self.far_m is None):
            raise UsageError("near and far go together: give both")

    def calibrate(self, depth: Depth, fov_deg: float) -> Calibration:
        """Fit a calibration to a map.

        Args:
            depth: the map, of the size to whose pixels the known points refer. If it is in
                metres already and no distance is given, those metres are kept.
            fov_deg: horizontal field of view of the camera: the option's, or that of EXIF.

        Raises:
            PointError: a known point is outside the map.
            CalibrationError: the options do not determine metres.
        """
        if self.known:
            return fit_points(depth, self.known)
        if self.camera_height_m is not None:
            return fit_camera_height(
                depth, self.camera_height_m, fov_deg=fov_deg, pitch_deg=self.pitch_deg
            )
        if self.near_m is not None and self.far_m is not None:
            return fit_range(depth, self.near_m, self.far_m)
        if isinstance(depth, MetricDepth):
            return Calibration(1.0, 0.0, depth.assumption)
        found = fit_range(depth, *ASSUMED_M)
        return replace(found, assumption=f"{found.assumption} (assumed)")
