"""How points and distances are written on the command line."""

import re

from nearfar.errors import UsageError

_NUMBER = r"\d+(?:\.\d+)?|\.\d+"
_DISTANCE = re.compile(rf"({_NUMBER}|inf)(mm|cm|m|km)?")
_POINT = re.compile(rf"(\d+),(\d+)(?:=((?:{_NUMBER})(?:mm|cm|m|km)?))?")
_METRES = {"mm": 0.001, "cm": 0.01, "m": 1.0, "km": 1000.0}


def parse_distance(text: str) -> float:
    """Read 1.5, 1.5m, 150cm, 2km or inf, as metres.

    Raises:
        UsageError: it is none of these.
    """
    match = _DISTANCE.fullmatch(text)
    if match is None:
        raise UsageError(f"{text}: a distance is 1.5m, 150cm, 2km or inf")
    return float(match[1]) * _METRES[match[2] or "m"]


def parse_point(text: str) -> tuple[int, int, float | None]:
    """Read X,Y or X,Y=1.5m: column, row, and metres if they are given.

    Raises:
        UsageError: it is neither.
    """
    match = _POINT.fullmatch(text)
    if match is None:
        raise UsageError(f"{text}: a point is X,Y or X,Y=1.5m, in whole pixels")
    x_px, y_px, distance = match.groups()
    return int(x_px), int(y_px), None if distance is None else parse_distance(distance)
