"""Points of a map: how near each is, and how far two are apart."""

import math
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from nearfar.calibration import Calibration, KnownPoint, fit_points
from nearfar.depth import MetricDepth
from nearfar.web.results import Result

MOST: Final = 9
"""Points at a time: their numbers have one digit."""


@dataclass(frozen=True)
class Visit:
    """What one visitor has done so far; a new one is made at every step.

    Attributes:
        key: of the result in `Results`; None before the first photo.
        points: columns and rows in pixels of the photo, in the order of the clicks.
        metres: distances of the first two points, once they are given.
    """

    key: str | None = None
    points: tuple[tuple[int, int], ...] = ()
    metres: tuple[float, float] | None = field(default=None)

    def with_point(self, x_px: int, y_px: int) -> "Visit":
        """Add a point."""
        return replace(self, points=(*self.points, (x_px, y_px)))

    def without_points(self) -> "Visit":
        """Forget points and distances."""
        return replace(self, points=(), metres=None)


@dataclass(frozen=True)
class Reading:
    """What is known of one point.

    Attributes:
        nearness: 0 is the picture's farthest point, 1 its nearest.
        nearer_than_percent: of the picture.
        metres: distance along the view axis; inf where there is no surface; None when unknown.
        is_known: the distance was given, not read.
    """

    nearness: float
    nearer_than_percent: float
    metres: float | None = None
    is_known: bool = False


def calibration_of(result: Result, visit: Visit) -> Calibration | None:
    """Fit metres to the two distances that were given; None when none were.

    Raises:
        CalibrationError: they determine nothing.
    """
    if visit.metres is None:
        return None
    pairs = zip(visit.points, visit.metres, strict=False)
    return fit_points(result.depth, [KnownPoint(*point, metres) for point, metres in pairs])


def metric_of(result: Result, visit: Visit) -> MetricDepth | None:
    """Give the map in metres; None when no distances were given."""
    calibration = calibration_of(result, visit)
    return None if calibration is None else calibration.apply(result.depth)


def read_points(result: Result, visit: Visit) -> list[Reading]:
    """Read every point.

    Raises:
        PointError: a point is outside the picture.
        CalibrationError: the distances given determine no metres.
    """
    low = float(result.depth.inverse_depth.min())
    span = float(result.depth.inverse_depth.max()) - low
    metric = metric_of(result, visit)
    readings = []
    for index, (x_px, y_px) in enumerate(visit.points):
        value = result.depth.at(x_px, y_px)
        is_known = visit.metres is not None and index < 2
        metres = None if metric is None else metric.at(x_px, y_px)
        if is_known and visit.metres is not None:
            metres = visit.metres[index]
        readings.append(
            Reading(
                (value - low) / span if span else 0.0,
                result.depth.percentile(x_px, y_px),
                metres,
                is_known,
            )
        )
    return readings


def distance_m(result: Result, visit: Visit, readings: list[Reading]) -> float | None:
    """Measure between the last two points, in space; None when that can't be known.

    The camera is the one EXIF tells of, or one of an assumed field of view.
    """
    metres = [reading.metres for reading in readings[-2:]]
    if len(metres) < 2 or any(each is None or math.isinf(each) for each in metres):
        return None
    columns, rows = np.array(visit.points[-2:]).T
    ends = result.camera().unproject(columns, rows, np.array(metres, np.float32))
    return float(np.linalg.norm(ends[1] - ends[0]))
