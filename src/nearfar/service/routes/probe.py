"""`POST /v1/probe`: read the depth of points of a photo."""

import json
import math
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import APIRouter, Request, Response
from pydantic import TypeAdapter, ValidationError

from nearfar.calibration import KnownPoint, fit_points
from nearfar.config import EstimateOptions
from nearfar.depth import Depth, MetricDepth
from nearfar.service.errors import RefusedError, responses
from nearfar.service.routes.depth import REFUSALS, about, while_here
from nearfar.service.schemas import (
    Point,
    Points,
    ProbeAnswer,
    ProbeQuery,
    Reading,
    body_for_openapi,
    part_of,
    read_upload,
    reads,
)

if TYPE_CHECKING:
    from nearfar.service.engine import InferenceEngine

router: Final = APIRouter(tags=["depth"])

_POINTS: Final[TypeAdapter[list[Point]]] = TypeAdapter(Points)
_EXAMPLE: Final = [
    {"x_px": 120, "y_px": 480, "metres": 1.5},
    {"x_px": 60, "y_px": 60, "metres": 20},
    {"x_px": 300, "y_px": 200},
]


@router.post(
    "/v1/probe",
    summary="Read the depth of points of a photo",
    response_model=ProbeAnswer,
    responses=responses(*REFUSALS, "bad-point", "no-metres"),
    openapi_extra=body_for_openapi(
        points={
            "type": "string",
            "description": "JSON: a list of objects with x_px, y_px and, if known, metres.",
            "example": json.dumps(_EXAMPLE),
        }
    ),
)
async def probe(
    request: Request, response: Response, query: Annotated[Any, reads(ProbeQuery)]
) -> ProbeAnswer:
    """Send the photo as a form's file field `photo` together with the field `points`.

    Or send it as the bare body, with `points` in the query. If the distances of two or more points
    are given, or the model outputs metres, the response includes metres for every point.
    """
    engine: InferenceEngine = request.app.state.engine
    with engine.reserve(request.state.client) as reservation:
        upload = await read_upload(request, fields=frozenset({"points"}))
        points = parse(upload.fields.get("points", query.points))
        work = engine.depth(
            upload.photo,
            reservation=reservation,
            make=partial(read_points, points=points),
            model=query.model,
            options=part_of(query, EstimateOptions),
        )
        made = await while_here(request, work)
    assumption, readings = made.value
    response.headers.update(about(made))
    return ProbeAnswer(
        model=made.model,
        width_px=made.width_px,
        height_px=made.height_px,
        assumption=assumption,
        points=readings,
    )


def parse(text: str | None) -> list[Point]:
    """Read the points of a request.

    Raises:
        RefusedError: there are none, or they are invalid.
    """
    if text is None:
        raise RefusedError("bad-option", "Give points: points=" + json.dumps(_EXAMPLE[2:]))
    try:
        return _POINTS.validate_json(text)
    except ValidationError as error:
        faults = {
            ".".join(("points", *map(str, fault["loc"]))): fault["msg"] for fault in error.errors()
        }
        raise RefusedError("bad-option", "The points can't be read.", faults=faults) from error


def read_points(found: Depth, points: Sequence[Point]) -> tuple[str | None, list[Reading]]:
    """Read a map at points.

    Returns:
        Basis of the metres, None without metres; and one reading per point.

    Raises:
        PointError: a point is outside the picture.
        CalibrationError: the known distances do not determine metres.
    """
    known = [
        KnownPoint(point.x_px, point.y_px, point.metres)
        for point in points
        if point.metres is not None
    ]
    depth = found.relative()
    metric = found if isinstance(found, MetricDepth) else None
    if known:
        metric = fit_points(depth, known).apply(depth)
    nearness = depth.nearness()
    readings = []
    for x_px, y_px in ((point.x_px, point.y_px) for point in points):
        metres = math.inf if metric is None else metric.at(x_px, y_px)
        readings.append(
            Reading(
                x_px=x_px,
                y_px=y_px,
                inverse_depth=depth.at(x_px, y_px),
                nearness=float(nearness[y_px, x_px]),
                nearer_than_percent=depth.percentile(x_px, y_px),
                metres=metres if math.isfinite(metres) else None,
            )
        )
    return (metric.assumption if metric else None), readings
