"""`/v1/videos`: send a clip, poll its state, download the result, or cancel it."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, Final

from fastapi import APIRouter, Depends, Request, Response
from fastapi import Path as PathField
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.types import Receive, Scope, Send

from nearfar.optional import require
from nearfar.service.errors import RefusedError, problem_dict, responses
from nearfar.service.middleware import CLIPS, public_path
from nearfar.service.routes.depth import while_here
from nearfar.service.schemas import disposition
from nearfar.service.videos.query import PICTURES, Wanted, parameters, read_wanted
from nearfar.service.videos.store import MEDIA_TYPES, VideoJob, VideoState
from nearfar.service.videos.upload import CLIP, body_for_openapi, read_clip_upload

if TYPE_CHECKING:
    from nearfar.service.videos.manager import VideoManager

router: Final = APIRouter(tags=["videos"])

Id = Annotated[str, PathField(max_length=64, description="Id of the clip, as in its Location.")]
_AGAIN_S: Final = "1"
_PIECE_BYTES: Final = 2**18
_EXAMPLE: Final[dict[str, Any]] = {
    "id": "pX3k0Zq1mN8vT5rY7wLs2cQd",
    "state": "running",
    "show": "side",
    "model": "nearfar-lite",
    "frames_done": 120,
    "frames": 300,
    "seconds_left": 9.4,
    "ahead": 0,
    "result": None,
    "warnings": [],
    "problem": None,
}


class VideoAnswer(BaseModel):
    """The state of a clip."""

    model_config = ConfigDict(json_schema_extra={"example": _EXAMPLE})

    id: str
    state: VideoState
    show: str = Field(description="Kind of result.")
    model: str | None = Field(description="Its model, once it is running.")
    frames_done: int
    frames: int | None = Field(description="Number of frames, if known.")
    seconds_left: float | None = Field(description="Estimated from the frames so far.")
    ahead: int = Field(description="Clips before it in the queue.")
    result: str | None = Field(description="URL of the result, once the state is done.")
    warnings: list[str] = Field(description="Defects of the clip.")
    problem: dict[str, Any] | None = Field(
        description="Why it failed, as `application/problem+json`."
    )


def _answer(request: Request, job: VideoJob) -> VideoAnswer:
    videos: VideoManager = request.app.state.videos
    left_s = job.seconds_left
    return VideoAnswer(
        id=job.id,
        state=job.state,
        show=job.order.kind,
        model=job.model,
        frames_done=job.frames_done,
        frames=job.frames,
        seconds_left=None if left_s is None else round(left_s, 1),
        ahead=videos.ahead(job),
        result=_address(request, job) + "/result" if job.state == "done" else None,
        warnings=list(job.warnings),
        problem=None if job.refusal is None else problem_dict(job.refusal, job.request_id),
    )


def _address(request: Request, job: VideoJob) -> str:
    return public_path(request.scope, f"{CLIPS}/{job.id}")


@router.post(
    CLIPS,
    status_code=202,
    summary="Send a clip",
    response_model=VideoAnswer,
    responses={
        202: {
            "description": "It is queued or running.",
            "headers": {
                "Location": {"description": "URL of its state.", "schema": {"type": "string"}}
            },
        },
        **responses(
            *("bad-request", "foreign-origin", "upload-timeout", "clip-too-large", "too-large"),
            *("not-a-clip", "not-a-picture", "heic-not-read", "bad-option", "unknown-model"),
            *("damaged-picture", "queue-full", "internal", "not-installed", "not-ready"),
            *("decoder-memory", "decoder-crashed", "decoder-timeout"),
            *("out-of-memory", "no-room"),
        ),
    },
    openapi_extra={"parameters": parameters(), "requestBody": body_for_openapi(dict(PICTURES))},
)
async def begin(request: Request, wanted: Annotated[Wanted, Depends(read_wanted)]) -> JSONResponse:
    """Send the clip as a form's file field `clip`, or as the bare body.

    `show` selects the kind of result; an effect's options are in the query, and its pictures are
    additional files of the form.
    """
    videos: VideoManager = request.app.state.videos
    limits = videos.options.limits
    length = request.headers.get("content-length", "")
    with videos.reserve(request.state.client, int(length) if length.isdecimal() else None) as slot:
        require("av")
        wanted.order({}, limits)  # reject invalid options before the body is read
        await videos.check_model(wanted.model)
        upload = await read_clip_upload(request, slot.path, wanted.pictures)
        order = await asyncio.to_thread(wanted.order, upload.pictures, limits)
        job = await while_here(
            request,
            videos.accept(slot, order, stem=upload.stem, request_id=request.state.request_id),
        )
    location = {"Location": _address(request, job)}
    return JSONResponse(_answer(request, job).model_dump(), 202, location)


@router.get(
    f"{CLIPS}/{{id}}",
    summary="Return the state of a clip",
    responses=responses("not-found", "bad-option", "internal"),
)
async def state(request: Request, id: Id) -> VideoAnswer:
    """Return its state. A clip is cancelled if its state is not requested any more."""
    videos: VideoManager = request.app.state.videos
    return _answer(request, videos.find(id))


@router.delete(
    f"{CLIPS}/{{id}}",
    status_code=204,
    summary="Cancel a clip, and delete its result",
    responses=responses("not-found", "foreign-origin", "bad-option", "internal"),
)
async def remove(request: Request, id: Id) -> None:
    """Stop after the current frame, and delete all files."""
    videos: VideoManager = request.app.state.videos
    await videos.remove(videos.find(id))


@router.get(
    f"{CLIPS}/{{id}}/result",
    summary="Download the result of a clip",
    response_class=Response,
    responses={
        200: {
            "description": "The file; by default it is kept for an hour.",
            "content": {each: {"schema": {}} for each in MEDIA_TYPES.values()},
            "headers": {
                "Content-Disposition": {
                    "description": "File name.",
                    "schema": {"type": "string"},
                }
            },
        },
        **responses("not-found", "no-result", "bad-option", "internal"),
    },
)
async def result(request: Request, id: Id) -> Response:
    """Respond with the file once the state is `done`, before that with 409."""
    videos: VideoManager = request.app.state.videos
    job = videos.find(id)
    if job.state != "done":
        headers = {"Retry-After": _AGAIN_S} if job.is_open else {}
        raise RefusedError("no-result", f"The clip is {job.state}.", headers=headers)
    try:
        return await asyncio.to_thread(_FileAnswer, request, job.result, job)
    except FileNotFoundError as error:  # deleted a moment ago
        raise RefusedError("not-found") from error


class _FileAnswer(Response):
    """Response that streams a file; it is open from the start, so it may be deleted meanwhile."""

    def __init__(self, request: Request, path: Path, job: VideoJob) -> None:
        self._request = request
        self._file: BinaryIO = path.open("rb")
        plain = f"{CLIP}-{job.order.what}{job.order.suffix}"
        super().__init__(
            media_type=job.media_type,
            headers={
                "Content-Length": str(path.stat().st_size),
                "Content-Disposition": disposition(job.name, plain),
            },
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's
        """Send it, while the client is connected."""
        with self._file:
            await while_here(self._request, self._send(send))

    async def _send(self, send: Send) -> None:
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        await send(start)
        while piece := await asyncio.to_thread(self._file.read, _PIECE_BYTES):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
