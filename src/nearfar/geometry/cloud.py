"""Convert depth and photo to a colored point cloud."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nearfar.camera import Camera
from nearfar.depth import MetricDepth
from nearfar.errors import GeometryError
from nearfar.geometry.depth_edges import find_tears, large_patches
from nearfar.geometry.normals import check_sizes, normals_within
from nearfar.geometry.options import CloudOptions
from nearfar.io.images import Image


@dataclass(frozen=True, eq=False)
class PointCloud:
    """Colored points, x right, y down, z forward from the camera.

    Attributes:
        xyz: (N, 3) float32 metres, finite.
        rgb: (N, 3) uint8 sRGB.
        normals: (N, 3) float32 unit vectors, or None.
        note: how scale and camera are known, in a sentence.

    Raises:
        GeometryError: there are no points, or an array has another form.
    """

    xyz: NDArray[np.float32]
    rgb: NDArray[np.uint8]
    normals: NDArray[np.float32] | None = None
    note: str = ""

    def __post_init__(self) -> None:
        shape = (len(self.xyz), 3)
        if not len(self.xyz):
            raise GeometryError("there are no points: the map has no surface")
        if self.xyz.shape != shape or self.xyz.dtype != np.float32:
            raise GeometryError(
                f"points must be float32 (N, 3), not {self.xyz.dtype} {self.xyz.shape}"
            )
        if self.rgb.shape != shape or self.rgb.dtype != np.uint8:
            raise GeometryError(
                f"colors must be uint8 {shape}, not {self.rgb.dtype} {self.rgb.shape}"
            )
        if self.normals is not None and self.normals.shape != shape:
            raise GeometryError(f"normals must have shape {shape}, not {self.normals.shape}")
        if not np.isfinite(self.xyz).all():
            raise GeometryError("some points are not finite: leave them out")

    def __len__(self) -> int:
        return len(self.xyz)

    def keep(self, chosen: NDArray[np.integer] | NDArray[np.bool_]) -> "PointCloud":
        """Return a cloud of the selected points, by index or mask."""
        normals = None if self.normals is None else self.normals[chosen]
        return PointCloud(self.xyz[chosen], self.rgb[chosen], normals, self.note)


def make_cloud(
    depth: MetricDepth,
    photo: Image,
    camera: Camera,
    options: CloudOptions = CloudOptions(),
) -> PointCloud:
    """Convert every pixel on a surface to a point.

    Pixels without a surface (inf) are left out, and flying pixels: those between a near surface
    and the one behind it.

    Args:
        depth: in metres.
        photo: (H, W, 3) uint8 RGB of the map's size.
        camera: of the map's size.
        options: edges, number of points, normals.

    Raises:
        GeometryError: the sizes differ, or the map has no surface.
    """
    check_sizes(depth, camera, photo)
    tears = find_tears(depth.metres, camera, options.max_slope_deg)
    step = grid_step(depth.size_px, options.step_px, options.max_points)
    surface = np.isfinite(depth.metres) & ~tears.flying
    surface = large_patches(surface, tears, options.min_patch_px)[::step, ::step]
    rows, columns = (index * step for index in np.nonzero(surface))
    normals = None
    if options.normals:
        normals = normals_within(depth, camera, tears)[rows, columns]
    return PointCloud(
        camera.unproject(columns, rows, depth.metres[rows, columns]),
        photo[rows, columns],
        normals,
        describe(depth, camera),
    )


def grid_step(size_px: tuple[int, int], least_px: int, most: int) -> int:
    """Return the smallest step whose grid over an image has at most `most` points."""
    step = least_px
    while -(-size_px[0] // step) * -(-size_px[1] // step) > most:
        step += 1
    return step


def describe(depth: MetricDepth, camera: Camera) -> str:
    """Describe how scale and camera are known."""
    metres = depth.assumption or "metres of unstated origin"
    return "; ".join(part for part in (metres, camera.note) if part)
