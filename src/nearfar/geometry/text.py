"""The formats made of text: XYZ, and OBJ with its material."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearfar.geometry.cloud import PointCloud
from nearfar.geometry.mesh import Mesh
from nearfar.geometry.viewer import one_line, turned
from nearfar.version import __version__

_CHUNK = 20_000  # rows formatted at once; more would only cost memory


def cloud_xyz(cloud: PointCloud) -> bytes:
    """Encode a cloud as lines `x y z red green blue`.

    There is no note in it and no normals: readers of XYZ take every line for a point, and do
    not agree on what more columns are.
    """
    return _lines("%.6g %.6g %.6g %d %d %d\n", turned(cloud.xyz), cloud.rgb)


def mesh_obj(mesh: Mesh, material_file: str) -> bytes:
    """Encode a mesh as Wavefront OBJ.

    Args:
        mesh: what to encode.
        material_file: name of the MTL file beside it, without spaces.
    """
    texture_coordinates = mesh.uv * (1, -1) + (0, 1)  # from the lower left corner here
    corners = np.repeat(mesh.faces + 1, 2 if mesh.normals is None else 3, axis=1)
    corner = "%d/%d" if mesh.normals is None else "%d/%d/%d"
    parts = [
        f"# nearfar {__version__}; metres, y up, z towards the viewer\n".encode(),
        f"# {one_line(mesh.note)}\nmtllib {material_file}\nusemtl photo\n".encode(),
        _lines("v %.6g %.6g %.6g\n", turned(mesh.vertices)),
        _lines("vt %.6f %.6f\n", texture_coordinates),
    ]
    if mesh.normals is not None:
        parts.append(_lines("vn %.4f %.4f %.4f\n", turned(mesh.normals)))
    parts.append(_lines(f"f {corner} {corner} {corner}\n", corners))
    return b"".join(parts)


def material_mtl(texture_file: str) -> bytes:
    """Make the material of `mesh_obj`.

    Args:
        texture_file: name of the picture beside it, without spaces.
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
