"""A catalogue's model: solids of one material each, at the size that the catalogue states."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import cv2
import numpy as np

from worlds.scene.solid import Solid
from worlds.things.catalogue.wavefront import Material, read_mtl, read_obj

if TYPE_CHECKING:
    from collections.abc import Callable

    from worlds.scene.arrays import Array, Picture
    from worlds.things.catalogue.wavefront import Mesh

_SIDE_PX = 256  # of the renderer's textures
_GLASS = 0.3


@dataclass(frozen=True)
class Part:
    """A model's triangles of one material.

    Attributes:
        solid: The triangles in the material's own color; without a picture its texture's places
            are metres.
        picture: The texture, or None.
    """

    solid: Solid
    picture: Picture | None


def built(
    obj: str, size_m: tuple[float, float, float], turn: Array, read: Callable[[str], bytes | None]
) -> list[Part]:
    """Build a model that stands on y = 0 with its back at z = 0 and its middle at x = 0.

    Args:
        obj: Text of its OBJ file.
        size_m: Its width, height and depth.
        turn: (3, 3) rotation that stands it upright.
        read: Returns the file of a name beside the OBJ, or None if there is none.

    Returns:
        One part for each material; none for glass.

    Raises:
        ValueError: If the OBJ file is broken.
    """
    mesh = read_obj(obj)
    turned = mesh.triangles @ turn.T
    low, high = turned.min(axis=(0, 1)), turned.max(axis=(0, 1))
    scale = np.asarray(size_m) / np.maximum(high - low, 1e-9)
    scale = np.where(high - low < 1e-6 * (high - low).max(), 1.0, scale)
    base = np.array([(low[0] + high[0]) / 2, low[1], low[2]])
    placed = (turned - base) * scale
    facing = (mesh.normals @ turn.T) / scale
    facing /= np.maximum(np.linalg.norm(facing, axis=-1, keepdims=True), 1e-12)
    listed = read(mesh.library) if mesh.library else None
    materials = read_mtl(listed.decode("latin-1")) if listed else {}
    return [
        _part(mesh, placed, facing, index, material=materials.get(name, Material()), read=read)
        for index, name in enumerate(mesh.names)
        if (mesh.material_index == index).any()
        and materials.get(name, Material()).solidity >= _GLASS
    ]


def _part(
    mesh: Mesh,
    placed: Array,
    facing: Array,
    index: int,
    *,
    material: Material,
    read: Callable[[str], bytes | None],
) -> Part:
    mine = mesh.material_index == index
    picture, holed = _picture(material, read)
    triangles, normals = placed[mine], facing[mine]
    uv = _projected(triangles) if picture is None else mesh.uv[mine]
    color = np.clip(material.color, 0, 1) ** 2.2 if picture is None else np.ones(3)
    shine = min(float(np.mean(material.shine)), 1.0)
    solid = Solid(
        triangles.astype(np.float32),
        normals.astype(np.float32),
        uv.astype(np.float32),
        np.maximum(color, 0.004).astype(np.float32),
        gloss=0.7 * shine,
        cutout=holed,
    )
    return Part(solid, picture)


def _projected(triangles: Array) -> Array:
    """Return texture places in metres, seen along the axis that each triangle faces most."""
    across = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    axis = np.abs(across).argmax(axis=1)
    others = np.array([[2, 1], [0, 2], [0, 1]])[axis]
    return np.take_along_axis(triangles, others[:, None, :].repeat(3, axis=1), axis=2)


def _picture(
    material: Material, read: Callable[[str], bytes | None]
) -> tuple[Picture | None, bool]:
    """Return a material's texture at the renderer's size, and whether it has holes."""
    if not material.picture:
        return None, False
    data = read(material.picture) or read(PurePosixPath(material.picture).name)
    found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED) if data else None
    if found is None:
        return None, False
    if found.dtype != np.uint8:
        found = (found // 256).astype(np.uint8)
    if found.ndim == 2:
        found = found[..., None].repeat(3, axis=2)
    sized = cv2.resize(found, (_SIDE_PX, _SIDE_PX), interpolation=cv2.INTER_AREA)
    colors = np.maximum(sized[..., 2::-1], 1)
    holes = sized[..., 3] < 128 if sized.shape[2] == 4 else np.zeros(sized.shape[:2], bool)
    colors[holes] = 0
    return np.ascontiguousarray(colors), bool(holes.mean() > 0.002)
