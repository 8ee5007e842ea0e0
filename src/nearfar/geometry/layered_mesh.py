"""A surface for looking at: clean outlines, and the background behind what stands before it."""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from nearfar.depth import MetricDepth
from nearfar.errors import GeometryError
from nearfar.geometry.camera import Camera
from nearfar.geometry.cloud import describe
from nearfar.geometry.depth_edges import find_tears
from nearfar.geometry.mesh import Mesh, make_mesh
from nearfar.geometry.normals import check_sizes, find_normals
from nearfar.geometry.options import MeshOptions
from nearfar.imaging.cut_grid import Grid
from nearfar.imaging.layers import Layers, layered, sharp_edges, steps
from nearfar.imaging.normalize import limits
from nearfar.io.images import Image

LAYERED: Final = frozenset({".glb"})
"""Suffixes of files that are for looking at; the others are for measuring."""

_FARTHEST: Final = 100  # times the nearest distance
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
    inverse = 1 / depth.metres
    if not inverse.any():
        raise GeometryError("no faces: the map has no surface")
    farthest = inverse.max() / np.float32(_FARTHEST)
    inverse = np.maximum(inverse, farthest)
    low, high = limits(inverse, robust=True)
    scale = high - low or np.float32(1)
    grid = Grid.over(
        sharp_edges((inverse - low) / scale), options.max_vertices, least_px=options.step_px
    )
    vertices = grid.at_vertices()
    tears = find_tears(
        1 / np.maximum(vertices * scale + low, farthest),
        camera,
        options.max_slope_deg,
        columns=grid.columns,
        rows=grid.rows,
    )
    across, down = steps(vertices)
    layers = layered(photo, grid, across & tears.across, down & tears.down)
    uv, texture = _atlas(layers, photo)
    surfaces = [layers.front] if layers.back is None else [layers.front, layers.back]
    places = np.concatenate([each.places for each in surfaces])
    metres = 1 / np.maximum(
        np.concatenate([each.values for each in surfaces]) * scale + low, farthest / 2
    )
    faces = [layers.front.faces]
    if layers.back is not None:
        faces.append(layers.back.faces + np.int32(len(layers.front.places)))
    normals = None
    if options.normals:
        whole = find_normals(depth, camera, max_slope_deg=options.max_slope_deg)
        x, y = np.minimum(places.astype(np.intp), np.array(camera.size_px) - 1).T
        normals = whole[y, x]
    points = camera.unproject(places[:, 0] - 0.5, places[:, 1] - 0.5, metres)
    return Mesh(points, np.concatenate(faces), uv, normals, describe(depth, camera)), texture


def _atlas(layers: Layers, photo: Image) -> tuple[NDArray[np.float32], Image]:
    """Put the photo above the background, and give each vertex its place in both."""
    size_px = np.array(photo.shape[1::-1], np.float32)
    if layers.back is None:
        return layers.front.places / size_px, photo
    height_px, width_px = photo.shape[:2]
    plate = layers.plate
    # rows between them, so that no smaller copy mixes both
    gap = -(height_px + len(plate)) % _GAP_PX + _GAP_PX
    upper = cv2.copyMakeBorder(photo, 0, gap // 2, 0, 0, cv2.BORDER_REPLICATE)
    lower = cv2.copyMakeBorder(
        plate, gap - gap // 2, 0, 0, width_px - plate.shape[1], cv2.BORDER_REPLICATE
    )
    texture = np.asarray(np.concatenate((upper, lower)), np.uint8)
    whole = np.array(texture.shape[1::-1], np.float32)
    back = layers.back.places / size_px * np.array(plate.shape[1::-1], np.float32)
    back[:, 1] += height_px + gap
    uv = np.concatenate((layers.front.places, back)) / whole
    return np.clip(uv, 0, 1).astype(np.float32), texture
