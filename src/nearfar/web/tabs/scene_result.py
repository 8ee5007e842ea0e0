"""A photo and its map to a scene in metres, as the 3D tab shows it and as it is taken home."""

from dataclasses import dataclass
from typing import Final

from nearfar.calibration import ASSUMED_M, fit_range
from nearfar.depth import DepthMap
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
from nearfar.web.files import keep_file
from nearfar.web.session_store import Result
from nearfar.web.show_errors import PageError

ALL_ROUND_DEG: Final = 180.0

FULL_PX: Final = 2048
"""Longest side of the photo of which files are made."""


@dataclass(frozen=True)
class SceneSettings:
    """What the visitor assumes, and how the scene is made.

    Attributes:
        near_m: distance of the nearest point.
        far_m: of the farthest.
        fov_deg: horizontal field of view; None is that of EXIF, or else 60.
        max_slope_deg: surfaces of the files that are steeper are cut.
        step_px: spacing of their grid.
        is_free: whether the view can be turned all the way round.
    """

    near_m: float = ASSUMED_M[0]
    far_m: float = ASSUMED_M[1]
    fov_deg: float | None = None
    max_slope_deg: float = 75.0
    step_px: int = 1
    is_free: bool = False

    @classmethod
    def read(  # noqa: PLR0917 - the values of the components, in their order
        cls,
        near: str,
        far: str,
        fov: str,
        is_free: bool,
        max_slope_deg: float,
        step_px: float,
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
        return cls(near_m, far_m, fov_deg, max_slope_deg, round(step_px), is_free)


@dataclass(frozen=True)
class ShownScene:
    """What the page shows.

    Attributes:
        html: of the viewer, a whole page.
        near_m: distance of the nearest point, an assumption.
        far_m: of the farthest.
        fov_deg: horizontal field of view.
        lens: where that comes from: "given", "exif" or "assumed".
    """

    html: str
    near_m: float
    far_m: float
    fov_deg: float
    lens: str


def show_scene(result: Result, settings: SceneSettings) -> ShownScene:
    """Make the 3D photo at the size at which it is shown."""
    camera = _camera(result.shown_depth, result, settings)
    lens = "exif" if result.focal_35mm_mm is not None else "assumed"
    return ShownScene(
        _html(result.shown_photo, result.shown_depth, result, settings),
        settings.near_m,
        settings.far_m,
        camera.hfov_deg,
        lens if settings.fov_deg is None else "given",
    )


def download_scene(result: Result, settings: SceneSettings, name: str, limits: ImageLimits) -> str:
    """Make a file: `html`, `glb`, `obj` (a ZIP), `ply` or `cloud`.

    Returns:
        Its path.
    """
    stem = result.photo.stem
    with IsolatedImageFile(result.photo.content, limits=limits) as file:
        photo = file.read(at_least_px=FULL_PX)
    photo, depth = fitted(photo, result.depth, FULL_PX)
    if name == "html":
        html = _html(photo, depth, result, settings)
        return keep_file(html.encode(), f"{stem}-photo3d.html")
    if name == "cloud":
        return keep_file(_cloud(photo, depth, result, settings), f"{stem}-cloud.ply")
    options = MeshOptions(max_slope_deg=settings.max_slope_deg, step_px=settings.step_px)
    metric = fit_range(depth, settings.near_m, settings.far_m).apply(depth)
    camera = _camera(depth, result, settings)
    try:
        mesh, texture = make_mesh_for(f".{name}", metric, photo, camera, options)
    except GeometryError as error:
        raise PageError("scene.error.flat") from error
    files = encode_mesh(mesh, texture, f".{name}", stem=f"{stem}-mesh", options=options)
    if len(files) > 1:
        return keep_file(zipped(files), f"{stem}-mesh.zip")
    ((file_name, content),) = files.items()
    return keep_file(content, file_name)


def _html(photo: Image, depth: DepthMap, result: Result, settings: SceneSettings) -> str:
    return photo3d_html(
        photo,
        depth,
        Photo3dOptions(
            turn_deg=ALL_ROUND_DEG if settings.is_free else Photo3dOptions().turn_deg,
            title=result.photo.stem,
        ),
        fov_deg=_camera(depth, result, settings).hfov_deg,
        near_m=settings.near_m,
        far_m=settings.far_m,
    )


def _cloud(photo: Image, depth: DepthMap, result: Result, settings: SceneSettings) -> bytes:
    metric = fit_range(depth, settings.near_m, settings.far_m).apply(depth)
    options = CloudOptions(max_slope_deg=settings.max_slope_deg, step_px=settings.step_px)
    try:
        cloud = make_cloud(metric, photo, _camera(depth, result, settings), options)
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
