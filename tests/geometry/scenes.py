"""Scenes whose geometry is known: rendered by their formulas, not by the code under test."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nearfar.depth import MetricDepth
from nearfar.geometry import Camera
from nearfar.io.images import Image

CAMERA = Camera(300.0, 300.0, 159.5, 119.5, 320, 240)


@dataclass(frozen=True)
class Motorcycle:
    """The form of Middlebury 2014's calib.txt; the values are of the size of its motorcycle's."""

    f_px: float = 994.978
    cx_px: float = 311.193
    cy_px: float = 254.877
    doffs_px: float = 32.778
    baseline_mm: float = 193.001
    width_px: int = 741
    height_px: int = 497

    def metres(self, disparity_px: NDArray[np.float64]) -> NDArray[np.float32]:
        """Z = baseline f / (d + doffs), as the data set's page says; infinity is unknown."""
        millimetres = self.baseline_mm * self.f_px / (disparity_px + self.doffs_px)
        return np.where(np.isfinite(disparity_px), millimetres / 1000, np.inf).astype(np.float32)


def rays(camera: Camera = CAMERA) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """X / Z of every column and Y / Z of every row, as (H, W)."""
    y, x = np.mgrid[: camera.height_px, : camera.width_px].astype(float)
    return (x - camera.cx_px) / camera.fx_px, (y - camera.cy_px) / camera.fy_px


def wall(metres: float, camera: Camera = CAMERA) -> MetricDepth:
    """A wall seen straight on."""
    return MetricDepth(np.full((camera.height_px, camera.width_px), metres, np.float32))


def plane(normal: tuple[float, float, float], distance: float) -> MetricDepth:
    """The plane normal . P = distance; no surface where it is behind the camera."""
    x, y = rays()
    along = normal[0] * x + normal[1] * y + normal[2]
    with np.errstate(divide="ignore"):
        return MetricDepth(np.where(along > 0, distance / along, np.inf).astype(np.float32))


def floor(height_m: float = 1.5) -> MetricDepth:
    """A level floor below a level camera, to the horizon."""
    return plane((0, 1, 0), height_m)


def box_before_wall(near_m: float = 2.0, far_m: float = 4.0, ramp_px: int = 0) -> MetricDepth:
    """A square before a wall; `ramp_px` smears the edge as networks do."""
    height_px, width_px = CAMERA.height_px, CAMERA.width_px
    y, x = np.mgrid[:height_px, :width_px]
    outside = np.maximum(abs(x - width_px // 2), abs(y - height_px // 2)) - 50
    share = np.clip(outside / max(ramp_px, 1), 0, 1) if ramp_px else (outside > 0).astype(float)
    return MetricDepth((1 / (1 / near_m + share * (1 / far_m - 1 / near_m))).astype(np.float32))


def photo(camera: Camera = CAMERA) -> Image:
    """Quadrants: red, green / blue, white."""
    picture = np.zeros((camera.height_px, camera.width_px, 3), np.uint8)
    half_y, half_x = camera.height_px // 2, camera.width_px // 2
    picture[:half_y, :half_x] = (255, 0, 0)
    picture[:half_y, half_x:] = (0, 255, 0)
    picture[half_y:, :half_x] = (0, 0, 255)
    picture[half_y:, half_x:] = (255, 255, 255)
    return picture
