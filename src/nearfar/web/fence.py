"""What of Gradio the network can reach: no more than the page itself needs."""

import re
from typing import Final

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

_OPEN: Final = re.compile(
    r"/|/config|/theme\.css|/robots\.txt|/favicon\.ico|/manifest\.json"
    r"|/(assets|static|svelte)/[^:]*"
    r"|/gradio_api/(queue/(join|data)|upload|upload_progress|reset|cancel"
    r"|heartbeat/\w+|startup-events|app_id)"
    r"|/gradio_api/file=(?!\w+:/)[^\0]*"
)
"""Paths that are served; `file=` with an address would have the service fetch it."""


class Fence:
    """ASGI middleware in front of Gradio: what is not needed is not there."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http":
            path = scope["path"].removeprefix(scope.get("root_path", "")) or "/"
            if not _OPEN.fullmatch(path):
                await PlainTextResponse("Not found", 404)(scope, receive, send)
                return
        await self.app(scope, receive, send)
