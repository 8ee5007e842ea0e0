"""A smooth surface through points, by Open3D (extra `open3d`)."""

import numpy as np
from numpy.typing import NDArray

from nearfar.errors import GeometryError
from nearfar.geometry.camera import Camera
from nearfar.geometry.cloud import PointCloud
from nearfar.geometry.mesh import Mesh
from nearfar.geometry.options import PoissonOptions
from nearfar.geometry.outliers import to_open3d
from nearfar.optional import require


def poisson_mesh(
    cloud: PointCloud, camera: Camera, options: PoissonOptions = PoissonOptions()
) -> Mesh:
    """Lay a surface through a cloud (screened Poisson, Kazhdan and Hoppe, 2013).

    It is smooth and closes gaps, also those at depth edges; what lies outside the camera's
    view is left out. The photo is laid on it from the camera.

    Args:
        cloud: with normals.
        camera: the one the cloud was made with.
        options: detail, and how much is trimmed.

    Raises:
        MissingExtraError: Open3D is not installed.
        GeometryError: a cloud without normals, or too few points for a surface.
    """
    open3d = require("open3d")
    if cloud.normals is None:
        raise GeometryError("Poisson's surface needs normals: make the cloud with normals=True")
    surface, densities = open3d.geometry.TriangleMesh.create_from_point_cloud_poisson(
        to_open3d(cloud), depth=options.octree_depth
    )
    vertices = np.asarray(surface.vertices, np.float32)
    if not len(vertices):
        raise GeometryError("Poisson's method found no surface: give more points")
    densities = np.asarray(densities)
    kept = (densities >= np.quantile(densities, options.trim)) & (vertices[:, 2] > 0)
    uv = np.zeros((len(vertices), 2))
    uv[kept] = (camera.project(vertices[kept]) + 0.5) / camera.size_px
    kept &= ((uv >= 0) & (uv <= 1)).all(axis=1)
    triangles = np.asarray(surface.triangles, np.int32)
    surface.compute_vertex_normals()
    return _of_kept(
        Mesh(
            vertices,
            triangles,
            uv.clip(0, 1).astype(np.float32),
            np.asarray(surface.vertex_normals, np.float32),
            cloud.note,
        ),
        kept,
    )


def _of_kept(mesh: Mesh, kept: NDArray[np.bool_]) -> Mesh:
    """Leave out vertices, and the faces that touch them."""
    number = np.cumsum(kept, dtype=np.int32) - 1
    faces = number[mesh.faces[kept[mesh.faces].all(axis=1)]]
    normals = None if mesh.normals is None else mesh.normals[kept]
    return Mesh(mesh.vertices[kept], faces, mesh.uv[kept], normals, mesh.note)
