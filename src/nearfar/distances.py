"""What is known, or assumed, about distances: one of three ways to metres."""

from dataclasses import dataclass, replace
from typing import Final

from nearfar.calibration import (
    Calibration,
    KnownPoint,
    fit_camera_height,
    fit_points,
    fit_range,
)
from nearfar.depth import DepthMap
from nearfar.errors import UsageError

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

    def calibrate(self, depth: DepthMap, fov_deg: float) -> Calibration:
        """Fit them to a map.

        Args:
            depth: the map, of the size that the known points are counted in.
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
        found = fit_range(depth, *ASSUMED_M)
        return replace(found, assumption=f"{found.assumption} (assumed)")
