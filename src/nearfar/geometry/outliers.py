"""Points that stand alone, found by Open3D (extra `open3d`)."""

from typing import Any

import numpy as np

from nearfar.geometry.cloud import PointCloud
from nearfar.geometry.options import OutlierOptions
from nearfar.optional import require


def remove_outliers(cloud: PointCloud, options: OutlierOptions = OutlierOptions()) -> PointCloud:
    """Leave out points that are farther from their neighbours than is usual in the cloud.

    Statistical outlier removal (Rusu et al., 2008). Points are sparser the farther they are,
    so with few deviations the background goes first.

    Args:
        cloud: what to clean.
        options: how lonely is too lonely.

    Raises:
        MissingExtraError: Open3D is not installed.
        GeometryError: no point is left.
    """
    _, kept = to_open3d(cloud).remove_statistical_outlier(options.neighbours, options.deviations)
    return cloud.keep(np.asarray(kept, np.intp))


def to_open3d(cloud: PointCloud) -> Any:
    """Give the cloud as Open3D's `PointCloud`, in the camera's axes.

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
