"""Depth to a surface of triangles that carries the photo."""

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
    """A surface of triangles, x right, y down, z forward from the camera.

    Attributes:
        vertices: (V, 3) float32 metres, finite.
        faces: (F, 3) int32 indices, counterclockwise as seen from the camera.
        uv: (V, 2) float32 in 0 to 1: where in the photo, from its upper left corner, right
            and down.
        normals: (V, 3) float32 unit vectors, or None.
        note: what the metres rest on, in a sentence.

    Raises:
        GeometryError: no faces, or arrays of another form.
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
                "no faces: a mesh needs a surface of two pixels by two or more; if the map is all"
                " edges, raise max_slope_deg"
            )
        if self.vertices.shape != (count, 3) or self.vertices.dtype != np.float32:
            raise GeometryError(f"vertices of shape {self.vertices.shape}: give float32 (V, 3)")
        if self.faces.shape[1:] != (3,) or self.faces.dtype != np.int32:
            raise GeometryError(f"faces of shape {self.faces.shape}: give int32 (F, 3)")
        if not 0 <= self.faces.min() <= self.faces.max() < count:
            raise GeometryError("a face names a vertex that is not there")
        if self.uv.shape != (count, 2) or not 0 <= self.uv.min() <= self.uv.max() <= 1:
            raise GeometryError(f"uv of shape {self.uv.shape}: give ({count}, 2) within 0 to 1")
        if self.normals is not None and self.normals.shape != (count, 3):
            raise GeometryError(f"normals of shape {self.normals.shape}: give ({count}, 3)")
        if not np.isfinite(self.vertices).all():
            raise GeometryError("vertices that are not finite: leave them out")


def make_mesh(depth: MetricDepth, camera: Camera, options: MeshOptions = MeshOptions()) -> Mesh:
    """Span a grid over the picture and cut it where depth is torn.

    Args:
        depth: in metres.
        camera: of the map's size.
        options: edges and the grid's width.

    Raises:
        GeometryError: a camera of another size, or a map that gives no face.
    """
    check_sizes(depth, camera)
    columns, rows = _grid(depth.size_px, options)
    is_whole = (len(columns), len(rows)) == depth.size_px
    metres = depth.metres if is_whole else depth.metres[np.ix_(rows, columns)]
    tears = find_tears(metres, camera, options.max_slope_deg, columns=columns, rows=rows)
    least = options.min_patch_px * metres.size // depth.metres.size
    kept = large_patches(np.isfinite(metres), tears, least)
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
    """Choose columns and rows, the last of the picture among them."""
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
    """Give two triangles for each cell of the grid, but those with a torn side or a lost corner.

    A cell is split along the diagonal whose ends lie closer in depth.

    Returns:
        (F, 3), numbered over the points that any face uses, and (h, w), which those are.
    """
    here, there = slice(None, -1), slice(1, None)
    a, b, c, d = (here, here), (here, there), (there, here), (there, there)
    across = ~tears.across & kept[:, :-1] & kept[:, 1:]
    down = ~tears.down & kept[:-1] & kept[1:]
    top, bottom, left, right = across[:-1], across[1:], down[:, :-1], down[:, 1:]
    with np.errstate(invalid="ignore"):  # where both ends have no surface
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
