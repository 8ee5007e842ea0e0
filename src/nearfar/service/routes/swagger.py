"""Swagger UI at `/docs`, of files that are installed: no other host is contacted."""

import base64
import hashlib
import re
from importlib.resources import files
from typing import Final

from fastapi import APIRouter, Request
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.responses import HTMLResponse, Response

from nearfar.optional import require
from nearfar.service.errors import RefusedError
from nearfar.service.middleware import public_path

DOCS: Final = "/docs"

_TYPES: Final = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon-32x32.png": "image/png",
}
_SCRIPT: Final = re.compile(r"<script>(.*?)</script>", re.DOTALL)
_PARAMETERS: Final = {"validatorUrl": None, "tryItOutEnabled": True, "displayRequestDuration": True}
"""Of Swagger UI. The validator of schemas would be another host."""


def swagger_router() -> APIRouter:
    """Make the routes of `/docs`, and of the files that it needs.

    Raises:
        MissingExtraError: the package that holds Swagger UI is not installed.
    """
    require("fastapi_swagger")
    folder = files("fastapi_swagger").joinpath("resources")
    router = APIRouter(include_in_schema=False)

    @router.get(DOCS)
    async def page(request: Request) -> Response:
        return _page(request)

    @router.get(f"{DOCS}/{{name}}")
    def file(name: str) -> Response:
        if name not in _TYPES:
            raise RefusedError("not-found")
        return Response(
            folder.joinpath(name).read_bytes(),
            media_type=_TYPES[name],
            headers={"Cache-Control": "max-age=86400"},
        )

    return router


def _page(request: Request) -> Response:
    bundle, style, icon = (public_path(request.scope, f"{DOCS}/{name}") for name in _TYPES)
    html = get_swagger_ui_html(
        openapi_url=public_path(request.scope, "/openapi.json"),
        title=f"{request.app.title}: HTTP API",
        swagger_js_url=bundle,
        swagger_css_url=style,
        swagger_favicon_url=icon,
        swagger_ui_parameters=dict(_PARAMETERS),
    )
    content = bytes(html.body).decode()
    return HTMLResponse(content, headers={"Content-Security-Policy": _policy(content)})


def _policy(html: str) -> str:
    """Return a policy that runs the page's own inline script, by its hash, and no other."""
    hashes = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
        for script in _SCRIPT.findall(html)
    )
    return (
        f"default-src 'none'; script-src 'self' {hashes}; style-src 'self' 'unsafe-inline';"
        " img-src 'self' data: blob:; media-src blob:; connect-src 'self'; base-uri 'none';"
        " form-action 'none'; frame-ancestors 'self'"
    )
