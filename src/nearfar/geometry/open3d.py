"""Outlier removal and Poisson surface reconstruction with Open3D (extra `open3d`)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearfar.camera import Camera
from nearfar.errors import GeometryError
from nearfar.geometry.cloud import PointCloud
from nearfar.geometry.mesh import Mesh
from nearfar.geometry.options import OutlierOptions, PoissonOptions
from nearfar.optional import require


def remove_outliers(cloud: PointCloud, options: OutlierOptions = OutlierOptions()) -> PointCloud:
    """Remove points with an unusually large distance to their neighbors.

    Statistical outlier removal (Rusu et al., 2008). Distant points are sparser, so a low threshold
    removes the background first.

    Args:
        cloud: what to clean.
        options: number of neighbors and threshold.

    Raises:
        MissingExtraError: Open3D is not installed.
        GeometryError: no point is left.
    """
    _, kept = to_open3d(cloud).remove_statistical_outlier(options.neighbours, options.deviations)
    return cloud.keep(np.asarray(kept, np.intp))


def to_open3d(cloud: PointCloud) -> Any:
    """Convert a cloud to Open3D's `PointCloud`, in the camera's axes.

    Raises:
        MissingExtraError: Open3D is not installed.
    """
    open3d = require("open3d")
    vectors = open3d.utility.Vector3dVector
    points = open3d.geometry.PointCloud(vectors(cloud.xyz.astype(np.float64)))
    points.colors = vectors(cloud.rgb / 255.0)
    if cloud.normals is not None:
        points.normals = vectors(cloud.normals.astype(np.float64))
    return points


def poisson_mesh(
    cloud: PointCloud, camera: Camera, options: PoissonOptions = PoissonOptions()
) -> Mesh:
    """Reconstruct a surface from a cloud (screened Poisson, Kazhdan and Hoppe, 2013).

    The surface is smooth and closes gaps, also those at depth edges; parts outside the camera's
    view are removed. The photo is projected onto it from the camera.

    Args:
        cloud: with normals.
        camera: with which the cloud was made.
        options: level of detail and trimming.

    Raises:
        MissingExtraError: Open3D is not installed.
        GeometryError: the cloud has no normals, or too few points.
    """
    open3d = require("open3d")
    if cloud.normals is None:
        raise GeometryError("Poisson reconstruction needs a cloud with normals: set normals=True")
    surface, densities = open3d.geometry.TriangleMesh.create_from_point_cloud_poisson(
        to_open3d(cloud), depth=options.octree_depth
    )
    vertices = np.asarray(surface.vertices, np.float32)
    if not len(vertices):
        raise GeometryError("Poisson reconstruction found no surface: use more points")
    densities = np.asarray(densities)
    kept = (densities >= np.quantile(densities, options.trim)) & (vertices[:, 2] > 0)
    uv = np.zeros((len(vertices), 2))
    uv[kept] = (camera.project(vertices[kept]) + 0.5) / camera.size_px
    kept &= ((uv >= 0) & (uv <= 1)).all(axis=1)
    triangles = np.asarray(surface.triangles, np.int32)
    surface.compute_vertex_normals()
    return _keep_vertices(
        Mesh(
            vertices,
            triangles,
            uv.clip(0, 1).astype(np.float32),
            np.asarray(surface.vertex_normals, np.float32),
            cloud.note,
        ),
        kept,
    )


def _keep_vertices(mesh: Mesh, kept: NDArray[np.bool_]) -> Mesh:
    """Remove vertices, and the faces that use them."""
    number = np.cumsum(kept, dtype=np.int32) - 1
    faces = number[mesh.faces[kept[mesh.faces].all(axis=1)]]
    normals = None if mesh.normals is None else mesh.normals[kept]
    return Mesh(mesh.vertices[kept], faces, mesh.uv[kept], normals, mesh.note)
