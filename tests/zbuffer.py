"""A small z-buffer: what a camera sees of a mesh, to compare with the photo it was made of."""

import numpy as np
from numpy.typing import NDArray

from nearfar.geometry import Camera, Mesh
from nearfar.io.images import Image


def render(
    mesh: Mesh, texture: Image, camera: Camera, *, right_m: float = 0.0
) -> tuple[Image, NDArray[np.float64]]:
    """What is seen at the middle of each pixel, and how far it is; black and inf where nothing is.

    Args:
        mesh: with `uv`.
        texture: read without interpolation.
        camera: looks along z from the origin.
        right_m: how far the camera is moved.
    """
    points = mesh.vertices - np.array([right_m, 0, 0], np.float32)
    seen = camera.project(points)
    picture = np.zeros((camera.height_px, camera.width_px, 3), np.uint8)
    depth = np.full(picture.shape[:2], np.inf)
    size = np.array(texture.shape[1::-1])
    for face in mesh.faces:
        low = np.maximum(np.ceil(seen[face].min(axis=0) - 1e-6), 0).astype(int)
        high = np.minimum(np.floor(seen[face].max(axis=0) + 1e-6) + 1, camera.size_px).astype(int)
        if (low >= high).any():
            continue
        at = np.stack(np.meshgrid(*map(np.arange, low, high), indexing="xy"), axis=-1)
        corners = np.vstack((seen[face].T, np.ones(3)))
        if abs(np.linalg.det(corners)) < 1e-9:
            continue
        shares = (
            np.concatenate((at, np.ones((*at.shape[:2], 1))), axis=2) @ np.linalg.inv(corners).T
        )
        inside = (shares >= -1e-6).all(axis=2)
        weights = shares / points[face, 2]  # perspective
        inverse = weights.sum(axis=2)
        with np.errstate(divide="ignore", invalid="ignore"):
            metres = 1 / inverse
            uv = (weights @ mesh.uv[face]) / inverse[..., None]
        part = np.s_[low[1] : high[1], low[0] : high[0]]
        inside &= metres < depth[part]
        x, y = np.clip(uv[inside] * size, 0, size - 1).astype(int).T
        picture[part][inside] = texture[y, x]
        depth[part][inside] = metres[inside]
    return picture, depth
