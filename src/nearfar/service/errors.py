"""Errors as `application/problem+json` (RFC 9457): one table."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from starlette.responses import JSONResponse

from nearfar import errors
from nearfar.errors import NearfarError, is_disk_full, lacks_memory

MEDIA_TYPE: Final = "application/problem+json"


@dataclass(frozen=True)
class Problem:
    """One row: a kind of failure that clients can distinguish.

    Attributes:
        status: of HTTP.
        title: fixed for this kind of failure.
        detail: replaces the error's message, if that must not reach clients.
    """

    status: int
    title: str
    detail: str | None = None


PROBLEMS: Final[Mapping[str, Problem]] = {
    "bad-request": Problem(400, "The request is malformed"),
    "token-needed": Problem(401, "A token is needed", "Send 'Authorization: Bearer <token>'."),
    "foreign-origin": Problem(
        403, "The request comes from another origin", "Its origin is not among the allowed ones."
    ),
    "foreign-host": Problem(
        403,
        "Unknown host name",
        "Use the service's own address, or add this host to NEARFAR_SERVE_ALLOWED_HOSTS.",
    ),
    "not-found": Problem(404, "Not found", "See /openapi.json for the paths."),
    "method-not-allowed": Problem(405, "The method is not allowed here"),
    "not-acceptable": Problem(406, "Format not available"),
    "upload-timeout": Problem(408, "The upload timed out"),
    "no-result": Problem(409, "There is no result yet"),
    "too-large": Problem(413, "The picture is too large"),
    "clip-too-large": Problem(413, "The clip is too large"),
    "not-a-picture": Problem(415, "Not a supported picture"),
    "not-a-clip": Problem(
        415,
        "Not a supported clip",
        "Send a complete MP4, MOV, WebM, Matroska, AVI or MPEG file with a video stream.",
    ),
    "heic-not-read": Problem(
        415, "HEIC is not supported", "HEIC is not supported here: send JPEG, PNG or WebP."
    ),
    "bad-option": Problem(422, "An option is invalid"),
    "unknown-model": Problem(422, "No such model", "GET /v1/models lists the models."),
    "damaged-picture": Problem(
        422, "The picture is damaged", "It is damaged or truncated: send an intact copy."
    ),
    "decoder-memory": Problem(
        413, "A decoder needs too much memory for this file", "Send a smaller one."
    ),
    "decoder-crashed": Problem(
        422, "A decoder crashed on this file", "Send an intact copy, or another format."
    ),
    "decoder-timeout": Problem(
        422,
        "A decoder exceeded its time limit on this file",
        "Send a smaller one, or another format.",
    ),
    "damaged-clip": Problem(422, "The clip can't be processed"),
    "bad-point": Problem(422, "A point is outside the picture"),
    "no-metres": Problem(422, "The distances do not determine metres"),
    "no-surface": Problem(422, "The map gives no points or faces"),
    "format-too-small": Problem(422, "The format can't hold this map"),
    "queue-full": Problem(429, "The queue is full"),
    "head-too-large": Problem(
        431, "The headers are too large", "Send fewer and shorter headers, and a shorter address."
    ),
    "internal": Problem(
        500, "The service failed", "The log contains the cause, with the id of this request."
    ),
    "not-installed": Problem(501, "An optional library is not installed"),
    "out-of-memory": Problem(
        503, "There is too little memory at the moment", "Try again in a moment, or a smaller size."
    ),
    "not-ready": Problem(503, "The service is starting or stopping", "Try again in a moment."),
    "too-many-connections": Problem(
        503, "There are too many connections", "Close those that wait, or try again in a moment."
    ),
    "timed-out": Problem(504, "The request timed out", "Try again later, or a smaller picture."),
    "no-room": Problem(507, "The disk is full", "Download and delete results, or try again later."),
}
"""Slug -> row. The `type` of a response is `urn:nearfar:problem:<slug>`, and never changes."""

_OF: Final[tuple[tuple[type[NearfarError], str], ...]] = (
    (errors.BusyError, "queue-full"),
    (errors.DrainingError, "not-ready"),
    (errors.OutOfMemoryError, "out-of-memory"),
    (errors.ProcessMemoryError, "decoder-memory"),
    (errors.ProcessCrashedError, "decoder-crashed"),
    (errors.ProcessTimeoutError, "decoder-timeout"),
    (errors.TimedOutError, "timed-out"),
    (errors.ImageTooLargeError, "too-large"),
    (errors.NotAnImageError, "not-a-picture"),
    (errors.ImageError, "damaged-picture"),
    (errors.NotAClipError, "not-a-clip"),
    (errors.ClipTooLargeError, "clip-too-large"),
    (errors.VideoError, "damaged-clip"),
    (errors.PointError, "bad-point"),
    (errors.CalibrationError, "no-metres"),
    (errors.DepthFileError, "format-too-small"),
    (errors.PictureSizeError, "format-too-small"),
    (errors.WriteError, "no-room"),
    (errors.UnknownModelError, "unknown-model"),
    (errors.ModelMissingError, "unknown-model"),
    (errors.GeometryError, "no-surface"),
    (errors.HeifMissingError, "heic-not-read"),
    (errors.MissingExtraError, "not-installed"),
    (errors.FormTooLargeError, "too-large"),
    (errors.FormError, "bad-request"),
    (errors.UsageError, "bad-option"),
)
"""Error class -> slug; the first match counts. Any other error is an internal error."""


MOST_FAULTS: Final = 20
"""Maximum of invalid options that a response lists; a request may have any number."""

TOLD_IN_THE_LOG: Final = frozenset({"internal", "out-of-memory"})
"""Slugs of failures whose cause is logged for the operator."""

_RETRY_AFTER_S: Final = {"not-ready": 2, "out-of-memory": 5}
"""Slug -> seconds of Retry-After."""


class RefusedError(NearfarError):
    """A refusal by the service itself.

    Args:
        slug: a key of `PROBLEMS`.
        detail: cause, and remedy.
        headers: of the response.
        faults: name of an option -> its error.
    """

    def __init__(
        self,
        slug: str,
        detail: str = "",
        *,
        headers: Mapping[str, str] | None = None,
        faults: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.slug, self.detail = slug, detail
        self.headers = dict(headers or {})
        self.faults = dict(islice((faults or {}).items(), MOST_FAULTS))


def refusal_of(error: Exception) -> RefusedError:
    """Convert an error to a refusal without internal details."""
    if isinstance(error, RefusedError):
        return error
    slug = next((slug for kind, slug in _OF if isinstance(error, kind)), "internal")
    if isinstance(error, OSError) and is_disk_full(error):
        slug = "no-room"
    if slug == "internal" and lacks_memory(error):
        slug = "out-of-memory"
    headers = {}
    if isinstance(error, errors.BusyError):
        headers["Retry-After"] = str(error.retry_after_s)
    elif slug in _RETRY_AFTER_S:
        headers["Retry-After"] = str(_RETRY_AFTER_S[slug])
    return RefusedError(slug, str(error).removeprefix("<bytes>: "), headers=headers)


def answer(error: Exception, request_id: str) -> JSONResponse:
    """Return the HTTP response for an error.

    Args:
        error: any; details of unknown ones are not disclosed.
        request_id: of the request in the log.
    """
    refused = refusal_of(error)
    content = problem_dict(refused, request_id)
    return JSONResponse(content, content["status"], refused.headers, MEDIA_TYPE)


def problem_dict(refused: RefusedError, request_id: str) -> dict[str, Any]:
    """Return a refusal as a JSON object of the form `SCHEMA`."""
    row = PROBLEMS[refused.slug]
    content: dict[str, Any] = {
        "type": type_of(refused.slug),
        "title": row.title,
        "status": row.status,
        "detail": row.detail or refused.detail,
        "request_id": request_id,
    }
    if refused.faults:
        content["faults"] = refused.faults
    return content


def type_of(slug: str) -> str:
    """Return the `type` of responses of this kind."""
    return f"urn:nearfar:problem:{slug}"


def responses(*slugs: str) -> dict[int | str, dict[str, Any]]:
    """Describe error responses for OpenAPI, one per status, each with an example."""
    described: dict[int | str, dict[str, Any]] = {}
    for slug in slugs:
        row = PROBLEMS[slug]
        entry = described.setdefault(
            row.status,
            {
                "description": "",
                "content": {
                    MEDIA_TYPE: {
                        "schema": {"$ref": "#/components/schemas/Problem"},
                        "examples": {},
                    }
                },
            },
        )
        entry["description"] = "; ".join(filter(None, (entry["description"], row.title)))
        entry["content"][MEDIA_TYPE]["examples"][slug] = {
            "value": {
                "type": type_of(slug),
                "title": row.title,
                "status": row.status,
                "detail": row.detail or "Cause, and remedy.",
                "request_id": "8d0c2f2f6f0b4c1e",
            }
        }
        if row.status in {409, 429, 503}:
            entry["headers"] = {
                "Retry-After": {
                    "description": "Seconds to wait before the next attempt.",
                    "schema": {"type": "integer"},
                }
            }
    return described


SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "description": "RFC 9457. Distinguish failures by `type`; the texts may change.",
    "required": ["type", "title", "status", "detail", "request_id"],
    "properties": {
        "type": {"type": "string", "enum": [type_of(slug) for slug in PROBLEMS]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "request_id": {"type": "string", "description": "Id of the request in the log."},
        "faults": {
            "type": "object",
            "description": "Option or field -> its error.",
            "additionalProperties": {"type": "string"},
        },
    },
}
"""Reference to `components/schemas/Problem`."""
