"""Points of a map: their values, the distance of two, and markers on the picture."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import cv2
import numpy as np

from nearfar.calibration import Calibration, KnownPoint, fit_points
from nearfar.depth import MetricDepth
from nearfar.io.images import Image
from nearfar.web.session_store import Result

MOST: Final = 9
"""Maximum number of points: their numbers have one digit."""


@dataclass(frozen=True)
class Visit:
    """Points and distances of one visitor; immutable.

    Attributes:
        key: of the result in `Results`; None before the first photo.
        points: columns and rows in pixels of the photo, in the order of the clicks.
        metres: distances of the first two points, once they are entered.
        photo_id: of the photo of the result; None before the first photo.
    """

    key: str | None = None
    points: tuple[tuple[int, int], ...] = ()
    metres: tuple[float, float] | None = field(default=None)
    photo_id: str | None = None

    def with_point(self, x_px: int, y_px: int) -> "Visit":
        """Return a copy with one more point."""
        return replace(self, points=(*self.points, (x_px, y_px)))

    def without_points(self) -> "Visit":
        """Return a copy without points and distances."""
        return replace(self, points=(), metres=None)


@dataclass(frozen=True)
class Reading:
    """Values of one point.

    Attributes:
        nearness: 0 is the picture's farthest point, 1 its nearest.
        nearer_than_percent: of the picture.
        metres: distance along the view axis; inf where there is no surface; None if unknown.
        is_known: the distance was entered, not read.
    """

    nearness: float
    nearer_than_percent: float
    metres: float | None = None
    is_known: bool = False


def calibration_of(result: Result, visit: Visit) -> Calibration | None:
    """Fit a calibration to the two entered distances, or use the metres of the model.

    Returns:
        The calibration of `result.depth`; None if no metres are known.

    Raises:
        CalibrationError: they do not determine metres.
    """
    if visit.metres is None:
        known = result.assumption
        return None if known is None else Calibration(1.0, 0.0, known)
    pairs = zip(visit.points, visit.metres, strict=False)
    return fit_points(result.depth, [KnownPoint(*point, metres) for point, metres in pairs])


def metric_of(result: Result, visit: Visit) -> MetricDepth | None:
    """Return the map in metres; None if they are not known."""
    calibration = calibration_of(result, visit)
    return None if calibration is None else calibration.apply(result.depth)


def read_points(result: Result, visit: Visit) -> list[Reading]:
    """Read every point.

    Raises:
        PointError: a point is outside the picture.
        CalibrationError: the entered distances do not determine metres.
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
    """Return the distance in space of the last two points; None if unknown.

    The camera is that of EXIF, or one with an assumed field of view.
    """
    metres = [reading.metres for reading in readings[-2:]]
    if len(metres) < 2 or any(each is None or math.isinf(each) for each in metres):
        return None
    columns, rows = np.array(visit.points[-2:]).T
    ends = result.camera().unproject(columns, rows, np.array(metres, np.float32))
    return float(np.linalg.norm(ends[1] - ends[0]))


RADIUS_SHARE: Final = 0.018
"""Radius of a marker, as a fraction of the picture's longer side."""

_FILL: Final = (20, 92, 110)
_WHITE: Final = (255, 255, 255)
_BLACK: Final = (0, 0, 0)


def draw_markers(
    picture: Image,
    points: Sequence[tuple[int, int]],
    *,
    size_px: tuple[int, int],
    joined: bool = False,
) -> Image:
    """Draw numbered markers.

    Args:
        picture: (h, w, 3) uint8 RGB; not modified.
        points: columns and rows, in pixels of a picture of `size_px`; the first is number 1.
        size_px: width and height to which the points refer.
        joined: draw a line between the last two.

    Returns:
        (h, w, 3) uint8 RGB.
    """
    drawn = picture.copy()
    height_px, width_px = picture.shape[:2]
    scale = width_px / size_px[0], height_px / size_px[1]
    places = [(int((x + 0.5) * scale[0]), int((y + 0.5) * scale[1])) for x, y in points]
    radius_px = max(8, round(RADIUS_SHARE * max(height_px, width_px)))
    if joined and len(places) > 1:
        for color, thick in ((_BLACK, radius_px // 3 + 2), (_WHITE, max(2, radius_px // 4))):
            cv2.line(drawn, places[-2], places[-1], color, thick, cv2.LINE_AA)
    for number, place in enumerate(places, start=1):
        cv2.circle(drawn, place, radius_px + 3, _BLACK, -1, cv2.LINE_AA)
        cv2.circle(drawn, place, radius_px + 1, _WHITE, -1, cv2.LINE_AA)
        cv2.circle(drawn, place, radius_px - 1, _FILL, -1, cv2.LINE_AA)
        _write(drawn, str(number), place, radius_px)
    return np.asarray(drawn, np.uint8)


def _write(drawn: Image, text: str, place: tuple[int, int], radius_px: int) -> None:
    font, thick = cv2.FONT_HERSHEY_SIMPLEX, max(1, radius_px // 7)
    size = radius_px / 17
    (width_px, height_px), _ = cv2.getTextSize(text, font, size, thick)
    corner = place[0] - width_px // 2, place[1] + height_px // 2
    cv2.putText(drawn, text, corner, font, size, _WHITE, thick, cv2.LINE_AA)
