"""The ASGI application: routes, the middleware before them, and the page behind them."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.responses import PlainTextResponse, Response
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

from nearfar.errors import MissingExtraError, NearfarError, WriteError
from nearfar.io.paths import set_temporary_root
from nearfar.optional import require
from nearfar.service.engine import InferenceEngine
from nearfar.service.errors import (
    PROBLEMS,
    SCHEMA,
    TOLD_IN_THE_LOG,
    RefusedError,
    answer,
    refusal_of,
    responses,
)
from nearfar.service.memory_pressure import MemoryPressure
from nearfar.service.middleware import OPEN, AccessMiddleware, RootPathMiddleware, path_of
from nearfar.service.observability import FAULTS, Metrics
from nearfar.service.page import PageBackend
from nearfar.service.routes import depth, geometry, health, models, probe
from nearfar.service.routes.effects import effects_router
from nearfar.service.routes.swagger import swagger_router
from nearfar.service.settings import ServiceOptions
from nearfar.service.stream.live_page import live_router
from nearfar.service.stream.routes import Stream, stream_router
from nearfar.service.videos import routes as videos
from nearfar.service.videos.manager import VideoManager

API: Final = ("/v1", "/healthz", "/readyz", "/metrics", "/openapi.json", "/docs", "/live")
"""What the page, which is at /, never gets to see."""

_log = logging.getLogger(__name__)

_ABOUT: Final = (
    "Depth from one photo, on a plain CPU: what is near, what is far. Every failure is an"
    " `application/problem+json` whose `type` is stable."
)
_SLUG_OF: Final = {row.status: slug for slug, row in reversed(tuple(PROBLEMS.items()))}


def make_app(
    options: ServiceOptions,
    *,
    engine: InferenceEngine | None = None,
    metrics: Metrics | None = None,
    page: bool | str = True,
    clips: bool = True,
) -> FastAPI:
    """Put the service together.

    Args:
        options: its settings.
        engine: where depth is made; one of `options` when not given.
        metrics: what counts; counters of its own when not given.
        page: whether the web page is at `/`, as far as Gradio is installed; or what is told there.
        clips: whether `/v1/videos` is there.

    Returns:
        An ASGI application. Its state has `engine`, `videos`, `metrics`, `options`; `starting`,
        the task that loads the model; `streams`, the tasks of answers that never end by
        themselves; and `live_streams`, the WebSocket streams that are open.
    """
    metrics = metrics or Metrics()
    engine = engine or InferenceEngine(options, observer=metrics)
    metrics.watch(waiting=lambda: engine.waiting, running=lambda: engine.running)
    app = FastAPI(
        title="nearfar",
        version="1",
        description=_ABOUT,
        lifespan=_lifespan,
        docs_url=None,  # FastAPI's own fetches its scripts from another host
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.options, app.state.engine, app.state.metrics = options, engine, metrics
    app.state.videos = VideoManager(engine)
    app.state.shortage = MemoryPressure()
    app.state.streams = set[asyncio.Task[Any]]()
    app.state.live_streams = set[Stream]()
    refusals = responses("foreign-host", *(("token-needed",) if options.token else ()))
    rest = (geometry.router, effects_router(), models.router, health.router)
    for router in (depth.router, probe.router, *rest, *((videos.router,) if clips else ())):
        app.include_router(router, responses=refusals)
    app.include_router(stream_router(app.state.live_streams))
    app.include_router(live_router())
    app.include_router(swagger_router())
    app.router.routes.append(ApiNotFound(app))
    for kind in (NearfarError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, _tell)
    app.add_middleware(
        AccessMiddleware,
        options=options,
        metrics=metrics,
        streams=app.state.streams,
        shortage=app.state.shortage,
    )
    if options.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=options.origins,
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["Authorization", "Content-Type"],
            expose_headers=[*depth.HEADERS, geometry.ASSUMPTION, "Location", "Retry-After"],
        )
    app.add_middleware(
        RootPathMiddleware, root_path=options.root_path
    )  # the last one added is the first to run
    app.openapi = lambda: _openapi(app, options)  # type: ignore[method-assign]  # FastAPI's own way
    _mount_page(app, engine, page=page)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Load the model while health answers already; at the end, finish what was taken."""
    app.state.starting = asyncio.create_task(app.state.engine.start())
    try:
        yield
    finally:
        if app.state.starting.cancel():
            with suppress(asyncio.CancelledError):
                await app.state.starting
        await drain(app)


async def drain(app: FastAPI) -> None:
    """Take nothing more; finish photos, end clips, within the deadline; then end live streams."""
    await asyncio.gather(app.state.videos.drain(), app.state.engine.drain())
    for stream in tuple(app.state.live_streams):
        stream.stop()


def _mount_page(app: FastAPI, engine: InferenceEngine, *, page: bool | str) -> None:
    why = page if isinstance(page, str) else "The service is at /v1: see /docs."
    if page is True:
        try:
            set_temporary_root()  # Gradio asks for one when it is imported
            require("gradio")
        except (MissingExtraError, WriteError) as error:
            why = f"There is no page, as {error}"
            if isinstance(error, WriteError):
                _log.warning("there is no page and no work on clips: %s", error)
        else:
            from nearfar.web.app import make_page, mount

            options = engine.options
            mount(
                app,
                make_page(PageBackend(engine, app.state.videos), limits=options.limits),
                max_bytes=max(options.max_bytes, options.clip_bytes),
                disk_bytes=options.clip_disk_bytes,
                root_path=options.root_path,
            )
            return

    async def no_page() -> Response:
        return PlainTextResponse(why)

    app.add_api_route("/", no_page, include_in_schema=False)


async def _tell(request: Request, error: Exception) -> Response:
    """Return the answer for an error of any origin."""
    request_id: str = request.state.request_id
    request.app.state.shortage.note(error)
    if isinstance(error, RequestValidationError):
        faults = {".".join(map(str, fault["loc"][1:])): fault["msg"] for fault in error.errors()}
        names = ", ".join(sorted(faults))
        error = RefusedError("bad-option", f"Not understood: {names}.", faults=faults)
    elif isinstance(error, HTTPException):
        slug = _SLUG_OF.get(error.status_code, "bad-request")
        error = RefusedError(slug, str(error.detail), headers=error.headers)
    elif refusal_of(error).slug in TOLD_IN_THE_LOG:
        FAULTS.error("request %s failed", request_id, exc_info=error)
    return answer(error, request_id)


class ApiNotFound(BaseRoute):
    """Keeps what belongs to the service, and is not there, from the page, which takes any path."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Take what is below the service's own paths."""
        if scope["type"] != "http":
            return Match.NONE, {}
        path = path_of(scope)
        mine = any(path == head or path.startswith(f"{head}/") for head in API)
        return (Match.FULL if mine else Match.NONE), {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 405 where another method is allowed, and else 404."""
        for route in self._app.router.routes:
            if route.matches(scope)[0] is Match.PARTIAL:
                await route.handle(scope, receive, send)
                return
        raise HTTPException(404)


def _openapi(app: FastAPI, options: ServiceOptions) -> dict[str, Any]:
    if app.openapi_schema is None:
        schema = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        components = schema.setdefault("components", {})
        components.setdefault("schemas", {})["Problem"] = SCHEMA
        if options.token:
            components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
            for path, methods in schema["paths"].items():
                for operation in methods.values():
                    operation["security"] = [] if path in OPEN else [{"token": []}]
        app.openapi_schema = schema
    return app.openapi_schema
