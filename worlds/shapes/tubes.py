"""Skins around an axis: tubes and lofts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from worlds.shapes import sheets

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from worlds.scene.arrays import Array
    from worlds.scene.solid import Solid


def tube(points_m: ArrayLike, radii_m: ArrayLike, sides: int = 7) -> Solid:
    """Return a round tube through (n, 3) points, of one radius or (n,) radii, open at its ends."""
    line = np.asarray(points_m, np.float64)
    radii = np.broadcast_to(np.asarray(radii_m, np.float64), len(line))
    along = np.gradient(line, axis=0)
    along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-9)
    helper = np.where(np.abs(along[:, 1:2]) > 0.9, [[1.0, 0.0, 0.0]], [[0.0, 1.0, 0.0]])
    one = np.cross(along, helper)
    one /= np.linalg.norm(one, axis=1, keepdims=True)
    two = np.cross(along, one)
    angle = np.linspace(0, 2 * np.pi, sides + 1)[None, :, None]
    ring = np.cos(angle) * one[:, None] + np.sin(angle) * two[:, None]
    net = line[:, None] + ring * radii[:, None, None]
    rows = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    places = np.stack(np.meshgrid(np.linspace(0, 1, sides + 1), rows), axis=-1)
    sheet = sheets.grid(net, places)
    return outward(sheet, net.mean(axis=1), net)


def outward(sheet: Solid, axis_points: Array, net: Array) -> Solid:
    """Return a (rows, columns, 3) net's sheet with normals that lead away from its axis."""
    middle = np.repeat(axis_points[:, None], net.shape[1], axis=1)
    there = sheets.grid(middle + (net - middle) * 1.01).triangles - sheet.triangles
    sign = np.where(np.sum(there * sheet.normals, axis=-1, keepdims=True) < 0, -1.0, 1.0)
    return sheets.solid(sheet.triangles, sheet.normals * sign, sheet.uv)


def loft(sections: ArrayLike, *, smooth: bool = True) -> Solid:
    """Return the skin over (n, m, 3) closed cross-sections, with flat lids at both ends."""
    rings = np.asarray(sections, np.float64)
    closed = np.concatenate([rings, rings[:, :1]], axis=1)
    skin = sheets.grid(closed, smooth=smooth)
    skin = outward(skin, rings.mean(axis=1), closed)
    lids = []
    for end in (0, -1):
        ring = closed[end]
        middle = np.broadcast_to(rings[end].mean(axis=0), ring[:-1].shape)
        fan = np.stack([middle, ring[1:], ring[:-1]], axis=1)
        lids.append(sheets.flat(fan, fan[..., :2]))
    return sheets.merged([skin, *lids])
