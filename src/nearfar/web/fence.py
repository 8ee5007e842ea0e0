"""What of Gradio the network can reach: no more than the page itself needs."""

import re
from typing import Final

from anyio.to_thread import run_sync
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from nearfar.web.folder import folder_bytes

_OPEN: Final = re.compile(
    r"/|/config|/theme\.css|/robots\.txt|/favicon\.ico|/manifest\.json"
    r"|/(assets|static|svelte)/[^:]*"
    r"|/gradio_api/(queue/(join|data)|upload|upload_progress|reset|cancel"
    r"|heartbeat/\w+|startup-events|app_id)"
    r"|/gradio_api/file=(?!\w+:/)[^\0]*"
)
"""Paths that are served; `file=` with an address would have the service fetch it."""

_UPLOAD: Final = "/gradio_api/upload"


class Fence:
    """ASGI middleware in front of Gradio: what is not needed is not there.

    Args:
        app: Gradio's.
        disk_bytes: no upload is taken once the page's files take more than this.
    """

    def __init__(self, app: ASGIApp, *, disk_bytes: int) -> None:
        self.app = app
        self._disk_bytes = disk_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http":
            path = scope["path"].removeprefix(scope.get("root_path", "")) or "/"
            if not _OPEN.fullmatch(path):
                await PlainTextResponse("Not found", 404)(scope, receive, send)
                return
            if path == _UPLOAD and await run_sync(folder_bytes) > self._disk_bytes:
                await PlainTextResponse("No room", 507)(scope, receive, send)
                return
        await self.app(scope, receive, send)
