"""Where a surface ends: between neighbours that belong to different things.

A plane has affine inverse depth over the picture, so its slope in inverse depth is the same
everywhere, however grazing it is seen. A depth edge, sharp or smeared over some pixels by a
network, is a narrow ridge of that slope. So a link between neighbours is torn where the
surface would be seen at a very grazing angle and slopes much more than what surrounds it: the
far end of a floor is kept, the ramp between a head and the wall behind it is not.
"""

import math
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from nearfar.camera import Camera

RIDGE: Final = 2.0
"""A link is torn only if it slopes this many times as much as its surroundings."""

_SURROUNDINGS_PX: Final = 40
"""Longer side of the map that surroundings are taken from, in windows of 5 x 5: so a ridge is
narrow when it takes less than a twentieth of the picture."""


@dataclass(frozen=True, eq=False)
class Tears:
    """Which links between neighbours of a grid are torn.

    Attributes:
        across: (h, w - 1) bool, each pixel to its right neighbour.
        down: (h - 1, w) bool, each pixel to its lower neighbour.
        flying: (h, w) bool, pixels on the way from one surface to another: torn on both
            sides, with the depth running on in one direction.
    """

    across: NDArray[np.bool_]
    down: NDArray[np.bool_]
    flying: NDArray[np.bool_]


def find_tears(
    metres: NDArray[np.float32],
    camera: Camera,
    max_slope_deg: float,
    *,
    columns: NDArray[np.intp] | None = None,
    rows: NDArray[np.intp] | None = None,
) -> Tears:
    """Find the torn links of a depth map, or of a grid of its pixels.

    Args:
        metres: (h, w) float32, over 0; every link to inf is torn.
        camera: of the whole map.
        max_slope_deg: between the surface and a plane that faces the camera; what is steeper
            may be an edge.
        columns: (w,) of the map, where the grid leaves some out.
        rows: (h,) likewise.
    """
    height_px, width_px = metres.shape
    with np.errstate(over="ignore"):
        inverse = np.minimum(1 / metres, np.float32(1e30))
    limit = math.tan(math.radians(max_slope_deg))
    gap_x = np.diff(np.arange(width_px) if columns is None else columns)[None, :]
    gap_y = np.diff(np.arange(height_px) if rows is None else rows)[:, None]
    across, rising_x = _torn(inverse, 1, camera.fx_px / limit, gap_x)
    down, rising_y = _torn(inverse, 0, camera.fy_px / limit, gap_y)
    flying = np.zeros(metres.shape, bool)
    flying[:, 1:-1] = across[:, 1:] & across[:, :-1] & (rising_x[:, 1:] == rising_x[:, :-1])
    flying[1:-1] |= down[1:] & down[:-1] & (rising_y[1:] == rising_y[:-1])
    return Tears(across, down, flying)


def large_patches(there: NDArray[np.bool_], tears: Tears, least: int) -> NDArray[np.bool_]:
    """Keep what hangs together in large patches; small ones are debris of edges.

    Args:
        there: (h, w) bool, points that count.
        tears: which links between them are torn.
        least: points of a patch, at the least; a twentieth of all is enough in any case.

    Returns:
        (h, w) bool.
    """
    height, width = there.shape
    # points at even places, links between: what touches in this picture hangs together
    woven = np.zeros((2 * height - 1, 2 * width - 1), np.uint8)
    woven[::2, ::2] = there
    woven[::2, 1::2] = there[:, :-1] & there[:, 1:] & ~tears.across
    woven[1::2, ::2] = there[:-1] & there[1:] & ~tears.down
    _, labels = cv2.connectedComponents(woven, connectivity=4)
    patch = labels[::2, ::2]
    sizes = np.bincount(patch.ravel())
    sizes[0] = 0
    kept: NDArray[np.bool_] = (sizes >= max(1, min(least, there.size // 20)))[patch]
    return kept


def _torn(
    inverse: NDArray[np.float32], axis: int, focal_px: float, gap_px: NDArray[np.intp]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Give the torn links along an axis, and those along which it comes nearer."""
    before = inverse[:, :-1] if axis else inverse[:-1]
    after = inverse[:, 1:] if axis else inverse[1:]
    change = after - before
    rising = change > 0
    slope = np.abs(change, out=change)
    if (gap_px != 1).any():
        slope /= gap_px.astype(np.float32)
    # depth changes by change / inverse**2 over a width of gap / (focal * inverse)
    steep = slope * np.float32(2 * focal_px) > before + after
    if steep.any():
        steep &= slope > RIDGE * _surroundings(slope)
    steep |= (before == 0) | (after == 0)
    return steep, rising


def _surroundings(slope: NDArray[np.float32]) -> NDArray[np.float32]:
    """Say how much the neighbourhood of each link slopes, narrow ridges left out.

    It is the largest median of all windows that hold the link: beside a box, that of a window
    which lies on the floor alone.
    """
    height_px, width_px = slope.shape
    scale = min(1.0, _SURROUNDINGS_PX / max(height_px, width_px))
    small_px = max(1, round(width_px * scale)), max(1, round(height_px * scale))
    if min(small_px) < 5:
        return np.zeros_like(slope)  # too few pixels to tell an edge from a plane
    small = cv2.resize(slope, small_px, interpolation=cv2.INTER_AREA) if scale < 1 else slope
    # mirrored without its last pixel, an edge along the rim stays narrow
    framed = cv2.copyMakeBorder(small, 2, 2, 2, 2, cv2.BORDER_REFLECT_101)
    usual = cv2.dilate(cv2.medianBlur(framed, 5), np.ones((5, 5), np.uint8))[2:-2, 2:-2]
    if scale < 1:
        usual = cv2.resize(usual, (width_px, height_px), interpolation=cv2.INTER_LINEAR)
    return np.asarray(usual, np.float32)
