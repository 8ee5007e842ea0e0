"""`POST /v1/effects/NAME`: apply an effect to a photo."""

import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from fastapi import APIRouter, Request, Response
from pydantic import Field

from nearfar.config import EstimateOptions, ImageLimits, Options, option
from nearfar.depth import Depth
from nearfar.effects import EFFECTS, Clip, Effect
from nearfar.effects.base import SizeOptions, fitted
from nearfar.effects.export import (
    FORMATS,
    Result,
    default_suffix,
    encode_result,
    kinds_of,
    result_stem,
    suffixes_of,
)
from nearfar.errors import CancelledError, TimedOutError
from nearfar.io.images import Image
from nearfar.isolation.photos import IsolatedImageFile
from nearfar.service.errors import responses
from nearfar.service.routes.depth import HEADERS, REFUSALS, about, while_here
from nearfar.service.schemas import MODEL, body_for_openapi, part_of, query_of, read_upload, reads

if TYPE_CHECKING:
    from nearfar.service.engine import InferenceEngine


class CancelToken:
    """Cancels the rendering of a clip, since a worker can't be interrupted.

    Args:
        limit_s: time limit of a clip.
    """

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._cancelled = threading.Event()

    def cancel(self) -> None:
        """Cancel at the next frame."""
        self._cancelled.set()

    def watched(self, result: Result) -> Result:
        """Return the result, with frames of a clip that raise after cancellation.

        Raises, while frames are rendered:
            CancelledError: the token was cancelled.
            TimedOutError: the time limit was exceeded.
        """
        if not isinstance(result, Clip):
            return result
        return replace(result, frames=self._frames(result))

    def _frames(self, clip: Clip) -> Iterator[Image]:
        end_s = time.monotonic() + self._limit_s
        for frame in clip.frames:
            if self._cancelled.is_set():
                raise CancelledError("this clip was cancelled")
            if time.monotonic() > end_s:
                raise TimedOutError(
                    f"a clip of {clip.count} frames takes longer than {self._limit_s:g} s:"
                    " ask for fewer seconds, fewer frames a second, or a smaller size"
                )
            yield frame


@dataclass(frozen=True)
class PhotoSize(SizeOptions):
    """Size at which the service renders effects and scenes."""

    longest_px: int = option(
        "Longest side, in pixels, to which the photo is reduced.", 2048, ge=16, le=4096
    )


MEDIA_TYPES: Final[Mapping[str, str]] = MappingProxyType(
    {
        suffix: row.media_type
        for kind in reversed(tuple(FORMATS.values()))
        for suffix, row in kind.items()
    }
)
"""Suffix -> media type; the same for a picture and a clip in WebP."""


def effects_router() -> APIRouter:
    """Return a router with one route per effect."""
    router = APIRouter(tags=["effects"])
    for effect in EFFECTS:
        _add(router, effect)
    return router


def _add(router: APIRouter, effect: Effect[Any, Any]) -> None:
    pictures = pictures_of(effect.options)
    formats = tuple(each.removeprefix(".") for each in suffixes_of(effect))
    description = "; ".join(
        f"{suffix.removeprefix('.')}: {row.sentence}"
        for kind in kinds_of(effect)
        for suffix, row in FORMATS[kind].items()
    )
    model = query_of(
        f"{effect.options.__name__.removesuffix('Options')}Query",
        *(EstimateOptions, PhotoSize, effect.options),
        model=MODEL,
        format=(
            Literal[formats] | None,
            Field(None, description=f"Default: the first suitable one. {description}."),
        ),
    )

    async def handler(request: Request, query: Any) -> Response:
        return await _answer(request, query, effect, frozenset(pictures))

    handler.__annotations__["query"] = Annotated[Any, reads(model)]
    handler.__doc__ = _described(pictures)
    router.add_api_route(
        f"/v1/effects/{effect.name}",
        handler,
        methods=["POST"],
        operation_id=f"effect_{effect.name.replace('-', '_')}",
        summary=effect.sentence.rstrip("."),
        response_class=Response,
        responses={
            200: {
                "description": "The result.",
                "content": {MEDIA_TYPES[each]: {"schema": {}} for each in suffixes_of(effect)},
                "headers": {
                    name: {"description": sentence, "schema": {"type": "string"}}
                    for name, sentence in HEADERS.items()
                },
            },
            **responses(*REFUSALS, "format-too-small", "not-installed"),
        },
        openapi_extra=body_for_openapi(files=pictures),
    )


def pictures_of(options: type[Options]) -> dict[str, str]:
    """Return the names and descriptions of options that are pictures."""
    return {
        each.name: each.metadata["description"]
        for each in fields(options)
        if "picture" in each.metadata
    }


def _described(pictures: Mapping[str, str]) -> str:
    names = " and ".join(f"`{name}`" for name in pictures)
    more = f" {names} is an additional file in the form." if pictures else ""
    return f"Send the photo as a form's file field `photo`, or as the bare body.{more}"


async def _answer(
    request: Request, query: Any, effect: Effect[Any, Any], pictures: frozenset[str]
) -> Response:
    engine: InferenceEngine = request.app.state.engine
    token = CancelToken(engine.options.timeout_s)
    limits = engine.options.limits
    with engine.reserve(request.state.client) as reservation:
        upload = await read_upload(request, files=pictures)
        part_of(query, effect.options)  # reject invalid options before any work

        def make(depth: Depth) -> tuple[str, str, bytes]:
            given = {name: _picture(content, limits) for name, content in upload.files.items()}
            options = part_of(query, effect.options, **given)
            with IsolatedImageFile(upload.photo, limits=limits) as file:
                photo = file.read(at_least_px=query.longest_px)
            result = effect.apply(*fitted(photo, depth.relative(), query.longest_px), options)
            suffix = f".{query.format}" if query.format else default_suffix(result)
            name = result_stem("", effect, options).removeprefix("-")
            return name, suffix, encode_result(token.watched(result), suffix)

        work = engine.depth(
            upload.photo,
            reservation=reservation,
            make=make,
            model=query.model,
            options=part_of(query, EstimateOptions),
        )
        try:
            made = await while_here(request, work)
        finally:
            token.cancel()
    name, suffix, content = made.value
    headers = {**about(made), "Content-Disposition": upload.disposition(suffix, name)}
    return Response(content, media_type=MEDIA_TYPES[suffix], headers=headers)


def _picture(content: bytes, limits: ImageLimits) -> Image:
    with IsolatedImageFile(content, limits=limits) as file:
        return file.read(keep_alpha=True)
