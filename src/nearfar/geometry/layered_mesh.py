"""A surface for looking at: clean outlines, and the background behind what stands before it."""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from nearfar.camera import Camera
from nearfar.depth import MetricDepth
from nearfar.errors import GeometryError
from nearfar.geometry.cloud import describe
from nearfar.geometry.depth_edges import find_tears
from nearfar.geometry.mesh import Mesh, make_mesh
from nearfar.geometry.normals import check_sizes, find_normals
from nearfar.geometry.options import MeshOptions
from nearfar.imaging.cut_grid import Grid, Surface
from nearfar.imaging.layers import Layers, layered, sharp_edges, steps
from nearfar.imaging.normalize import limits
from nearfar.imaging.resize import fitting, smaller
from nearfar.io.images import Image

LAYERED: Final = frozenset({".glb"})
"""Suffixes of files that are for looking at; the others are for measuring."""

_FARTHEST: Final = 100  # times the nearest distance
_WORK_PX: Final = 2048  # longer side of the map that edges are found in
_GAP_PX: Final = 16  # of the texture, between photo and background


def make_mesh_for(
    suffix: str,
    depth: MetricDepth,
    photo: Image,
    camera: Camera,
    options: MeshOptions = MeshOptions(),
) -> tuple[Mesh, Image]:
    """Make the mesh that a kind of file is for, unless the options say which.

    Args:
        suffix: of the file; `.glb` gets layers, any other the measured surface.
        depth: in metres.
        photo: (H, W, 3) uint8 RGB of the map's size.
        camera: of the map's size.
        options: `layers` says which mesh, None leaves it to the suffix.

    Returns:
        The mesh, and the picture that its `uv` is of, both for `encode_mesh`.

    Raises:
        GeometryError: sizes that differ, or a map that gives no face.
    """
    is_layered = suffix.lower() in LAYERED if options.layers is None else options.layers
    if is_layered:
        return make_layered_mesh(depth, photo, camera, options)
    return make_mesh(depth, camera, options), photo


def make_layered_mesh(
    depth: MetricDepth, photo: Image, camera: Camera, options: MeshOptions = MeshOptions()
) -> tuple[Mesh, Image]:
    """Make a surface for looking at: clean outlines, and the background behind them.

    Edges are steps from one pixel to the next here, just outside what stands in front, and the
    surface is cut along them where it would stand steeper than `max_slope_deg`. Behind, the
    background is carried on by a second layer, an invention. What has no surface, or lies more
    than a hundred times as far as the nearest, stands at that distance.

    Args:
        depth: in metres.
        photo: (H, W, 3) uint8 RGB of the map's size.
        camera: of the map's size.
        options: edges, the grid's width, normals; patches are all kept.

    Returns:
        The mesh, and the picture that its `uv` is of: the photo above the background.

    Raises:
        GeometryError: sizes that differ, or a map without any surface.
    """
    check_sizes(depth, camera, photo)
    size_px = fitting(photo.shape, _WORK_PX)
    with np.errstate(over="ignore"):
        inverse = np.minimum(1 / depth.metres, np.float32(1e30))
    inverse = smaller(np.asarray(inverse, np.float32), size_px)
    if not inverse.any():
        raise GeometryError("no faces: the map has no surface")
    farthest = inverse.max() / np.float32(_FARTHEST)
    inverse = np.maximum(inverse, farthest)
    low, high = limits(inverse, robust=True)
    scale = high - low or np.float32(1)
    least_px = max(1, round(options.step_px * size_px[0] / camera.width_px))
    sharp = sharp_edges((inverse - low) / scale)
    grid = Grid.over(sharp, options.max_vertices, least_px=least_px)
    small = camera.scaled(size_px)
    vertices = grid.at_vertices()
    tears = find_tears(
        1 / np.maximum(vertices * scale + low, farthest),
        small,
        options.max_slope_deg,
        columns=grid.columns,
        rows=grid.rows,
    )
    across, down = steps(vertices)
    layers = layered(photo, grid, across & tears.across, down & tears.down)
    whole = _joined(layers)
    metres = np.asarray(1 / np.maximum(whole.values * scale + low, farthest / 2), np.float32)
    x_px, y_px = (whole.places - np.float32(0.5)).T
    points = small.unproject(x_px, y_px, metres)
    shares = np.asarray(whole.places / np.array(size_px, np.float32), np.float32)
    normals = None
    if options.normals:
        sides = np.array(camera.size_px)
        x, y = np.minimum((shares * sides).astype(np.intp), sides - 1).T
        normals = find_normals(depth, camera, max_slope_deg=options.max_slope_deg)[y, x]
    uv, texture = _atlas(shares, len(layers.front.places), photo, layers)
    return Mesh(points, whole.faces, uv, normals, describe(depth, camera)), texture


def _joined(layers: Layers) -> Surface:
    """Give both layers as one surface, the front first."""
    front, back = layers.front, layers.back
    if back is None:
        return front
    return Surface(
        np.concatenate((front.places, back.places)),
        np.concatenate((front.values, back.values)),
        np.concatenate((front.faces, back.faces + np.int32(len(front.places)))),
    )


def _atlas(
    shares: NDArray[np.float32], count: int, photo: Image, layers: Layers
) -> tuple[NDArray[np.float32], Image]:
    """Put the photo above the background, and say where in both each vertex lies.

    Args:
        shares: (V, 2) of the frame's width and height, of the front's vertices and the back's.
        count: how many are the front's.
        photo: (H, W, 3) uint8.
        layers: of it.
    """
    if layers.back is None:
        return shares, photo
    height_px, width_px = photo.shape[:2]
    plate = layers.plate
    # rows between them, so that no smaller copy mixes both
    upper = cv2.copyMakeBorder(photo, 0, _GAP_PX // 2, 0, 0, cv2.BORDER_REPLICATE)
    beside_px = width_px - plate.shape[1]
    lower = cv2.copyMakeBorder(plate, _GAP_PX // 2, 0, 0, beside_px, cv2.BORDER_REPLICATE)
    texture = np.asarray(np.concatenate((upper, lower)), np.uint8)
    places = shares * np.array((width_px, height_px), np.float32)
    places[count:] = shares[count:] * np.array(plate.shape[1::-1], np.float32)
    places[count:, 1] += height_px + 2 * (_GAP_PX // 2)
    uv = places / np.array(texture.shape[1::-1], np.float32)
    return np.clip(uv, 0, 1).astype(np.float32), texture
