"""Bodies to build with, each returned as one `Solid`, white and dull until it is `painted`.

Unless said otherwise a body stands on y = 0 with its middle at x = z = 0; sizes are metres along
x, y and z. Texture places run 0 to 1 over a face; `Solid.painted(tiles=...)` repeats them.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from worlds.shapes.moves import moved, scaled
from worlds.shapes.sheets import cells, flat, grid, merged, solid

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from worlds.scene.arrays import Array
    from worlds.scene.solid import Solid


def quad(corners: ArrayLike) -> Solid:
    """Return the flat four-cornered face through (4, 3) corners; texture from the first corner."""
    points = np.asarray(corners, np.float64)
    places = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float64)
    order = [[0, 1, 2], [0, 2, 3]]
    return flat(points[order], places[order])


def box(width_m: float, height_m: float, depth_m: float, rounding_m: float = 0.0) -> Solid:
    """Return a box (x, y, z) standing on the ground; each face's texture runs 0 to 1.

    Args:
        width_m: Along x.
        height_m: Along y.
        depth_m: Along z.
        rounding_m: Radius of the edges, as on cushions; 0 is sharp.
    """
    size = np.array([width_m, height_m, depth_m])
    radius = min(rounding_m, 0.499 * float(size.min()))
    if radius <= 0:
        cube = _unit_cube()
        corners = cube.triangles * size.astype(np.float32)
        return solid(corners + np.array([0.0, height_m / 2, 0.0]), cube.normals, cube.uv)
    return moved(_six_faces(size, radius), (0.0, height_m / 2, 0.0))


@cache
def _unit_cube() -> Solid:
    return _six_faces(np.ones(3), 0.0)


def _six_faces(size: Array, radius: float) -> Solid:
    if radius <= 0:
        steps = np.array([-0.5, 0.5])
    else:
        steps = np.array([-0.5, -0.49, -0.42, -0.2, 0.2, 0.42, 0.49, 0.5])
    faces = []
    for axis in range(3):
        for side in (-1.0, 1.0):
            one, two = ((2, 1), (0, 2), (0, 1))[axis]
            net = np.zeros((len(steps), len(steps), 3))
            net[..., axis] = 0.5 * side
            net[..., one] = steps[None, :]
            net[..., two] = steps[:, None]
            if (axis == 1) == (side > 0):
                net = net[:, ::-1]
            if axis == 2:
                net = net[:, ::-1]
            faces.append(_face(net * size, size, radius))
    return merged(faces)


def _face(net: Array, size: Array, radius: float) -> Solid:
    """Return one face of a box, pressed onto its rounded edges."""
    if radius <= 0:
        turned_out = grid(net, smooth=False)
        outward = np.sum(turned_out.normals[0, 0] * net.mean(axis=(0, 1)))
        return turned_out if outward > 0 else _turned_out(turned_out)
    core = np.clip(net, -(size / 2 - radius), size / 2 - radius)
    outward = net - core
    outward /= np.maximum(np.linalg.norm(outward, axis=-1, keepdims=True), 1e-12)
    sheet = grid(core + outward * radius, smooth=False)
    return solid(sheet.triangles, cells(outward), sheet.uv)


def _turned_out(shape: Solid) -> Solid:
    return solid(shape.triangles, -shape.normals, shape.uv)


def lathe(profile: ArrayLike, sides: int = 20, *, smooth: bool = True) -> Solid:
    """Return a (n, 2) profile of (radius, height) in metres turned around the y axis."""
    line = np.asarray(profile, np.float64)
    angle = np.linspace(0, 2 * np.pi, sides + 1)
    net = np.stack(
        [
            line[:, :1] * np.cos(angle),
            np.repeat(line[:, 1:], sides + 1, axis=1),
            line[:, :1] * np.sin(angle),
        ],
        axis=-1,
    )
    sheet = grid(net, smooth=smooth)
    one, two, three = (sheet.triangles[:, corner] for corner in range(3))
    real = np.linalg.norm(np.cross(two - one, three - one), axis=-1) > 1e-12
    return solid(sheet.triangles[real], sheet.normals[real], sheet.uv[real])


def cone(bottom_m: float, top_m: float, height_m: float, sides: int = 20) -> Solid:
    """Return a closed, upright cone's trunk of two radii; equal radii make a cylinder."""
    hoop = lathe([(bottom_m, 0), (top_m, height_m)], sides)
    lids = [
        lathe([(0, at), (radius, at)], sides, smooth=False)
        for radius, at in ((bottom_m, 0.0), (top_m, height_m))
        if radius > 0
    ]
    return merged([hoop, *lids])


def cylinder(radius_m: float, height_m: float, sides: int = 20) -> Solid:
    """Return a closed upright cylinder."""
    return cone(radius_m, radius_m, height_m, sides)


def ellipsoid(x_m: float, y_m: float, z_m: float, sides: int = 20) -> Solid:
    """Return an ellipsoid of three radii with its middle at the origin."""
    angle = np.linspace(-np.pi / 2, np.pi / 2, max(sides // 2, 4) + 1)
    ball = lathe(np.stack([np.cos(angle), np.sin(angle)], axis=1), sides)
    return scaled(ball, (x_m, y_m, z_m))


def extrude(outline: ArrayLike, height_m: float) -> Solid:
    """Return the upright prism over a star-shaped (n, 2) outline of (x, z).

    Its sides' texture places are metres.
    """
    ring = np.asarray(outline, np.float64)
    closed = np.concatenate([ring, ring[:1]])
    run = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(closed, axis=0), axis=1))])
    low = np.stack([closed[:, 0], np.zeros(len(closed)), closed[:, 1]], axis=1)
    high = low + np.array([0.0, height_m, 0.0])
    places = np.stack([np.stack([run, run * 0], 1), np.stack([run, run * 0 + height_m], 1)])
    sides = grid(np.stack([low, high]), places, smooth=False)
    middle = np.array([ring[:, 0].mean(), 0.0, ring[:, 1].mean()])
    lids = []
    for level in (low, high):
        fan = np.stack(
            [
                np.broadcast_to(middle + np.array([0.0, level[0, 1], 0.0]), low[:-1].shape),
                level[1:],
                level[:-1],
            ],
            1,
        )
        lids.append(flat(fan, fan[..., [0, 2]]))
    return merged([sides, *lids])


def heightfield(heights_m: ArrayLike, width_m: float, depth_m: float) -> Solid:
    """Return a bumpy plane over (rows, columns) heights; rows run along z, columns along x."""
    heights = np.asarray(heights_m, np.float64)
    rows, columns = heights.shape
    x, z = np.meshgrid(
        np.linspace(-width_m / 2, width_m / 2, columns),
        np.linspace(-depth_m / 2, depth_m / 2, rows),
    )
    return grid(np.stack([x, heights, z], axis=-1))


def leaves(rng: np.random.Generator, centres: ArrayLike, size_m: float) -> Solid:
    """Return square cards of about `size_m`, at random angles, around (n, 3) centres.

    Paint them with `cutout`.
    """
    middle = np.asarray(centres, np.float64)
    count = len(middle)
    one = rng.normal(size=(count, 3))
    one /= np.linalg.norm(one, axis=1, keepdims=True)
    two = np.cross(one, rng.normal(size=(count, 3)))
    two /= np.maximum(np.linalg.norm(two, axis=1, keepdims=True), 1e-9)
    half = size_m * rng.uniform(0.35, 0.65, (count, 1))
    corners = np.stack(
        [middle + half * (a * one + b * two) for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))], 1
    )
    order = [[0, 1, 2], [0, 2, 3]]
    places = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float64)[order]
    card = flat(corners[:, order].reshape(-1, 3, 3), np.tile(places, (count, 1, 1)))
    outward = np.repeat(middle - middle.mean(axis=0), 6, axis=0).reshape(-1, 3, 3) + 1e-6
    outward /= np.linalg.norm(outward, axis=-1, keepdims=True)
    return solid(card.triangles, 0.7 * outward + 0.3 * card.normals, card.uv)
