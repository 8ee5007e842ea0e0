"""Scenes in metres from a photo and its map, as displayed in the 3D tab and as downloads."""

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from nearfar.calibration import ASSUMED_M, Calibration, DistanceOptions
from nearfar.depth import DepthMap, MetricDepth
from nearfar.effects.base import fitted
from nearfar.effects.export import zipped
from nearfar.effects.photo3d import Photo3dOptions, photo3d_html
from nearfar.errors import GeometryError
from nearfar.geometry import (
    Camera,
    CloudOptions,
    MeshOptions,
    encode_cloud,
    encode_mesh,
    make_cloud,
    make_mesh_for,
)
from nearfar.io.images import Image, ImageLimits
from nearfar.isolation.photos import IsolatedImageFile
from nearfar.web.controls import read_controls
from nearfar.web.files import keep_file
from nearfar.web.session_store import Result
from nearfar.web.show_errors import PageError

ALL_ROUND_DEG: Final = 180.0

FULL_PX: Final = 2048
"""Longest side of the photo for files."""


DISTANCES: Final = ("near_m", "far_m", "camera_height_m", "pitch_deg", "fov_deg")
"""Options of `DistanceOptions` on the page; known points are clicked in the Depth tab."""

SURFACE: Final = ("max_slope_deg", "step_px")
"""Options of `MeshOptions` on the page."""


@dataclass(frozen=True)
class SceneSettings:
    """Known or assumed distances, and options of the scene.

    Attributes:
        distances: options of the conversion to metres.
        surface: options of surfaces in files.
        is_free: whether the view can be rotated without limits.
    """

    distances: DistanceOptions = field(default_factory=DistanceOptions)
    surface: MeshOptions = field(default_factory=MeshOptions)
    is_free: bool = False

    @classmethod
    def read(cls, is_free: Any, *values: Any) -> "SceneSettings":
        """Read the values of the components: `is_free`, those of `DISTANCES` and of `SURFACE`.

        Raises:
            PageError: a text is not a number, or values are invalid.
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
        return cls(distances, read_controls(MeshOptions, surface, names=SURFACE), bool(is_free))


@dataclass(frozen=True)
class ShownScene:
    """Displayed scene.

    Attributes:
        html: of the viewer, a complete page.
        near_m: distance of the nearest point.
        far_m: of the farthest.
        basis: basis of the distances: "range", "height", of the camera, or "model".
        fov_deg: horizontal field of view.
        lens: its origin: "given", "exif" or "assumed".
    """

    html: str
    near_m: float
    far_m: float
    basis: str
    fov_deg: float
    lens: str


def show_scene(result: Result, settings: SceneSettings) -> ShownScene:
    """Create the 3D photo at display size."""
    photo, depth = result.shown_photo, result.shown_depth
    camera = _camera(depth, result, settings)
    metric = _metric(depth, camera, result, settings)
    lens = "exif" if result.focal_35mm_mm is not None else "assumed"
    distances = settings.distances
    near_m, far_m = _range(metric)
    return ShownScene(
        _html(photo, depth, result, settings),
        near_m,
        far_m,
        _basis(result, distances),
        camera.hfov_deg,
        lens if distances.fov_deg is None else "given",
    )


def download_scene(result: Result, settings: SceneSettings, name: str, limits: ImageLimits) -> str:
    """Create a file: `html`, `glb`, `obj` (a ZIP), `ply` or `cloud`.

    Returns:
        Its path.
    """
    stem = result.photo.stem
    with IsolatedImageFile(result.photo.content, limits=limits) as file:
        photo = file.read(at_least_px=FULL_PX)
    photo, depth = fitted(photo, result.depth, FULL_PX)
    camera = _camera(depth, result, settings)
    metric = _metric(depth, camera, result, settings)
    if name == "html":
        html = _html(photo, depth, result, settings)
        return keep_file(html.encode(), f"{stem}-photo3d.html")
    if name == "cloud":
        return keep_file(_cloud(photo, metric, camera, settings), f"{stem}-cloud.ply")
    try:
        mesh, texture = make_mesh_for(f".{name}", metric, photo, camera, settings.surface)
    except GeometryError as error:
        raise PageError("scene.error.flat") from error
    files = encode_mesh(mesh, texture, f".{name}", stem=f"{stem}-mesh", options=settings.surface)
    if len(files) > 1:
        return keep_file(zipped(files), f"{stem}-mesh.zip")
    ((file_name, content),) = files.items()
    return keep_file(content, file_name)


def _html(photo: Image, depth: DepthMap, result: Result, settings: SceneSettings) -> str:
    camera = _camera(depth, result, settings)
    metric = _metric(depth, camera, result, settings)
    near_m, far_m = _range(metric)
    if not np.isfinite(metric.metres).all():
        far_m = np.inf  # the least value of the map is then no surface, not the farthest one
    turn_deg = ALL_ROUND_DEG if settings.is_free else Photo3dOptions().turn_deg
    options = Photo3dOptions(turn_deg=turn_deg, title=result.photo.stem)
    return photo3d_html(photo, depth, options, fov_deg=camera.hfov_deg, near_m=near_m, far_m=far_m)


def _range(metric: MetricDepth) -> tuple[float, float]:
    metres = metric.metres[np.isfinite(metric.metres)]
    if not metres.size:
        raise PageError("scene.error.flat")
    return float(f"{metres.min():.4g}"), float(f"{metres.max():.4g}")


def _basis(result: Result, distances: DistanceOptions) -> str:
    if distances.camera_height_m is not None:
        return "height"
    return "model" if result.assumption is not None and distances.near_m is None else "range"


def _metric(
    depth: DepthMap, camera: Camera, result: Result, settings: SceneSettings
) -> MetricDepth:
    if _basis(result, settings.distances) == "model":
        return Calibration(1.0, 0.0, result.assumption or "").apply(depth)
    return settings.distances.calibrate(depth, camera.hfov_deg).apply(depth)


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
