"""Wavefront OBJ and MTL: triangles and materials as their files state them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from worlds.scene.arrays import Array

_CREASE = np.cos(np.deg2rad(42))
_MOST_MEETING = 300  # faces at one corner; more stay flat


@dataclass
class Material:
    """What an MTL file says of one material.

    Attributes:
        color: (3,) sRGB red, green, blue, 0 to 1.
        shine: (3,) how much it mirrors, 0 to 1.
        solidity: 1 is opaque, 0 is not there.
        picture: Name of the texture's file; empty without one.
    """

    color: tuple[float, ...] = (0.8, 0.8, 0.8)
    shine: tuple[float, ...] = (0.0, 0.0, 0.0)
    solidity: float = 1.0
    picture: str = ""


@dataclass
class Mesh:
    """The triangles of an OBJ file.

    Attributes:
        triangles: (T, 3, 3) corners.
        normals: (T, 3, 3) unit normals.
        uv: (T, 3, 2) places in the texture, v downwards.
        material_index: (T,) index of each triangle's material.
        names: The materials' names.
        library: Name of the MTL file; empty without one.
    """

    triangles: Array
    normals: Array
    uv: Array
    material_index: NDArray[np.int64]
    names: list[str]
    library: str


@dataclass
class _Lists:
    places: list[list[str]] = field(default_factory=list)
    uv: list[list[str]] = field(default_factory=list)
    normals: list[list[str]] = field(default_factory=list)
    faces: list[str] = field(default_factory=list)
    material_index: list[int] = field(default_factory=list)
    names: dict[str, int] = field(default_factory=dict)
    library: str = ""

    def fans(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return (T, 3, 3) numbers of places, uv and normals, -1 for none, and (T,) materials."""
        sides = np.array([face.count(" ") + 1 for face in self.faces])
        words = " ".join(self.faces).split(" ")
        full = "/".join([word + "/0" * (2 - word.count("/")) for word in words])
        numbers = np.array(full.replace("//", "/0/").split("/"), np.int64).reshape(-1, 3)
        if numbers.min() < 0:
            raise ValueError("its faces count corners backwards")
        first = np.concatenate([[0], np.cumsum(sides)[:-1]])
        fans = np.maximum(sides - 2, 0)
        face = np.repeat(np.arange(len(sides)), fans)
        step = np.arange(len(face)) - np.repeat(np.cumsum(fans) - fans, fans)
        corners = first[face][:, None] + np.stack([step * 0, step + 1, step + 2], axis=1)
        return numbers[corners] - 1, np.array(self.material_index)[face]


def read_obj(text: str) -> Mesh:
    """Read an OBJ file's text.

    Args:
        text: Its contents.

    Raises:
        ValueError: If it has no triangles or points at corners that it lacks.
    """
    lists, current = _Lists(), 0
    lists.names[""] = 0
    for line in text.splitlines():
        key, _, rest = line.strip().partition(" ")
        if key == "f":
            lists.faces.append(" ".join(rest.split()))
            lists.material_index.append(current)
        elif key == "v":
            lists.places.append(rest.split()[:3])
        elif key == "vt":
            lists.uv.append(rest.split()[:2])
        elif key == "vn":
            lists.normals.append(rest.split()[:3])
        elif key == "usemtl":
            current = lists.names.setdefault(rest.strip(), len(lists.names))
        elif key == "mtllib":
            lists.library = rest.strip()
    if not lists.faces:
        raise ValueError("it has no faces")
    index, material_index = lists.fans()
    places = np.array(lists.places, float)
    if not len(index) or index[..., 0].min() < 0 or index[..., 0].max() >= len(places):
        raise ValueError("its faces point at corners that it does not have")
    return _mesh(lists, index, material_index, places)


def _mesh(
    lists: _Lists, index: NDArray[np.int64], material_index: NDArray[np.int64], places: Array
) -> Mesh:
    triangles = places[index[..., 0]]
    across = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    area = np.linalg.norm(across, axis=1)
    extent = float(np.ptp(places, axis=0).max())
    kept = np.isfinite(area) & (area > 1e-12 * extent**2)
    if not kept.any():
        raise ValueError("its faces have no area")
    index, triangles, across = index[kept], triangles[kept], across[kept]
    flat = across / area[kept, None]
    normals = _smoothed(index[..., 0], across, flat, len(places))
    if lists.normals and index[..., 2].max() < len(lists.normals):
        given = np.array(lists.normals, float)[index[..., 2]]
        length = np.linalg.norm(given, axis=-1, keepdims=True)
        good = (index[..., 2:] >= 0) & (length > 1e-6) & np.isfinite(length)
        normals = np.where(good, given / np.maximum(length, 1e-9), normals)
    uv = np.zeros((*index.shape[:2], 2))
    if lists.uv and index[..., 1].max() < len(lists.uv):
        uv = np.where(index[..., 1:2] >= 0, np.array(lists.uv, float)[index[..., 1]], 0.0)
        uv[..., 1] = 1 - uv[..., 1]
    return Mesh(triangles, normals, uv, material_index[kept], list(lists.names), lists.library)


def _smoothed(index: NDArray[np.int64], across: Array, flat: Array, count: int) -> Array:
    """Average the normals of faces that meet at a corner, but not over a crease."""
    places = index.ravel()
    corners = np.arange(len(places))
    order = np.argsort(places, kind="stable")
    meeting = np.bincount(places, minlength=count)
    start = np.cumsum(meeting) - meeting
    others = np.where(meeting[places] > _MOST_MEETING, 0, meeting[places])
    one = np.repeat(corners, others)
    step = np.arange(len(one)) - np.repeat(np.cumsum(others) - others, others)
    two = order[np.repeat(start[places], others) + step] // 3
    soft = (flat[one // 3] * flat[two]).sum(axis=1) > _CREASE
    one, two = one[soft], two[soft]
    total = np.stack(
        [np.bincount(one, across[two, axis], minlength=len(places)) for axis in range(3)], axis=1
    )
    length = np.linalg.norm(total, axis=1, keepdims=True)
    alone = np.repeat(flat, 3, axis=0)
    mean = np.where(length > 1e-30, total / np.maximum(length, 1e-30), alone)
    return mean.reshape(-1, 3, 3)


def read_mtl(text: str) -> dict[str, Material]:
    """Read an MTL file's text: materials by name."""
    found: dict[str, Material] = {}
    material = Material()
    for line in text.splitlines():
        key, _, rest = line.strip().partition(" ")
        words = rest.split()
        if key == "newmtl":
            material = found[rest.strip()] = Material()
        elif key == "Kd" and len(words) >= 3:
            material.color = tuple(float(word) for word in words[:3])
        elif key == "Ks" and len(words) >= 3:
            material.shine = tuple(float(word) for word in words[:3])
        elif key == "d" and words:
            material.solidity = float(words[-1])
        elif key == "Tr" and words:
            material.solidity = 1 - float(words[-1])
        elif key == "map_Kd":
            material.picture = rest.strip()
    return found
