"""PLY, binary little-endian: points, or triangles with the photo's colour at each vertex."""

import numpy as np
from numpy.typing import NDArray

from nearfar.geometry.cloud import PointCloud
from nearfar.geometry.mesh import Mesh
from nearfar.geometry.viewer import colours_at, one_line, turned
from nearfar.io.images import Image
from nearfar.version import __version__

_AXES = ("x", "y", "z")
_NORMALS = ("nx", "ny", "nz")
_COLOURS = ("red", "green", "blue")
_TYPES = {"f": "float", "u": "uchar"}


def cloud_ply(cloud: PointCloud) -> bytes:
    """Encode a cloud."""
    vertices = _records(cloud.xyz, cloud.rgb, cloud.normals)
    return _header(vertices, 0, cloud.note) + vertices.tobytes()


def mesh_ply(mesh: Mesh, photo: Image) -> bytes:
    """Encode a mesh; its colours are the photo's at the vertices, for PLY has no common texture."""
    vertices = _records(mesh.vertices, colours_at(photo, mesh.uv), mesh.normals)
    faces = np.empty(len(mesh.faces), [("count", "u1"), ("corners", "<i4", 3)])
    faces["count"] = 3
    faces["corners"] = mesh.faces
    return _header(vertices, len(faces), mesh.note) + vertices.tobytes() + faces.tobytes()


def _records(
    points: NDArray[np.float32], rgb: NDArray[np.uint8], normals: NDArray[np.float32] | None
) -> NDArray[np.void]:
    numbers = [turned(points)] + ([] if normals is None else [turned(normals)])
    names = _AXES + (() if normals is None else _NORMALS)
    kinds = [(name, "<f4") for name in names] + [(name, "u1") for name in _COLOURS]
    rows: NDArray[np.void] = np.empty(len(points), kinds)
    for name, column in zip(names, np.concatenate(numbers, axis=1).T, strict=True):
        rows[name] = column
    for name, column in zip(_COLOURS, rgb.T, strict=True):
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
