"""The live page: its files, its texts, and the values of its options."""

from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response

from nearfar import web
from nearfar.imaging import colormaps
from nearfar.service.errors import RefusedError
from nearfar.web.i18n.live import LIVE
from nearfar.web.i18n.models import MODEL

_FOLDER: Final = Path(web.__file__).parent / "live"

_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
}

_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
        " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
    ),
    "Permissions-Policy": "camera=(self), screen-wake-lock=(self), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}


def live_router() -> APIRouter:
    """Return the router of the live page, `/live` and below; it needs `engine` in the state."""
    router = APIRouter(include_in_schema=False)
    files = {path.name: path for path in _FOLDER.iterdir() if path.suffix in _TYPES}

    @router.get("/live")
    async def page() -> Response:
        return _file(files["index.html"])

    @router.get("/live/texts.json")
    async def texts() -> Response:
        return JSONResponse(_texts(), headers=_HEADERS)

    @router.get("/live/choices.json")
    def choices(request: Request) -> Response:
        """Return the models' names, best first, and the tables of the color maps."""
        models = [spec.name for spec in request.app.state.engine.models()]
        return JSONResponse({"models": models, "colormaps": _colormaps()}, headers=_HEADERS)

    @router.get("/live/{name}")
    async def file(name: str) -> Response:
        if name not in files or name == "index.html":
            raise RefusedError("not-found")
        return _file(files[name])

    return router


def _file(path: Path) -> Response:
    return FileResponse(path, media_type=_TYPES[path.suffix], headers=_HEADERS)


@cache
def _texts() -> dict[str, dict[str, str]]:
    """Return language -> key -> text."""
    texts = {**LIVE, **MODEL}
    return {
        "en": {key: text.en for key, text in texts.items()},
        "zh": {key: text.zh for key, text in texts.items()},
    }


@cache
def _colormaps() -> dict[str, Any]:
    """Return name -> 256 x 3 numbers, RGB, far first, as a flat list."""
    ramp = np.linspace(0, 1, 256, dtype=np.float32)[None]
    return {name: colormaps.apply(ramp, name).ravel().tolist() for name in colormaps.COLORMAPS}
