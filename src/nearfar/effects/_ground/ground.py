"""Fit the ground plane of a relative depth map, and find what stands on it."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from nearfar.errors import CalibrationError
from nearfar.imaging.color import FloatMap
from nearfar.imaging.ground_plane import floor_plane
from nearfar.imaging.resize import fitting, smaller

WORK_PX: Final = 320
"""Longer side of the map in pixels, after resizing: obstacles are larger than a pixel."""

_TOLERANCE: Final = 0.04  # of the map's spread: a network's floor is bent a little
_BUMP: Final = 0.1  # heights of the camera: what a floor may rise or sink
_CERTAIN: Final = 1.5  # tolerances above the value at infinity: beyond, all looks like floor
_MAX_PITCH_DEG: Final = 80.0
_LEAST_FLOOR: Final = 0.03  # of the picture: less is too little to fit a plane to
_HORIZON: Final = 0.45  # of the height: floor is looked for below
_INCLINE: Final = 0.25  # of the map's spread: so much nearer would a floor come over the height
_STEPS: Final = 16.0  # times that: steeper is the edge of a thing


@dataclass(frozen=True, eq=False)
class Ground:
    """A plane in a relative map, and the camera above it; lengths in heights of the camera.

    With X and Y the slopes of a pixel's ray, the map is a X + b Y + c on the plane, and
    (map - beyond) * scale is the height of the camera divided by the distance Z along its axis.

    Attributes:
        inverse_depth: (h, w) float32, the map, made smaller.
        plane: a, b, c.
        focal_px: focal length in pixels of the small map.
        pitch_rad: how far the camera looks down.
        beyond: value of the map at an infinite distance.
        tolerance: how far the far floor may lie off the plane.
    """

    inverse_depth: FloatMap
    plane: tuple[float, float, float]
    focal_px: float
    pitch_rad: float
    beyond: float
    tolerance: float

    @property
    def scale(self) -> float:
        """Factor that converts the map, less its value at infinity, to camera heights / Z."""
        return math.cos(self.pitch_rad) / math.hypot(self.plane[0], self.plane[1])

    @cached_property
    def axes(self) -> NDArray[np.float64]:
        """(3, 3): down, right and forward of the ground, in x, y, z of the camera."""
        a, b, _ = self.plane
        across = math.cos(self.pitch_rad) / math.hypot(a, b)
        down = np.array([a * across, b * across, math.sin(self.pitch_rad)])
        forward = np.array([0.0, 0.0, 1.0]) - down[2] * down
        forward /= np.linalg.norm(forward)
        return np.stack((down, np.cross(down, forward), forward))

    @cached_property
    def rays(self) -> tuple[FloatMap, FloatMap]:
        """X, (1, w), and Y, (h, 1)."""
        height, width = self.inverse_depth.shape
        x = (np.arange(width, dtype=np.float32) + 0.5 - width / 2) / self.focal_px
        y = (np.arange(height, dtype=np.float32) + 0.5 - height / 2) / self.focal_px
        return x[None].astype(np.float32), y[:, None].astype(np.float32)

    @cached_property
    def level(self) -> FloatMap:
        """(h, w): value of the plane at each pixel."""
        (a, b, c), (x, y) = self.plane, self.rays
        return np.asarray(a * x + b * y + c, np.float32)

    @cached_property
    def certain(self) -> NDArray[np.bool_]:
        """(h, w): where the floor is near enough to be distinguished from what stands on it."""
        near = self.level - np.float32(self.beyond) > _CERTAIN * self.tolerance
        return np.asarray(near, np.bool_)

    @cached_property
    def allowed(self) -> FloatMap:
        """(h, w): largest distance of floor from the plane, in units of the map."""
        bump = np.float32(_BUMP) * (self.level - np.float32(self.beyond))
        return np.asarray(np.maximum(bump, np.float32(self.tolerance)), np.float32)

    @cached_property
    def mask(self) -> NDArray[np.bool_]:
        """(h, w): visible floor."""
        close = np.abs(self.inverse_depth - self.level) <= self.allowed
        return np.asarray(cv2.medianBlur((close & self.certain).astype(np.uint8), 3) > 0)

    @cached_property
    def above(self) -> NDArray[np.bool_]:
        """(h, w): obstacles: what is nearer than the floor behind it."""
        return np.asarray(self.inverse_depth - self.level > self.allowed, np.bool_)

    def points(self, inverse_depth: FloatMap) -> tuple[FloatMap, FloatMap, FloatMap]:
        """Return the height over the ground, and the places to the right and ahead.

        Args:
            inverse_depth: (h, w), the map itself or `level`, over `beyond`.

        Returns:
            three of (h, w), in heights of the camera.
        """
        z = 1 / (np.maximum(inverse_depth - self.beyond, 1e-9) * self.scale)
        x, y = self.rays
        down, right, ahead = (z * (axis[0] * x + axis[1] * y + axis[2]) for axis in self.axes)
        return 1 - down, right, ahead


def find_ground(
    inverse_depth: FloatMap, fov_deg: float, pitch_deg: float | None = None
) -> Ground | None:
    """Fit the ground plane of a relative map.

    Args:
        inverse_depth: (H, W) float32, relative.
        fov_deg: horizontal field of view.
        pitch_deg: how far the camera looks down. None takes the least tilt for which nothing
            in the picture lies beyond infinity: 0 where a level camera is possible.

    Returns:
        None where there is no flat floor.
    """
    small = smaller(inverse_depth, fitting(inverse_depth.shape, WORK_PX))
    low, high = (float(each) for each in np.percentile(small, (2, 98)))
    plane = _plane(small, fov_deg, high - low)
    if plane is None:
        return None
    a, b, c = plane
    slope = math.hypot(a, b)
    pitch = math.atan(max(0.0, c - low) / slope)
    if pitch_deg is not None:
        pitch = math.radians(pitch_deg)
    pitch = min(pitch, math.radians(_MAX_PITCH_DEG))
    focal_px = small.shape[1] / 2 / math.tan(math.radians(fov_deg) / 2)
    beyond = c - slope * math.tan(pitch)
    return Ground(small, (a, b, c), focal_px, pitch, beyond, _TOLERANCE * (high - low))


def _plane(small: FloatMap, fov_deg: float, spread: float) -> tuple[float, float, float] | None:
    """Fit the floor's plane: in the lower half, or else in what is inclined there like a floor."""
    for mask in (None, _inclined(small, spread)):
        if mask is not None and mask.mean() < _LEAST_FLOOR:
            continue
        try:
            return floor_plane(small, fov_deg, mask)
        except CalibrationError:
            continue
    return None


def _inclined(small: FloatMap, spread: float) -> NDArray[np.bool_]:
    """Find what comes nearer downwards, and more so than sideways; walls and furniture do not."""
    smooth = cv2.GaussianBlur(small, (0, 0), 1.5).reshape(small.shape)
    down, across = (
        np.gradient(smooth, axis=axis) if smooth.shape[axis] > 1 else 0 * smooth for axis in (0, 1)
    )
    steep = _INCLINE * spread / len(small)
    mask = (down > steep) & (np.abs(across) < down) & (down < _STEPS * steep)
    mask[: round(_HORIZON * len(small))] = False
    return np.asarray(mask, np.bool_)


Missing = Literal["flat", "upside_down", "hidden"]
"""Reason why no floor was found."""


def what_is_missing(inverse_depth: FloatMap) -> Missing:
    """Return why no floor was found.

    Args:
        inverse_depth: (H, W) float32, relative.

    Returns:
        `flat` where all is equally far, `upside_down` where the upper part is nearer than the
        lower one, and else `hidden`: too little floor is in the picture.
    """
    low, high = np.percentile(inverse_depth, (2, 98))
    if high <= low:
        return "flat"
    quarter = -(-len(inverse_depth) // 4)
    upper, lower = inverse_depth[:quarter], inverse_depth[-quarter:]
    return "upside_down" if np.median(upper) > np.median(lower) + 0.25 * (high - low) else "hidden"
