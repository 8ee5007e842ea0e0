"""`POST /v1/depth`: estimate the depth of a photo."""

import asyncio
from collections.abc import Coroutine
from functools import partial
from typing import Annotated, Any, Final

from fastapi import APIRouter, Request, Response
from starlette.requests import ClientDisconnect

from nearfar.config import EstimateOptions, OutputOptions
from nearfar.service.engine import InferenceEngine, Prediction
from nearfar.service.errors import RefusedError, responses
from nearfar.service.response_formats import DEFAULT, RESULTS, accepted, encode
from nearfar.service.schemas import (
    DepthQuery,
    body_for_openapi,
    part_of,
    read_upload,
    reads,
)
from nearfar.service.worker import T, Timing

router: Final = APIRouter(tags=["depth"])

REFUSALS: Final = (
    *(
        "bad-request",
        "foreign-host",
        "foreign-origin",
        "upload-timeout",
        "too-large",
        "not-a-picture",
    ),
    *("heic-not-read", "bad-option", "unknown-model", "damaged-picture"),
    *("decoder-memory", "decoder-crashed", "decoder-timeout"),
    *("queue-full", "internal", "not-ready", "out-of-memory", "timed-out", "no-room"),
)
"""Errors of a request with a photo."""

HEADERS: Final = {
    "X-Nearfar-Model": "Model of the map.",
    "X-Nearfar-Runtime": "What ran it.",
    "X-Request-Id": "Id of the request in the log.",
    "Server-Timing": "Duration of each step in milliseconds: queue, prepare, infer, finish.",
    "Content-Disposition": "File name: `<stem of the photo>-depth.<suffix>`.",
}


@router.post(
    "/v1/depth",
    summary="Estimate the depth of a photo",
    response_class=Response,
    responses={
        200: {
            "description": "The map, of the photo's size; larger values are nearer.",
            "content": {row.media_type: {"schema": {}} for row in RESULTS.values()},
            "headers": {
                name: {"description": sentence, "schema": {"type": "string"}}
                for name, sentence in HEADERS.items()
            },
        },
        **responses(*REFUSALS, "not-acceptable", "format-too-small"),
    },
    openapi_extra=body_for_openapi(),
)
async def depth(request: Request, query: Annotated[Any, reads(DepthQuery)]) -> Response:
    """Send the photo as a form's file field `photo`, or as the bare body.

    `format`, or else `Accept`, determines the response: image/png is the 16-bit map, image/jpeg and
    image/webp are the map in color.
    """
    name = query.format or accepted(request.headers.get("accept"))
    if name is None:
        kinds = ", ".join(dict.fromkeys(row.media_type for row in RESULTS.values()))
        raise RefusedError("not-acceptable", f"Available: {kinds}; or use ?format={DEFAULT}.")
    engine: InferenceEngine = request.app.state.engine
    with engine.reserve(request.state.client) as reservation:
        upload = await read_upload(request)
        work = engine.depth(
            upload.photo,
            reservation=reservation,
            make=partial(encode, name=name, options=part_of(query, OutputOptions)),
            model=query.model,
            options=part_of(query, EstimateOptions),
        )
        made = await while_here(request, work)
    row = RESULTS[name]
    headers = {**about(made), "Content-Disposition": upload.disposition(row.suffix)}
    return Response(made.value, media_type=row.media_type, headers={**headers, "Vary": "Accept"})


def about(made: Prediction[Any]) -> dict[str, str]:
    """Return the headers with the model and the duration of the steps."""
    return {
        "X-Nearfar-Model": made.model,
        "X-Nearfar-Runtime": made.runtime,
        "Server-Timing": _server_timing(made.timing),
    }


def _server_timing(timing: Timing) -> str:
    stages = ("queue", "prepare", "infer", "finish")
    return ", ".join(f"{stage};dur={getattr(timing, f'{stage}_ms'):.2f}" for stage in stages)


async def while_here(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Wait for work while the client is connected; cancel the work when it disconnects.

    Raises:
        ClientDisconnect: it disconnected.
    """
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientDisconnect
        return working.result()
    finally:
        leaving.cancel()
        if not working.done():
            working.cancel()
            await asyncio.wait((working,))


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
