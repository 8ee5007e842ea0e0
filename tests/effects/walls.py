"""Synthetic scenes with known depth."""

import numpy as np
from numpy.typing import NDArray

from nearfar.depth import DepthMap
from nearfar.io.images import Image

FAR, NEAR = 1.0, 5.0
GREEN, RED = (30, 160, 60), (200, 40, 30)


def two_planes(
    height_px: int = 120, width_px: int = 160, edge_px: int = 70
) -> tuple[Image, DepthMap]:
    """A red wall in front on the left of `edge_px`, a green one behind on the right."""
    photo = np.empty((height_px, width_px, 3), np.uint8)
    photo[:, :edge_px], photo[:, edge_px:] = RED, GREEN
    depth = np.full((height_px, width_px), FAR, np.float32)
    depth[:, :edge_px] = NEAR
    return photo, DepthMap(depth)


def flat(photo: Image, value: float = 2.0) -> DepthMap:
    """All at one depth."""
    return DepthMap(np.full(photo.shape[:2], value, np.float32))


def noise(height_px: int, width_px: int, seed: int = 0) -> Image:
    """A photo that is nothing but texture."""
    return np.random.default_rng(seed).integers(0, 256, (height_px, width_px, 3), np.uint8)


def any_depth(height_px: int, width_px: int, seed: int, span: float) -> DepthMap:
    """A map of smooth hills between 0 and `span`."""
    rows, columns = np.mgrid[:height_px, :width_px].astype(np.float32)
    waves = np.sin(rows / 7 + seed) + np.cos(columns / 11 - seed)
    return DepthMap((span * (waves + 2) / 4).astype(np.float32))


def light_of(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Linear light by the formula of IEC 61966-2-1."""
    code = pixels / 255
    return np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)
