"""`POST /v1/cloud` and `POST /v1/mesh`: create a scene in metres from a photo."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from fastapi import APIRouter, Request, Response
from pydantic import Field

from nearfar.calibration import DistanceOptions, KnownPoint
from nearfar.config import ImageLimits, RefinedOptions
from nearfar.depth import Depth, MetricDepth
from nearfar.effects.base import fitted
from nearfar.effects.export import zipped
from nearfar.errors import UsageError
from nearfar.geometry import Camera, encode_cloud, encode_mesh, make_cloud, make_mesh_for
from nearfar.geometry.export import CLOUD_FORMATS, MESH_FORMATS
from nearfar.geometry.options import CloudOptions, MeshOptions
from nearfar.io.images import Image
from nearfar.isolation.photos import IsolatedImageFile
from nearfar.service.errors import responses
from nearfar.service.routes.depth import HEADERS, REFUSALS, about, while_here
from nearfar.service.routes.effects import PhotoSize
from nearfar.service.routes.probe import parse
from nearfar.service.schemas import (
    MODEL,
    Upload,
    body_for_openapi,
    part_of,
    query_of,
    read_upload,
    reads,
)

if TYPE_CHECKING:
    from nearfar.service.engine import InferenceEngine

router: Final = APIRouter(tags=["scenes"])

ASSUMPTION: Final = "X-Nearfar-Assumption"

_TYPES: Final = {
    ".ply": "application/x-ply",
    ".glb": "model/gltf-binary",
    ".xyz": "text/plain",
    ".obj": "application/zip",
}
_SENTENCES: Final = {
    "ply": "PLY",
    "glb": "binary glTF",
    "xyz": "lines of x y z r g b",
    "obj": "a ZIP of OBJ, material and texture",
}


_KNOWN: Final = {
    "type": "string",
    "description": "JSON: a list of objects with x_px, y_px and metres, two or more.",
}


def _formats(suffixes: Iterable[str]) -> Any:
    names = tuple(each.removeprefix(".") for each in suffixes)
    descriptions = "; ".join(f"{name}: {_SENTENCES[name]}" for name in names)
    return (Literal[names], Field(names[0], description=f"{descriptions}."))


CloudQuery: Final = query_of(
    "CloudQuery",
    *(RefinedOptions, DistanceOptions, PhotoSize, CloudOptions),
    model=MODEL,
    format=_formats(CLOUD_FORMATS),
)
MeshQuery: Final = query_of(
    "MeshQuery",
    *(RefinedOptions, DistanceOptions, PhotoSize, MeshOptions),
    model=MODEL,
    format=_formats(MESH_FORMATS),
)


@dataclass(frozen=True, eq=False)
class Scene:
    """A photo, its depth in metres and its camera, all of one size."""

    photo: Image
    depth: MetricDepth
    camera: Camera


Content = tuple[bytes, str]
"""The content of a file, and the basis of its metres."""


def _described(suffixes: Iterable[str]) -> dict[int | str, dict[str, Any]]:
    types = dict.fromkeys(_TYPES[each] for each in suffixes)
    descriptions = {**HEADERS, ASSUMPTION: "What the metres are based on."}
    return {
        200: {
            "description": "The scene in metres: x right, y up, z towards the viewer.",
            "content": {each: {"schema": {}} for each in types},
            "headers": {
                name: {"description": sentence, "schema": {"type": "string"}}
                for name, sentence in descriptions.items()
            },
        },
        **responses(*REFUSALS, "bad-point", "no-metres", "no-surface", "format-too-small"),
    }


@router.post(
    "/v1/cloud",
    summary="Turn a photo into a colored point cloud",
    response_class=Response,
    responses=_described(CLOUD_FORMATS),
    openapi_extra=body_for_openapi(needed=False, known=_KNOWN),
)
async def cloud(request: Request, query: Annotated[Any, reads(CloudQuery)]) -> Response:
    """Send the photo as a form's file field `photo`, or as the bare body.

    Without distances, the nearest pixel is assumed to be at 1 m and the farthest at 5 m, unless the
    model outputs metres.
    """

    def made(scene: Scene) -> Content:
        options = part_of(query, CloudOptions)
        points = make_cloud(scene.depth, scene.photo, scene.camera, options)
        return encode_cloud(points, f".{query.format}"), points.note

    return await _answer(request, query, made, "cloud")


@router.post(
    "/v1/mesh",
    summary="Turn a photo into a textured surface",
    response_class=Response,
    responses=_described(MESH_FORMATS),
    openapi_extra=body_for_openapi(needed=False, known=_KNOWN),
)
async def mesh(request: Request, query: Annotated[Any, reads(MeshQuery)]) -> Response:
    """Send the photo as a form's file field `photo`, or as the bare body.

    Without distances, the nearest pixel is assumed to be at 1 m and the farthest at 5 m, unless the
    model outputs metres.
    """

    def made(scene: Scene) -> Content:
        options = part_of(query, MeshOptions)
        suffix = f".{query.format}"
        surface, texture = make_mesh_for(suffix, scene.depth, scene.photo, scene.camera, options)
        files = encode_mesh(surface, texture, suffix, options=options)
        content = files.popitem()[1] if len(files) == 1 else zipped(files)
        return content, surface.note

    return await _answer(request, query, made, "mesh")


async def _answer(
    request: Request, query: Any, make: Callable[[Scene], Content], what: str
) -> Response:
    engine: InferenceEngine = request.app.state.engine
    with engine.reserve(request.state.client) as reservation:
        upload = await read_upload(request, fields=frozenset({"known"}))
        distances = _distances(query, upload)
        work = engine.depth(
            upload.photo,
            reservation=reservation,
            make=lambda depth: make(
                _scene(upload.photo, depth, distances, query, engine.options.limits)
            ),
            model=query.model,
            options=part_of(query, RefinedOptions),
            fov_deg=query.fov_deg,
        )
        made = await while_here(request, work)
    content, note = made.value
    kind = _TYPES[f".{query.format}"]
    suffix = ".zip" if kind == "application/zip" else f".{query.format}"
    headers = {
        **about(made),
        ASSUMPTION: note,
        "Content-Disposition": upload.disposition(suffix, what),
    }
    return Response(content, headers={**headers, "Content-Type": kind})


def _distances(query: Any, upload: Upload) -> DistanceOptions:
    text = upload.fields.get("known", query.known)
    points = [] if text is None else parse(text)
    if any(point.metres is None for point in points):
        raise UsageError("known: give metres with each point")
    known = tuple(KnownPoint(each.x_px, each.y_px, each.metres or 0) for each in points)
    return part_of(query, DistanceOptions, known=known)


def _scene(
    content: bytes, depth: Depth, distances: DistanceOptions, query: Any, limits: ImageLimits
) -> Scene:
    """Convert a map to metres at the requested size; known points are pixels of the full photo."""
    with IsolatedImageFile(content, limits=limits) as file:
        focal_35mm_mm = file.focal_35mm_mm
        photo = file.read(at_least_px=query.longest_px)
    camera = Camera.of_photo(depth.size_px, fov_deg=distances.fov_deg, focal_35mm_mm=focal_35mm_mm)
    calibration = distances.calibrate(depth, camera.hfov_deg)
    photo, small = fitted(photo, depth.relative(), query.longest_px)
    camera = Camera.of_photo(small.size_px, fov_deg=distances.fov_deg, focal_35mm_mm=focal_35mm_mm)
    return Scene(photo, calibration.apply(small), camera)
