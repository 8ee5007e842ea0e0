"""Point clouds, meshes and normals from depth in metres, and their file formats."""

from nearfar.camera import Camera
from nearfar.geometry.cloud import PointCloud, make_cloud
from nearfar.geometry.export import encode_cloud, encode_mesh, write_cloud, write_mesh
from nearfar.geometry.layered_mesh import make_layered_mesh, make_mesh_for
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
    "make_layered_mesh",
    "make_mesh",
    "make_mesh_for",
    "paint_normals",
    "write_cloud",
    "write_mesh",
]
