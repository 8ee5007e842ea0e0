"""Clouds and meshes as files: one table of suffixes each, and what is written together.

All have the axes of 3-D viewers, x right, y up, z towards the viewer, in metres, with the
camera at the origin. What the metres rest on is in a comment (PLY, OBJ) or in the scene's
`extras` (GLB); XYZ has no place for it.

The writers are our own. trimesh was measured on a mesh of 640 x 480 vertices: OBJ takes it
five seconds, GLB as long as all the rest together, and its PLY has no comments.
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
from nearfar.geometry.viewer import fitted
from nearfar.io.atomic import replacing
from nearfar.io.images import Image, encode_image

Files = dict[str, bytes]
"""Names and contents of what belongs together; the last one names the others."""

_Row = TypeVar("_Row")
_MIME: Final = {"jpg": "image/jpeg", "png": "image/png"}


def _texture(photo: Image, options: MeshOptions) -> bytes:
    return encode_image(fitted(photo, options.max_texture_px), f".{options.texture}")


def _ply(mesh: Mesh, photo: Image, stem: str, _: MeshOptions) -> Files:
    return {f"{stem}.ply": mesh_ply(mesh, photo)}


def _glb(mesh: Mesh, photo: Image, stem: str, options: MeshOptions) -> Files:
    return {f"{stem}.glb": mesh_glb(mesh, _texture(photo, options), _MIME[options.texture])}


def _obj(mesh: Mesh, photo: Image, stem: str, options: MeshOptions) -> Files:
    plain = "_".join(stem.split())  # many readers end a name at its first space
    texture, material = f"{plain}-texture.{options.texture}", f"{plain}.mtl"
    return {
        texture: _texture(photo, options),
        material: material_mtl(texture),
        f"{stem}.obj": mesh_obj(mesh, material),
    }


CLOUD_FORMATS: Final[Mapping[str, Callable[[PointCloud], bytes]]] = MappingProxyType(
    {".ply": cloud_ply, ".glb": cloud_glb, ".xyz": cloud_xyz}
)
"""Suffix -> cloud to bytes."""

MESH_FORMATS: Final[Mapping[str, Callable[[Mesh, Image, str, MeshOptions], Files]]] = (
    MappingProxyType({".glb": _glb, ".obj": _obj, ".ply": _ply})
)
"""Suffix -> mesh, photo, stem of the names and options to files."""


def encode_cloud(cloud: PointCloud, suffix: str) -> bytes:
    """Make the bytes of a cloud's file.

    Args:
        cloud: what to encode.
        suffix: one of `CLOUD_FORMATS`.

    Raises:
        UsageError: another suffix.
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
    """Make the content of a mesh's files.

    Args:
        mesh: what to encode.
        photo: (H, W, 3) uint8, what the mesh carries.
        suffix: one of `MESH_FORMATS`.
        stem: of the files' names.
        options: of which those of the texture count here.

    Returns:
        Name -> content; the last is the mesh itself, what stands before is what it names.

    Raises:
        UsageError: another suffix.
        WriteError: a JPEG can't hold so large a texture.
    """
    return _row(MESH_FORMATS, suffix, "mesh")(mesh, photo, stem, options)


def write_cloud(cloud: PointCloud, path: str | os.PathLike[str], *, overwrite: bool = True) -> None:
    """Write a cloud, whole or not at all.

    Args:
        cloud: what to write.
        path: where; its suffix tells the format, its folder must exist.
        overwrite: replace a file that is there.

    Raises:
        UsageError: no cloud format has this suffix.
        OutputExistsError: the file is there and `overwrite` is False.
        WriteError: the system refused.
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
    """Write a mesh; OBJ gets `<stem>.mtl` and `<stem>-texture.jpg` beside it.

    Args:
        mesh: what to write.
        photo: (H, W, 3) uint8, what it carries.
        path: where; its suffix tells the format, its folder must exist.
        options: of which those of the texture count here.
        overwrite: replace files that are there.

    Raises:
        UsageError: no mesh format has this suffix.
        OutputExistsError: one of the files is there and `overwrite` is False.
        WriteError: the system refused.
    """
    target = Path(path)
    files = encode_mesh(mesh, photo, target.suffix, stem=target.stem, options=options)
    _, itself = files.popitem()
    _write({**files, target.name: itself}, target.parent, overwrite=overwrite)


def suffix_of(path: str | os.PathLike[str], formats: Mapping[str, object], noun: str) -> str:
    """Give a path's suffix, before any work is done for it.

    Args:
        path: of the output.
        formats: `CLOUD_FORMATS` or `MESH_FORMATS`.
        noun: `cloud` or `mesh`, for the error.

    Raises:
        UsageError: no such format.
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
    """Write all under temporary names; the first named is the last to take its place."""
    with ExitStack() as stack:
        for name in reversed(files):
            temporary = stack.enter_context(replacing(folder / name, overwrite=overwrite))
            temporary.write_bytes(files[name])
