"""The path below which a reverse proxy publishes the service (ASGI's `root_path`)."""

from starlette.types import ASGIApp, Receive, Scope, Send


def path_of(scope: Scope) -> str:
    """Return the path of a request without the `root_path` of the service."""
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    return path.removeprefix(root) if _is_below(path, root) else path


def public_path(scope: Scope, path: str) -> str:
    """Return the path at which clients find a path of the service."""
    return f"{scope.get('root_path', '')}{path}"


class RootPathMiddleware:
    """ASGI middleware that sets `root_path`, and makes the path of each request begin with it.

    Some proxies strip the prefix before they pass a request on, others keep it: both work. The
    prefix itself, without a slash at its end, is redirected to the one with it, since the links
    of the page are relative.

    Args:
        app: the application behind it.
        root_path: the prefix, such as `/depth`, or nothing.
    """

    def __init__(self, app: ASGIApp, *, root_path: str) -> None:
        self.app, self._root = app, root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request or connection on."""
        root = self._root
        if not root or scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        if scope["path"] == root and scope["type"] == "http":
            headers = [(b"location", f"{root}/".encode("ascii")), (b"content-length", b"0")]
            await send({"type": "http.response.start", "status": 307, "headers": headers})
            await send({"type": "http.response.body"})
            return
        scope["root_path"] = root
        if not _is_below(scope["path"], root):
            raw: bytes = scope.get("raw_path") or scope["path"].encode()
            scope["path"] = root + scope["path"]
            scope["raw_path"] = root.encode("ascii") + raw
        await self.app(scope, receive, send)


def _is_below(path: str, root: str) -> bool:
    return path == root or path.startswith(f"{root}/")
