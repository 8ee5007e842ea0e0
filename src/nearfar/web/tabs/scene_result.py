"""A photo and its map to a scene in metres, as the 3D tab shows it and as it is taken home."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from nearfar.calibration import ASSUMED_M, Calibration, fit_range
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
from nearfar.web.files import keep_file
from nearfar.web.session_store import Result
from nearfar.web.show_errors import PageError

SHOWN_VERTICES: Final = 120_000
"""Of the scene on the page: phones turn it smoothly, and it comes quickly."""

_ASIDE: Final = (0.06, 0.04, 0.25)
"""Of the way to the scene's middle: how far from the photo's own place it is first seen."""

FULL_PX: Final = 2048
"""Longest side of the photo of which files are made."""


@dataclass(frozen=True)
class SceneSettings:
    """What the visitor assumes, and how the surface is made.

    Attributes:
        near_m: distance of the nearest point.
        far_m: of the farthest. Where both are `ASSUMED_M`, metres of the model come before them.
        fov_deg: horizontal field of view; None is that of EXIF, or else 60.
        max_slope_deg: what stands steeper is cut.
        step_px: width of the grid's meshes.
    """

    near_m: float = ASSUMED_M[0]
    far_m: float = ASSUMED_M[1]
    fov_deg: float | None = None
    max_slope_deg: float = 75.0
    step_px: int = 1

    @classmethod
    def read(
        cls, near: str, far: str, fov: str, max_slope_deg: float, step_px: float
    ) -> "SceneSettings":
        """Read what was typed.

        Raises:
            PageError: something that is no number, or that makes no sense.
        """
        near_m, far_m, fov_deg = _number(near), _number(far), _number(fov)
        near_m = ASSUMED_M[0] if near_m is None else near_m
        far_m = ASSUMED_M[1] if far_m is None else far_m
        if not 0 < near_m < far_m:
            raise PageError("scene.error.range")
        if fov_deg is not None and not 1 <= fov_deg <= 170:
            raise PageError("scene.error.fov")
        return cls(near_m, far_m, fov_deg, max_slope_deg, round(step_px))


@dataclass(frozen=True)
class ShownScene:
    """What the page shows.

    Attributes:
        path: of the GLB.
        faces: number of triangles.
        near_m: distance of the nearest point.
        far_m: of the farthest.
        is_of_model: both are what the model gave, and no assumption.
        fov_deg: horizontal field of view.
        lens: where that comes from: "given", "exif" or "assumed".
        seen_from: angles in degrees and distance of Gradio's camera around the scene's middle.
    """

    path: str
    faces: int
    near_m: float
    far_m: float
    fov_deg: float
    lens: str
    seen_from: tuple[float, float, float]
    is_of_model: bool = False


def show_scene(result: Result, settings: SceneSettings) -> ShownScene:
    """Make the scene at the size at which it is shown.

    Raises:
        PageError: nothing of the surface is left.
    """
    photo, depth = result.shown_photo, result.shown_depth
    options = MeshOptions(
        max_slope_deg=settings.max_slope_deg,
        step_px=settings.step_px,
        max_vertices=SHOWN_VERTICES,
        max_texture_px=1280,
    )
    camera = _camera(depth, result, settings)
    metric = _metric(depth, result, settings)
    mesh = _mesh(metric, camera, options)
    *_, content = encode_mesh(mesh, photo, ".glb", options=options).values()
    path = keep_file(content, "scene.glb")
    lens = "exif" if result.focal_35mm_mm is not None else "assumed"
    is_of_model = _is_of_model(result, settings)
    seen = metric.metres[np.isfinite(metric.metres)]
    return ShownScene(
        path,
        len(mesh.faces),
        float(seen.min()) if is_of_model else settings.near_m,
        float(seen.max()) if is_of_model else settings.far_m,
        camera.hfov_deg,
        lens if settings.fov_deg is None else "given",
        _seen_from(mesh),
        is_of_model,
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
    metric, camera = _metric(depth, result, settings), _camera(depth, result, settings)
    if name == "cloud":
        return keep_file(_cloud(photo, metric, camera, settings), f"{stem}-cloud.ply")
    options = MeshOptions(max_slope_deg=settings.max_slope_deg, step_px=settings.step_px)
    mesh = _mesh(metric, camera, options)
    files = encode_mesh(mesh, photo, f".{name}", stem=f"{stem}-mesh", options=options)
    if len(files) > 1:
        return keep_file(zipped(files), f"{stem}-mesh.zip")
    ((file_name, content),) = files.items()
    return keep_file(content, file_name)


def _is_of_model(result: Result, settings: SceneSettings) -> bool:
    """Return whether the metres are those of the model: it gives them, and nothing was typed."""
    is_typed = (settings.near_m, settings.far_m) != ASSUMED_M
    return result.assumption is not None and not is_typed


def _metric(depth: DepthMap, result: Result, settings: SceneSettings) -> MetricDepth:
    if _is_of_model(result, settings):
        return Calibration(1.0, 0.0, result.assumption or "").apply(depth)
    return fit_range(depth, settings.near_m, settings.far_m).apply(depth)


def _mesh(metric: MetricDepth, camera: Camera, options: MeshOptions) -> Mesh:
    try:
        return make_mesh(metric, camera, options)
    except GeometryError as error:
        raise PageError("scene.error.flat") from error


def _cloud(photo: Image, metric: MetricDepth, camera: Camera, settings: SceneSettings) -> bytes:
    options = CloudOptions(max_slope_deg=settings.max_slope_deg, step_px=settings.step_px)
    try:
        cloud = make_cloud(metric, photo, camera, options)
    except GeometryError as error:
        raise PageError("scene.error.flat") from error
    return encode_cloud(cloud, ".ply")


def _camera(depth: DepthMap, result: Result, settings: SceneSettings) -> Camera:
    return Camera.of_photo(
        depth.size_px, fov_deg=settings.fov_deg, focal_35mm_mm=result.focal_35mm_mm
    )


def _number(text: str) -> float | None:
    if not text.strip():
        return None
    try:
        return float(text.replace(",", "."))
    except ValueError:
        raise PageError("scene.error.number", text=text) from None
