"""Write point clouds and meshes to files.

All files have the axes of 3-D viewers, x right, y up, z towards the viewer, in metres, with the
camera at the origin. How the scale is known is stored in a comment (PLY, OBJ) or in the scene's
`extras` (GLB); XYZ has no comments.

trimesh is not used: for a mesh of 640 x 480 vertices it needs five seconds for OBJ, as long for
GLB as all other steps, and its PLY has no comments.
"""

import os
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import MappingProxyType
from typing import Final, TypeVar

from nearfar.errors import UsageError
from nearfar.geometry.cloud import PointCloud
from nearfar.geometry.glb import cloud_glb, mesh_glb
from nearfar.geometry.mesh import Mesh
from nearfar.geometry.options import MeshOptions
from nearfar.geometry.ply_obj import cloud_ply, cloud_xyz, material_mtl, mesh_obj, mesh_ply
from nearfar.geometry.viewer import limit_size
from nearfar.io.atomic import replacing
from nearfar.io.images import Image, encode_image

Files = dict[str, bytes]
"""Name -> content of the files of one mesh; the last one refers to the others."""

_Row = TypeVar("_Row")
_MIME: Final = {"jpg": "image/jpeg", "png": "image/png"}


def _texture(photo: Image, options: MeshOptions) -> bytes:
    return encode_image(limit_size(photo, options.max_texture_px), f".{options.texture}")


def _ply(mesh: Mesh, photo: Image, stem: str, _: MeshOptions) -> Files:
    return {f"{stem}.ply": mesh_ply(mesh, photo)}


def _glb(mesh: Mesh, photo: Image, stem: str, options: MeshOptions) -> Files:
    return {f"{stem}.glb": mesh_glb(mesh, _texture(photo, options), _MIME[options.texture])}


def _obj(mesh: Mesh, photo: Image, stem: str, options: MeshOptions) -> Files:
    plain = "_".join(stem.split())  # many readers do not support spaces in these names
    texture, material = f"{plain}-texture.{options.texture}", f"{plain}.mtl"
    return {
        texture: _texture(photo, options),
        material: material_mtl(texture),
        f"{stem}.obj": mesh_obj(mesh, material),
    }


CLOUD_FORMATS: Final[Mapping[str, Callable[[PointCloud], bytes]]] = MappingProxyType(
    {".ply": cloud_ply, ".glb": cloud_glb, ".xyz": cloud_xyz}
)
"""Suffix -> encoder of a cloud."""

MESH_FORMATS: Final[Mapping[str, Callable[[Mesh, Image, str, MeshOptions], Files]]] = (
    MappingProxyType({".glb": _glb, ".obj": _obj, ".ply": _ply})
)
"""Suffix -> encoder of a mesh, with the photo, the stem of the file names and the options."""


def encode_cloud(cloud: PointCloud, suffix: str) -> bytes:
    """Encode a cloud in memory.

    Args:
        cloud: what to encode.
        suffix: one of `CLOUD_FORMATS`.

    Raises:
        UsageError: the suffix is unknown.
    """
    return _row(CLOUD_FORMATS, suffix, "cloud")(cloud)


def encode_mesh(
    mesh: Mesh,
    photo: Image,
    suffix: str,
    *,
    stem: str = "mesh",
    options: MeshOptions = MeshOptions(),
) -> Files:
    """Encode a mesh in memory.

    Args:
        mesh: what to encode.
        photo: (H, W, 3) uint8, its texture.
        suffix: one of `MESH_FORMATS`.
        stem: of the file names.
        options: format and size of the texture.

    Returns:
        Name -> content; the last file is the mesh, which refers to those before it.

    Raises:
        UsageError: the suffix is unknown.
        WriteError: the texture is too large for JPEG.
    """
    return _row(MESH_FORMATS, suffix, "mesh")(mesh, photo, stem, options)


def write_cloud(cloud: PointCloud, path: str | os.PathLike[str], *, overwrite: bool = True) -> None:
    """Write a cloud atomically.

    Args:
        cloud: what to write.
        path: of the file; its suffix selects the format, its folder must exist.
        overwrite: replace an existing file.

    Raises:
        UsageError: the suffix is unknown.
        OutputExistsError: the file exists and `overwrite` is False.
        WriteError: the file can't be written.
    """
    target = Path(path)
    _write({target.name: encode_cloud(cloud, target.suffix)}, target.parent, overwrite=overwrite)


def write_mesh(
    mesh: Mesh,
    photo: Image,
    path: str | os.PathLike[str],
    *,
    options: MeshOptions = MeshOptions(),
    overwrite: bool = True,
) -> None:
    """Write a mesh; OBJ also gets `<stem>.mtl` and `<stem>-texture.jpg`.

    Args:
        mesh: what to write.
        photo: (H, W, 3) uint8, its texture.
        path: of the file; its suffix selects the format, its folder must exist.
        options: format and size of the texture.
        overwrite: replace existing files.

    Raises:
        UsageError: the suffix is unknown.
        OutputExistsError: one of the files exists and `overwrite` is False.
        WriteError: a file can't be written.
    """
    target = Path(path)
    files = encode_mesh(mesh, photo, target.suffix, stem=target.stem, options=options)
    _, itself = files.popitem()
    _write({**files, target.name: itself}, target.parent, overwrite=overwrite)


def suffix_of(path: str | os.PathLike[str], formats: Mapping[str, object], noun: str) -> str:
    """Return a path's suffix if it is supported; call it before expensive work.

    Args:
        path: of the output.
        formats: `CLOUD_FORMATS` or `MESH_FORMATS`.
        noun: `cloud` or `mesh`, for the error message.

    Raises:
        UsageError: the suffix is unknown.
    """
    suffix = Path(path).suffix.lower()
    _row(formats, suffix, noun)
    return suffix


def _row(formats: Mapping[str, _Row], suffix: str, noun: str) -> _Row:
    row = formats.get(suffix.lower())
    if row is None:
        raise UsageError(f"no {noun} format has the suffix {suffix!r}: use {', '.join(formats)}")
    return row


def _write(files: Files, folder: Path, *, overwrite: bool) -> None:
    """Write all files under temporary names, and rename the main file last."""
    with ExitStack() as stack:
        for name in reversed(files):
            temporary = stack.enter_context(replacing(folder / name, overwrite=overwrite))
            temporary.write_bytes(files[name])
