"""Points, surfaces and normals from depth in metres, and their files."""

from nearfar.camera import Camera
from nearfar.geometry.cloud import PointCloud, make_cloud
from nearfar.geometry.export import encode_cloud, encode_mesh, write_cloud, write_mesh
from nearfar.geometry.mesh import Mesh, make_mesh
from nearfar.geometry.normals import find_normals, paint_normals
from nearfar.geometry.options import CloudOptions, MeshOptions

__all__ = [
    "Camera",
    "CloudOptions",
    "Mesh",
    "MeshOptions",
    "PointCloud",
    "encode_cloud",
    "encode_mesh",
    "find_normals",
    "make_cloud",
    "make_mesh",
    "paint_normals",
    "write_cloud",
    "write_mesh",
]
