"""Convert depth to a textured triangle mesh."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nearfar.camera import Camera
from nearfar.depth import MetricDepth
from nearfar.errors import GeometryError
from nearfar.geometry.cloud import describe
from nearfar.geometry.depth_edges import Tears, find_tears, large_patches
from nearfar.geometry.normals import check_sizes, find_normals
from nearfar.geometry.options import MeshOptions


@dataclass(frozen=True, eq=False)
class Mesh:
    """A triangle mesh, x right, y down, z forward from the camera.

    Attributes:
        vertices: (V, 3) float32 metres, finite.
        faces: (F, 3) int32 indices, counterclockwise as seen from the camera.
        uv: (V, 2) float32 in 0 to 1: position in the photo from its upper left corner, right
            and down.
        normals: (V, 3) float32 unit vectors, or None.
        note: how scale and camera are known, in a sentence.

    Raises:
        GeometryError: there are no faces, or an array has another form.
    """

    vertices: NDArray[np.float32]
    faces: NDArray[np.int32]
    uv: NDArray[np.float32]
    normals: NDArray[np.float32] | None = None
    note: str = ""

    def __post_init__(self) -> None:
        count = len(self.vertices)
        if not len(self.faces):
            raise GeometryError(
                "there are no faces: a mesh needs a surface of at min_points two pixels by two; if"
                " edges are cut everywhere, raise max_slope_deg"
            )
        if self.vertices.shape != (count, 3) or self.vertices.dtype != np.float32:
            raise GeometryError(f"vertices must be float32 (V, 3), not {self.vertices.shape}")
        if self.faces.shape[1:] != (3,) or self.faces.dtype != np.int32:
            raise GeometryError(f"faces must be int32 (F, 3), not {self.faces.shape}")
        if not 0 <= self.faces.min() <= self.faces.max() < count:
            raise GeometryError("a face refers to a vertex that does not exist")
        if self.uv.shape != (count, 2) or not 0 <= self.uv.min() <= self.uv.max() <= 1:
            raise GeometryError(f"uv must be ({count}, 2) within 0 to 1, not {self.uv.shape}")
        if self.normals is not None and self.normals.shape != (count, 3):
            raise GeometryError(f"normals must have shape ({count}, 3), not {self.normals.shape}")
        if not np.isfinite(self.vertices).all():
            raise GeometryError("some vertices are not finite: leave them out")


def make_mesh(depth: MetricDepth, camera: Camera, options: MeshOptions = MeshOptions()) -> Mesh:
    """Create a grid mesh over the image, cut at depth edges.

    Args:
        depth: in metres.
        camera: of the map's size.
        options: edges and grid spacing.

    Raises:
        GeometryError: the camera has another size, or the mesh has no face.
    """
    check_sizes(depth, camera)
    columns, rows = _grid(depth.size_px, options)
    is_whole = (len(columns), len(rows)) == depth.size_px
    metres = depth.metres if is_whole else depth.metres[np.ix_(rows, columns)]
    tears = find_tears(metres, camera, options.max_slope_deg, columns=columns, rows=rows)
    min_points = options.min_patch_px * metres.size // depth.metres.size
    kept = large_patches(np.isfinite(metres), tears, min_points)
    faces, used = _faces(metres, tears, kept)
    y, x = np.nonzero(used)
    x_px, y_px = columns[x], rows[y]
    uv = np.empty((len(x), 2), np.float32)
    uv[:, 0] = ((columns + 0.5) / camera.width_px).astype(np.float32)[x]
    uv[:, 1] = ((rows + 0.5) / camera.height_px).astype(np.float32)[y]
    normals = None
    if options.normals:
        whole = find_normals(depth, camera, max_slope_deg=options.max_slope_deg)
        normals = whole[y_px, x_px]
    vertices = camera.unproject(x_px, y_px, metres[used])
    return Mesh(vertices, faces, uv, normals, describe(depth, camera))


def _grid(
    size_px: tuple[int, int], options: MeshOptions
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Choose the grid's columns and rows, including the last ones of the image."""
    step = options.step_px
    while True:
        columns, rows = (
            np.unique(np.append(np.arange(0, side, step, dtype=np.intp), side - 1))
            for side in size_px
        )
        if len(columns) * len(rows) <= options.max_vertices:
            return columns, rows
        step += 1


def _faces(
    metres: NDArray[np.float32], tears: Tears, kept: NDArray[np.bool_]
) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """Make two triangles per grid cell, except at cut links and removed corners.

    A cell is split along the diagonal with the smaller difference in depth.

    Returns:
        (F, 3) indices into the used points, and (h, w) bool, which points are used.
    """
    here, there = slice(None, -1), slice(1, None)
    a, b, c, d = (here, here), (here, there), (there, here), (there, there)
    across = ~tears.across & kept[:, :-1] & kept[:, 1:]
    down = ~tears.down & kept[:-1] & kept[1:]
    top, bottom, left, right = across[:-1], across[1:], down[:, :-1], down[:, 1:]
    with np.errstate(invalid="ignore"):  # if both ends are inf
        falling = np.abs(metres[a] - metres[d])
        rising = np.abs(metres[b] - metres[c])
        along_falling = falling < rising
    along_rising = ~along_falling
    parts = (
        ((a, c, b), along_rising & top & left),
        ((b, c, d), along_rising & bottom & right),
        ((a, c, d), along_falling & left & bottom),
        ((a, d, b), along_falling & top & right),
    )
    used = np.zeros(metres.shape, bool)
    for corners, whole in parts:
        for corner in corners:
            used[corner] |= whole
    number = np.cumsum(used, dtype=np.int32).reshape(used.shape)
    number -= 1
    ends = np.cumsum([np.count_nonzero(whole) for _, whole in parts])
    faces = np.empty((ends[-1], 3), np.int32)
    for part, (corners, whole) in zip(np.split(faces, ends[:-1]), parts, strict=True):
        for place, corner in enumerate(corners):
            part[:, place] = number[corner][whole]
    return faces, used
