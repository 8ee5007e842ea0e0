"""Sheets of triangles, which bodies are made of, and solids made one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from worlds.scene.solid import Solid, Thing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import ArrayLike

    from worlds.scene.arrays import Array

_WHITE = np.ones(3, np.float32)


def solid(triangles: ArrayLike, normals: ArrayLike, uv: ArrayLike) -> Solid:
    """Return a white solid.

    Args:
        triangles: (T, 3, 3) corners in metres.
        normals: (T, 3, 3) unit normals.
        uv: (T, 3, 2) texture places.
    """
    return Solid(
        np.asarray(triangles, np.float32),
        np.asarray(normals, np.float32),
        np.asarray(uv, np.float32),
        _WHITE,
    )


def flat(triangles: ArrayLike, uv: ArrayLike) -> Solid:
    """Return a solid whose faces are flat: each triangle's normal is its own."""
    corners = np.asarray(triangles, np.float64)
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normal /= np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-12)
    return solid(corners, np.repeat(normal[:, None], 3, axis=1), uv)


def grid(points: ArrayLike, uv: ArrayLike | None = None, *, smooth: bool = True) -> Solid:
    """Return the sheet through a (rows, columns, 3) net of points.

    Args:
        points: The net, in metres.
        uv: (rows, columns, 2) texture places; None runs 0 to 1 along columns and rows.
        smooth: Whether normals are shared between neighbours.
    """
    net = np.asarray(points, np.float64)
    rows, columns = net.shape[:2]
    if uv is None:
        places = np.stack(np.meshgrid(np.linspace(0, 1, columns), np.linspace(0, 1, rows)), axis=-1)
    else:
        places = np.asarray(uv, np.float64)
    triangles, places = cells(net), cells(places)
    if not smooth:
        return flat(triangles, places)
    along = np.gradient(net, axis=1)
    across = np.gradient(net, axis=0)
    if np.allclose(net[:, 0], net[:, -1]):
        along[:, 0] = along[:, -1] = net[:, 1] - net[:, -2]
    normals = np.cross(across, along)
    lengths = np.linalg.norm(normals, axis=-1, keepdims=True)
    normals = cells(normals / np.maximum(lengths, 1e-12))
    face = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    face /= np.maximum(np.linalg.norm(face, axis=-1, keepdims=True), 1e-12)
    lost = np.linalg.norm(normals, axis=-1) < 0.5
    normals[lost] = np.repeat(face[:, None], 3, axis=1)[lost]
    return solid(triangles, normals, places)


def cells(net: Array) -> Array:
    """Cut a (rows, columns, k) net into the two triangles of each cell."""
    first, second = net[:-1, :-1], net[:-1, 1:]
    third, fourth = net[1:, 1:], net[1:, :-1]
    one = np.stack([first, third, second], axis=2)
    two = np.stack([first, fourth, third], axis=2)
    return np.concatenate([one.reshape(-1, 3, net.shape[2]), two.reshape(-1, 3, net.shape[2])])


def merged(solids: Iterable[Solid]) -> Solid:
    """Return several solids of one material merged into one, with the first one's surface."""
    parts = list(solids)
    first = parts[0]
    return Solid(
        np.concatenate([part.triangles for part in parts]),
        np.concatenate([part.normals for part in parts]),
        np.concatenate([part.uv for part in parts]),
        first.color,
        first.texture,
        first.gloss,
        first.glow,
        first.cutout,
    )


def gathered(solids: Iterable[Solid]) -> Thing:
    """Return the solids with those of the same surface made one, so that fewer are drawn."""
    groups: dict[tuple[object, ...], Thing] = {}
    for part in solids:
        shade = tuple(np.round(part.color, 4).tolist())
        surface = (shade, part.texture, part.gloss, part.glow, part.cutout)
        groups.setdefault(surface, []).append(part)
    return [merged(group) for group in groups.values()]
