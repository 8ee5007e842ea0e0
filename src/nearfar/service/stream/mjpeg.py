"""Show a camera's depth as a small page and as MJPEG; old frames are dropped."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from typing import Final, Generic, TypeVar

import cv2
import numpy as np
import uvicorn
from fastapi import FastAPI
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import HTMLResponse, Response, StreamingResponse

from nearfar.config import ColormapName
from nearfar.estimator import Estimator
from nearfar.imaging.colormaps import side_by_side
from nearfar.io.images import Image, encode_image
from nearfar.service.connections import Connections, Paced
from nearfar.service.server import LookedAfter, bind, limited
from nearfar.service.settings import ServiceOptions
from nearfar.video.capture import live_frames
from nearfar.video.temporal import SteadyRange, finish

Item = TypeVar("Item")

MAX_SIDE_PX: Final = 640
"""Longest side of a displayed frame."""

MAX_VIEWERS: Final = 8
"""Maximum of viewers, because every picture is sent to each; more get a 503."""

_QUALITY: Final = 80
_LOOK_S: Final = 0.5
_READ_S: Final = 30.0
"""Time limit of reading a response, extended by as much for each MiB."""
_BOUNDARY: Final = "frame"
_HEADERS: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_PAGE_HEADERS: Final = {
    **_HEADERS,
    "Content-Security-Policy": "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'",
}
_PAGE: Final = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>nearfar live</title>
<style>
 body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: #111 }
 img { max-width: 100vw; max-height: 100vh }
</style>
<img src="/stream.mjpeg" alt="Left what the camera sees, right what is near (bright) and far">
</html>
"""


class Newest(Generic[Item]):
    """Holds the newest item only."""

    def __init__(self) -> None:
        self._item: Item | None = None
        self._number = 0
        self._is_closed = False
        self._changed = threading.Condition()

    def put(self, item: Item) -> None:
        """Replace the item."""
        with self._changed:
            self._item, self._number = item, self._number + 1
            self._changed.notify_all()

    def close(self) -> None:
        """Mark the end of the items."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    @property
    def is_closed(self) -> bool:
        """Whether the items have ended."""
        return self._is_closed

    def after(self, number: int, timeout_s: float | None = None) -> tuple[int, Item | None]:
        """Wait for an item newer than that of a number; 0 is before the first.

        Returns:
            Its number and the item; the old number and None on timeout, or after the end.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._is_closed or self._number > number, timeout_s)
            if self._number > number:
                return self._number, self._item
            return number, None


class Show:
    """Reads a source in one thread and renders pictures in another, until it is stopped.

    Args:
        source: see `nearfar.video.capture.live_frames`.
        estimator: the loaded model.
        colormap: of the map.
        ended: called once, from a thread, when the source has ended or failed.
    """

    def __init__(
        self,
        source: str,
        estimator: Estimator,
        *,
        colormap: ColormapName = "inferno",
        ended: Callable[[], None] = lambda: None,
    ) -> None:
        self.pictures: Newest[bytes] = Newest()
        """JPEG files: the frame next to its map."""
        self.error: BaseException | None = None
        """Error that ended it; None at the end of a file."""
        self._source, self._estimator, self._colormap = source, estimator, colormap
        self._ended = ended
        self._frames: Newest[Image] = Newest()
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=work, args=(job,), daemon=True)
            for work, job in ((self._guarded, self._read), (self._guarded, self._make))
        ]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop, and wait for the threads."""
        self._stop.set()
        self._frames.close()
        for thread in self._threads:
            thread.join()

    def _guarded(self, job: Callable[[], None]) -> None:
        try:
            job()
        except BaseException as error:  # noqa: BLE001 - raised by `serve`
            self.error = self.error or error
        self._stop.set()
        self._frames.close()

    def _read(self) -> None:
        for frame in live_frames(self._source, self._stop):
            self._frames.put(frame)

    def _make(self) -> None:
        steady, number, before_s = SteadyRange(), 0, time.perf_counter()
        try:
            while True:
                number, frame = self._frames.after(number)
                if frame is None:
                    return
                now_s = time.perf_counter()
                raw = self._estimator.session.run(self._estimator.prepare(frame))[0]
                self._estimator.check(raw)
                limits = steady.follow(raw, elapsed_s=now_s - before_s)
                before_s = now_s
                photo = _fitted(frame)
                depth = finish(self._estimator, raw, photo, limits)
                picture = side_by_side(photo, depth.colorize(self._colormap), gap_px=0)
                self.pictures.put(encode_image(picture, ".jpg", _QUALITY))
        finally:
            self.pictures.close()
            self._ended()


def make_live_app(pictures: Newest[bytes]) -> FastAPI:
    """Create the application with the paths `/`, `/stream.mjpeg` and `/frame.jpg`.

    Args:
        pictures: JPEG files.
    """
    app = FastAPI(title="nearfar live", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(Paced, read_timeout_s=_READ_S)
    # against DNS rebinding, by which another site could see the camera
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])
    viewers = asyncio.Semaphore(MAX_VIEWERS)

    @app.get("/")
    async def page() -> Response:
        return HTMLResponse(_PAGE, headers=_PAGE_HEADERS)

    @app.get("/frame.jpg")
    async def frame() -> Response:
        _, picture = await asyncio.to_thread(pictures.after, 0, _LOOK_S)
        if picture is None:
            return Response("no picture yet", 503, {"Retry-After": "1"}, "text/plain")
        return Response(picture, headers=_HEADERS, media_type="image/jpeg")

    @app.get("/stream.mjpeg")
    async def stream() -> Response:
        if viewers.locked():
            return Response("too many viewers", 503, {"Retry-After": "5"}, "text/plain")
        return StreamingResponse(
            _parts(pictures, viewers),
            headers=_HEADERS,
            media_type=f"multipart/x-mixed-replace; boundary={_BOUNDARY}",
        )

    return app


async def _parts(pictures: Newest[bytes], viewers: asyncio.Semaphore) -> AsyncIterator[bytes]:
    async with viewers:
        number = 0
        while True:
            number, picture = await asyncio.to_thread(pictures.after, number, _LOOK_S)
            if picture is not None:
                head = f"--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\n"
                yield f"{head}Content-Length: {len(picture)}\r\n\r\n".encode() + picture + b"\r\n"
            elif pictures.is_closed:
                return


def _fitted(photo: Image) -> Image:
    height, width = photo.shape[:2]
    scale = MAX_SIDE_PX / max(height, width)
    if scale >= 1:
        return photo
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(photo, size, interpolation=cv2.INTER_AREA), np.uint8)


def serve_live(
    source: str,
    estimator: Estimator,
    *,
    port: int = 7860,
    colormap: ColormapName = "inferno",
    report: Callable[[str], None],
) -> None:
    """Show a source at http://127.0.0.1 until it ends, or the process is stopped.

    Args:
        source: see `nearfar.video.capture.live_frames`.
        estimator: the loaded model.
        port: 0 selects a free port.
        colormap: of the map.
        report: called with the line about the address.

    Raises:
        UsageError: the port is taken.
        NearfarError: any error of the source or the network.
    """
    options = ServiceOptions(host="127.0.0.1", port=port)
    connections = Connections(options)
    with closing(bind(options)) as listener:
        show: Show
        server: uvicorn.Server

        def ended() -> None:
            server.should_exit = True

        show = Show(source, estimator, colormap=colormap, ended=ended)
        server = LookedAfter(
            uvicorn.Config(
                make_live_app(show.pictures),
                log_config=None,
                access_log=False,
                timeout_graceful_shutdown=1,
                **limited(connections),
            ),
            connections,
        )
        show.start()
        report(f"nearfar live is at http://127.0.0.1:{listener.getsockname()[1]} (Ctrl+C stops it)")
        try:
            server.run(sockets=[listener])
        finally:
            show.stop()
    if show.error is not None:
        raise show.error
