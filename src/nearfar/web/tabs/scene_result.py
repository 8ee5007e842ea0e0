"""A photo and its map to a scene in metres, as the 3D tab shows it and as it is taken home."""

import math
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np

from nearfar.calibration import ASSUMED_M, DistanceOptions
from nearfar.depth import DepthMap, MetricDepth
from nearfar.effects.base import fitted
from nearfar.effects.export import zipped
from nearfar.errors import GeometryError
from nearfar.geometry import (
    Camera,
    CloudOptions,
    Mesh,
    MeshOptions,
    encode_cloud,
    encode_mesh,
    make_cloud,
    make_mesh,
)
from nearfar.io.images import Image, ImageLimits
from nearfar.isolation.photos import IsolatedImageFile
from nearfar.web.controls import read_controls
from nearfar.web.files import keep_file
from nearfar.web.session_store import Result
from nearfar.web.show_errors import PageError

SHOWN_VERTICES: Final = 120_000
"""Of the scene on the page: phones turn it smoothly, and it comes quickly."""

_ASIDE: Final = (0.06, 0.04, 0.25)
"""Of the way to the scene's middle: how far from the photo's own place it is first seen."""

FULL_PX: Final = 2048
"""Longest side of the photo of which files are made."""


DISTANCES: Final = ("near_m", "far_m", "camera_height_m", "pitch_deg", "fov_deg")
"""Options of `DistanceOptions` on the page; known points are clicked in the Depth tab."""

SURFACE: Final = ("max_slope_deg", "step_px")
"""Options of `MeshOptions` on the page."""


@dataclass(frozen=True)
class SceneSettings:
    """What the visitor knows or assumes of distances, and how the surface is made."""

    distances: DistanceOptions = field(default_factory=DistanceOptions)
    surface: MeshOptions = field(default_factory=MeshOptions)

    @classmethod
    def read(cls, *values: Any) -> "SceneSettings":
        """Read the values of the components of `DISTANCES` and `SURFACE`.

        Raises:
            PageError: a text that is no number, or values that make no sense.
        """
        typed, surface = list(values[: len(DISTANCES)]), values[len(DISTANCES) :]
        if any(typed[:2]):  # one distance alone: the other is assumed
            typed[:2] = [
                text or f"{metres:g}" for text, metres in zip(typed[:2], ASSUMED_M, strict=True)
            ]
        distances = read_controls(DistanceOptions, typed, names=DISTANCES)
        near_m, far_m = distances.near_m, distances.far_m
        if near_m is not None and far_m is not None and near_m >= far_m:
            raise PageError("scene.error.range")
        return cls(distances, read_controls(MeshOptions, surface, names=SURFACE))


@dataclass(frozen=True)
class ShownScene:
    """What the page shows.

    Attributes:
        path: of the GLB.
        faces: number of triangles.
        near_m: distance of the nearest point.
        far_m: of the farthest.
        basis: what the distances are based on: "range" or "height", of the camera.
        fov_deg: horizontal field of view.
        lens: where that comes from: "given", "exif" or "assumed".
        seen_from: angles in degrees and distance of Gradio's camera around the scene's middle.
    """

    path: str
    faces: int
    near_m: float
    far_m: float
    basis: str
    fov_deg: float
    lens: str
    seen_from: tuple[float, float, float]


def show_scene(result: Result, settings: SceneSettings) -> ShownScene:
    """Make the scene at the size at which it is shown.

    Raises:
        PageError: nothing of the surface is left.
    """
    photo, depth = result.shown_photo, result.shown_depth
    options = replace(settings.surface, max_vertices=SHOWN_VERTICES, max_texture_px=1280)
    camera = _camera(depth, result, settings)
    metric = _metric(depth, camera, settings)
    mesh = _mesh(metric, camera, options)
    *_, content = encode_mesh(mesh, photo, ".glb", options=options).values()
    path = keep_file(content, "scene.glb")
    lens = "exif" if result.focal_35mm_mm is not None else "assumed"
    distances = settings.distances
    return ShownScene(
        path,
        len(mesh.faces),
        float(f"{metric.metres.min():.4g}"),
        float(f"{metric.metres.max():.4g}"),
        "range" if distances.camera_height_m is None else "height",
        camera.hfov_deg,
        lens if distances.fov_deg is None else "given",
        _seen_from(mesh),
    )


def _seen_from(mesh: Mesh) -> tuple[float, float, float]:
    """Look at the middle from where the photo was taken, some way back and aside.

    Babylon's camera turns about the middle of the scene's box; alpha counts from x towards z,
    beta from the top.
    """
    low, high = mesh.vertices.min(axis=0), mesh.vertices.max(axis=0)
    middle = (low + high) / 2 * (1, -1, -1)
    place = -middle[2] * np.array(_ASIDE)
    way = place - middle
    far_m = float(np.linalg.norm(way))
    alpha = math.degrees(math.atan2(way[2], way[0]))
    return alpha, math.degrees(math.acos(way[1] / far_m)), far_m


def download_scene(result: Result, settings: SceneSettings, name: str, limits: ImageLimits) -> str:
    """Make a file: `glb`, `obj` (a ZIP), `ply` or `cloud`.

    Returns:
        Its path.
    """
    stem = result.photo.stem
    with IsolatedImageFile(result.photo.content, limits=limits) as file:
        photo = file.read(at_least_px=FULL_PX)
    photo, depth = fitted(photo, result.depth, FULL_PX)
    camera = _camera(depth, result, settings)
    metric = _metric(depth, camera, settings)
    if name == "cloud":
        return keep_file(_cloud(photo, metric, camera, settings), f"{stem}-cloud.ply")
    options = settings.surface
    mesh = _mesh(metric, camera, options)
    files = encode_mesh(mesh, photo, f".{name}", stem=f"{stem}-mesh", options=options)
    if len(files) > 1:
        return keep_file(zipped(files), f"{stem}-mesh.zip")
    ((file_name, content),) = files.items()
    return keep_file(content, file_name)


def _metric(depth: DepthMap, camera: Camera, settings: SceneSettings) -> MetricDepth:
    return settings.distances.calibrate(depth, camera.hfov_deg).apply(depth)


def _mesh(metric: MetricDepth, camera: Camera, options: MeshOptions) -> Mesh:
    try:
        return make_mesh(metric, camera, options)
    except GeometryError as error:
        raise PageError("scene.error.flat") from error


def _cloud(photo: Image, metric: MetricDepth, camera: Camera, settings: SceneSettings) -> bytes:
    surface = settings.surface
    options = CloudOptions(max_slope_deg=surface.max_slope_deg, step_px=surface.step_px)
    try:
        cloud = make_cloud(metric, photo, camera, options)
    except GeometryError as error:
        raise PageError("scene.error.flat") from error
    return encode_cloud(cloud, ".ply")


def _camera(depth: DepthMap, result: Result, settings: SceneSettings) -> Camera:
    return Camera.of_photo(
        depth.size_px, fov_deg=settings.distances.fov_deg, focal_35mm_mm=result.focal_35mm_mm
    )
