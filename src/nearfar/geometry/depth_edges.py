"""Find depth edges: discontinuities between surfaces.

A plane has affine inverse depth in the image, so its slope in inverse depth is constant, however
grazing the view. A depth edge, sharp or blurred over some pixels by a network, is a narrow ridge
of that slope. A link between neighboring pixels is therefore cut where the surface would be seen
at a very grazing angle and its slope is much larger than in the surroundings. This keeps the far
end of a floor, but cuts the ramp between a head and the wall behind it.
"""

import math
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from nearfar.camera import Camera

MIN_RIDGE: Final = 2.0
"""A link is cut only if its slope is this many times that of its surroundings."""

_SURROUNDINGS_PX: Final = 40
"""Longer side of the map of surroundings, with windows of 5 x 5. A ridge is therefore narrow if it
covers less than a twentieth of the image."""


@dataclass(frozen=True, eq=False)
class Tears:
    """Cut links between neighbors of a grid.

    Attributes:
        across: (h, w - 1) bool, from each pixel to its right neighbor.
        down: (h - 1, w) bool, from each pixel to its lower neighbor.
        flying: (h, w) bool, pixels between two surfaces: cut on both sides, with monotonic
            depth.
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
    """Find the cut links of a depth map, or of a grid of its pixels.

    Args:
        metres: (h, w) float32, above 0; every link to inf is cut.
        camera: of the whole map.
        max_slope_deg: angle between the surface and the image plane, above which a link may be an
            edge.
        columns: (w,) columns of the grid in the map; None for all.
        rows: (h,) likewise.
    """
    height_px, width_px = metres.shape
    with np.errstate(over="ignore"):
        inverse = np.minimum(1 / metres, np.float32(1e30))
    limit = math.tan(math.radians(max_slope_deg))
    gap_x = np.diff(np.arange(width_px) if columns is None else columns)[None, :]
    gap_y = np.diff(np.arange(height_px) if rows is None else rows)[:, None]
    across, rising_x = _cut_links(inverse, 1, camera.fx_px / limit, gap_x)
    down, rising_y = _cut_links(inverse, 0, camera.fy_px / limit, gap_y)
    flying = np.zeros(metres.shape, bool)
    flying[:, 1:-1] = across[:, 1:] & across[:, :-1] & (rising_x[:, 1:] == rising_x[:, :-1])
    flying[1:-1] |= down[1:] & down[:-1] & (rising_y[1:] == rising_y[:-1])
    return Tears(across, down, flying)


def large_patches(surface: NDArray[np.bool_], tears: Tears, min_points: int) -> NDArray[np.bool_]:
    """Keep large connected patches; small ones are artifacts at edges.

    Args:
        surface: (h, w) bool, points to consider.
        tears: cut links between them.
        min_points: smallest size of a patch in points; a twentieth of all points is always enough.

    Returns:
        (h, w) bool.
    """
    height, width = surface.shape
    # points at even positions, links between them: connected pixels are connected patches
    linked = np.zeros((2 * height - 1, 2 * width - 1), np.uint8)
    linked[::2, ::2] = surface
    linked[::2, 1::2] = surface[:, :-1] & surface[:, 1:] & ~tears.across
    linked[1::2, ::2] = surface[:-1] & surface[1:] & ~tears.down
    _, labels = cv2.connectedComponents(linked, connectivity=4)
    patch = labels[::2, ::2]
    sizes = np.bincount(patch.ravel())
    sizes[0] = 0
    kept: NDArray[np.bool_] = (sizes >= max(1, min(min_points, surface.size // 20)))[patch]
    return kept


def _cut_links(
    inverse: NDArray[np.float32], axis: int, focal_px: float, gap_px: NDArray[np.intp]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return the cut links along an axis, and those along which the depth decreases."""
    before = inverse[:, :-1] if axis else inverse[:-1]
    after = inverse[:, 1:] if axis else inverse[1:]
    change = after - before
    rising = change > 0
    slope = np.abs(change, out=change)
    if (gap_px != 1).any():
        slope /= gap_px.astype(np.float32)
    # depth changes by change / inverse**2 over a distance of gap / (focal * inverse)
    steep = slope * np.float32(2 * focal_px) > before + after
    if steep.any():
        steep &= slope > MIN_RIDGE * _surroundings(slope)
    steep |= (before == 0) | (after == 0)
    return steep, rising


def _surroundings(slope: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the typical slope around each link, without narrow ridges.

    It is the largest median of all windows that contain the link: beside a box, the median of a
    window that contains only floor.
    """
    height_px, width_px = slope.shape
    scale = min(1.0, _SURROUNDINGS_PX / max(height_px, width_px))
    small_px = max(1, round(width_px * scale)), max(1, round(height_px * scale))
    if min(small_px) < 5:
        return np.zeros_like(slope)  # too few pixels to distinguish an edge from a plane
    small = cv2.resize(slope, small_px, interpolation=cv2.INTER_AREA) if scale < 1 else slope
    # reflection without the last pixel keeps an edge along the border narrow
    framed = cv2.copyMakeBorder(small, 2, 2, 2, 2, cv2.BORDER_REFLECT_101)
    typical = cv2.dilate(cv2.medianBlur(framed, 5), np.ones((5, 5), np.uint8))[2:-2, 2:-2]
    if scale < 1:
        typical = cv2.resize(typical, (width_px, height_px), interpolation=cv2.INTER_LINEAR)
    return np.asarray(typical, np.float32)
