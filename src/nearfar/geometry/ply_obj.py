"""Encode PLY, OBJ and XYZ files."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearfar.geometry.cloud import PointCloud
from nearfar.geometry.mesh import Mesh
from nearfar.geometry.viewer import colors_at, one_line, to_viewer_axes
from nearfar.io.images import Image
from nearfar.version import __version__

_AXES = ("x", "y", "z")
_NORMALS = ("nx", "ny", "nz")
_COLORS = ("red", "green", "blue")
_TYPES = {"f": "float", "u": "uchar"}


def cloud_ply(cloud: PointCloud) -> bytes:
    """Encode a cloud."""
    vertices = _records(cloud.xyz, cloud.rgb, cloud.normals)
    return _header(vertices, 0, cloud.note) + vertices.tobytes()


def mesh_ply(mesh: Mesh, photo: Image) -> bytes:
    """Encode a mesh with vertex colors, since PLY has no standard textures."""
    vertices = _records(mesh.vertices, colors_at(photo, mesh.uv), mesh.normals)
    faces = np.empty(len(mesh.faces), [("count", "u1"), ("corners", "<i4", 3)])
    faces["count"] = 3
    faces["corners"] = mesh.faces
    return _header(vertices, len(faces), mesh.note) + vertices.tobytes() + faces.tobytes()


def _records(
    points: NDArray[np.float32], rgb: NDArray[np.uint8], normals: NDArray[np.float32] | None
) -> NDArray[np.void]:
    numbers = [to_viewer_axes(points)] + ([] if normals is None else [to_viewer_axes(normals)])
    names = _AXES + (() if normals is None else _NORMALS)
    kinds = [(name, "<f4") for name in names] + [(name, "u1") for name in _COLORS]
    rows: NDArray[np.void] = np.empty(len(points), kinds)
    for name, column in zip(names, np.concatenate(numbers, axis=1).T, strict=True):
        rows[name] = column
    for name, column in zip(_COLORS, rgb.T, strict=True):
        rows[name] = column
    return rows


def _header(vertices: NDArray[np.void], faces: int, note: str) -> bytes:
    lines = [
        "ply",
        "format binary_little_endian 1.0",
        f"comment nearfar {__version__}; metres, y up, z towards the viewer",
        f"comment {one_line(note)}",
        f"element vertex {len(vertices)}",
    ]
    lines += [
        f"property {_TYPES[vertices.dtype[name].kind]} {name}"
        for name in vertices.dtype.names or ()
    ]
    if faces:
        lines += [f"element face {faces}", "property list uchar int vertex_indices"]
    return "\n".join([*lines, "end_header", ""]).encode()


_CHUNK = 20_000  # rows formatted at a time, to limit memory


def cloud_xyz(cloud: PointCloud) -> bytes:
    """Encode a cloud as lines `x y z red green blue`.

    Notes and normals are left out: readers of XYZ treat every line as a point, and do not agree on
    the meaning of further columns.
    """
    return _lines("%.6g %.6g %.6g %d %d %d\n", to_viewer_axes(cloud.xyz), cloud.rgb)


def mesh_obj(mesh: Mesh, material_file: str) -> bytes:
    """Encode a mesh as Wavefront OBJ.

    Args:
        mesh: what to encode.
        material_file: name of the MTL file beside it, without spaces.
    """
    texture_coordinates = mesh.uv * (1, -1) + (0, 1)  # OBJ counts from the lower left corner
    corners = np.repeat(mesh.faces + 1, 2 if mesh.normals is None else 3, axis=1)
    corner = "%d/%d" if mesh.normals is None else "%d/%d/%d"
    parts = [
        f"# nearfar {__version__}; metres, y up, z towards the viewer\n".encode(),
        f"# {one_line(mesh.note)}\nmtllib {material_file}\nusemtl photo\n".encode(),
        _lines("v %.6g %.6g %.6g\n", to_viewer_axes(mesh.vertices)),
        _lines("vt %.6f %.6f\n", texture_coordinates),
    ]
    if mesh.normals is not None:
        parts.append(_lines("vn %.4f %.4f %.4f\n", to_viewer_axes(mesh.normals)))
    parts.append(_lines(f"f {corner} {corner} {corner}\n", corners))
    return b"".join(parts)


def material_mtl(texture_file: str) -> bytes:
    """Return the material file of `mesh_obj`.

    Args:
        texture_file: name of the image beside it, without spaces.
    """
    lines = (
        "newmtl photo",
        "Ka 1 1 1",
        "Kd 1 1 1",
        "Ks 0 0 0",
        "illum 1",
        f"map_Kd {texture_file}",
    )
    return "\n".join([*lines, ""]).encode()


def _lines(line: str, *columns: NDArray[Any]) -> bytes:
    """Format rows; one `%` over many rows is several times faster than `numpy.savetxt`."""
    parts = []
    for start in range(0, len(columns[0]), _CHUNK):
        rows = np.concatenate([column[start : start + _CHUNK] for column in columns], axis=1)
        parts.append((line * len(rows) % tuple(rows.ravel().tolist())).encode())
    return b"".join(parts)
