"""Surface normals from depth."""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from nearfar.camera import Camera
from nearfar.depth import MetricDepth
from nearfar.errors import GeometryError
from nearfar.geometry.depth_edges import Tears, find_tears
from nearfar.geometry.options import CloudOptions
from nearfar.io.images import Image

SMOOTH_SHARE: Final = 1 / 200
"""Default smoothing of slopes, relative to the longer side: a network's depth is rough from pixel
to pixel, and more so after guided upsampling."""


def find_normals(
    depth: MetricDepth,
    camera: Camera,
    *,
    max_slope_deg: float = CloudOptions.max_slope_deg,
    smooth_px: float | None = None,
) -> NDArray[np.float32]:
    """Compute the unit normals of a depth map, exact for planes.

    A plane n . P = d through P = (X, Y, 1) / q has q = (nx X + ny Y + nz) / d, so the slopes
    of inverse depth q give n = (qx, qy, q - X qx - Y qy) up to its length. Slopes are computed on
    a pixel's side of depth edges only, and then smoothed, which does not change planes.

    Args:
        depth: in metres.
        camera: of the map's size.
        max_slope_deg: see `nearfar.geometry.depth_edges.find_tears`.
        smooth_px: standard deviation of the smoothing; 0 for none; a 200th of the longer side if
            None.

    Returns:
        (H, W, 3) float32 unit vectors towards the camera, x right, y down, z forward; zeros
        where there is no surface.

    Raises:
        GeometryError: the camera has another size.
    """
    check_sizes(depth, camera)
    tears = find_tears(depth.metres, camera, max_slope_deg)
    return normals_within(depth, camera, tears, smooth_px=smooth_px)


def normals_within(
    depth: MetricDepth, camera: Camera, tears: Tears, *, smooth_px: float | None = None
) -> NDArray[np.float32]:
    """Compute normals as `find_normals` does, with known depth edges."""
    if smooth_px is None:
        smooth_px = max(depth.size_px) * SMOOTH_SHARE
    with np.errstate(over="ignore"):
        inverse = np.minimum(1 / depth.metres, np.float32(1e30))
    surface = inverse > 0
    slope_x = _smooth(_slope(inverse, tears.across, 1), surface, smooth_px)
    slope_y = _smooth(_slope(inverse, tears.down, 0), surface, smooth_px)
    slope_x *= np.float32(camera.fx_px)
    slope_y *= np.float32(camera.fy_px)
    x = ((np.arange(camera.width_px) - camera.cx_px) / camera.fx_px).astype(np.float32)
    y = ((np.arange(camera.height_px) - camera.cy_px) / camera.fy_px).astype(np.float32)
    normals = np.empty((*inverse.shape, 3), np.float32)
    normals[..., 0] = -slope_x
    normals[..., 1] = -slope_y
    normals[..., 2] = slope_x * x + slope_y * y[:, None] - inverse
    length = np.sqrt(np.einsum("hwc,hwc->hw", normals, normals))
    np.divide(normals, length[..., None], out=normals, where=surface[..., None])
    normals[~surface] = 0
    return normals


def paint_normals(normals: NDArray[np.float32]) -> Image:
    """Convert normals to a normal map in OpenGL's convention.

    Args:
        normals: (H, W, 3) from `find_normals`.

    Returns:
        (H, W, 3) uint8: red to the right, green up, blue to the viewer, each from -1 at 0 to
        1 at 255; a frontal wall is (128, 128, 255), no surface (128, 128, 128).
    """
    towards_viewer = normals * np.array([127.5, -127.5, -127.5], np.float32)
    picture: Image = np.floor(towards_viewer + np.float32(128)).clip(0, 255).astype(np.uint8)
    return picture


def check_sizes(depth: MetricDepth, camera: Camera, photo: Image | None = None) -> None:
    """Check that camera and photo have the map's size.

    Raises:
        GeometryError: one has another size.
    """
    width_px, height_px = depth.size_px
    if camera.size_px != depth.size_px:
        raise GeometryError(
            f"the camera is for {camera.width_px} x {camera.height_px} px, but the map has"
            f" {width_px} x {height_px}: use camera.scaled({depth.size_px})"
        )
    if photo is not None and (photo.shape != (height_px, width_px, 3) or photo.dtype != np.uint8):
        raise GeometryError(
            f"the photo must be uint8 ({height_px}, {width_px}, 3), like the map, not"
            f" {photo.dtype} {photo.shape}"
        )


def _slope(inverse: NDArray[np.float32], torn: NDArray[np.bool_], axis: int) -> NDArray[np.float32]:
    """Average the differences to both neighbors along an axis, except across cut links."""
    change = np.diff(inverse, axis=axis)
    change[torn] = 0
    whole = (~torn).astype(np.float32)
    before, after = ([(0, 0), (0, 0)] for _ in range(2))
    before[axis], after[axis] = (1, 0), (0, 1)
    total = np.pad(change, before) + np.pad(change, after)
    count = np.pad(whole, before) + np.pad(whole, after)
    slope: NDArray[np.float32] = total / np.maximum(count, np.float32(1))
    return slope


def _smooth(
    slope: NDArray[np.float32], surface: NDArray[np.bool_], deviation_px: float
) -> NDArray[np.float32]:
    """Smooth over pixels with a surface (normalized convolution, Knutsson and Westin, 1993)."""
    if deviation_px < 0.3:  # the neighbors' weight would be below half a percent
        return slope
    weight = surface.astype(np.float32)
    total = cv2.GaussianBlur(slope * weight, (0, 0), deviation_px)
    if surface.all():
        return np.asarray(total, np.float32)
    count = cv2.GaussianBlur(weight, (0, 0), deviation_px)
    return np.asarray(total / np.maximum(count, np.float32(1e-6)), np.float32)
