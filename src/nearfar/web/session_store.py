"""What the page remembers of each visitor: photos and their maps, each estimated once."""

import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, TypeVar

import cv2
import gradio as gr
import numpy as np
from anyio.to_thread import run_sync
from numpy.typing import NDArray

from nearfar.camera import Camera
from nearfar.config import EstimateOptions, ImageLimits
from nearfar.depth import Depth, DepthMap, MetricDepth
from nearfar.io.images import Image
from nearfar.isolation.photos import IsolatedImageFile
from nearfar.web.backend import Backend
from nearfar.web.files import read_file
from nearfar.web.show_errors import PageError

SHOWN_PX: Final = 1280
"""Longest side of the pictures on the page; downloads have the photo's own size."""

_Pixel = TypeVar("_Pixel", np.uint8, np.float32)

KEPT_BYTES: Final = 768 * 2**20
"""Of all visitors' results together; the one that was asked for longest ago goes first."""


@dataclass(frozen=True)
class Photo:
    """A photo as the user gave it.

    Attributes:
        content: the encoded file.
        stem: of its name; downloads are called after it.
    """

    content: bytes
    stem: str


@dataclass(frozen=True)
class Result:
    """A photo, its map, and both at the size at which they are shown.

    Attributes:
        photo: as it was given.
        depth: at the photo's own size.
        shown_photo: (h, w, 3) uint8 RGB, no side over `SHOWN_PX`.
        shown_depth: the map at that size.
        focal_35mm_mm: what EXIF tells of the lens.
        runtime: what ran the network.
        infer_ms: how long that took.
        assumption: what the metres of the model rest on; `depth` is then in 1/metre. None where
            the model gives relative depth.
    """

    photo: Photo
    depth: DepthMap
    shown_photo: Image
    shown_depth: DepthMap
    focal_35mm_mm: float | None
    runtime: str = ""
    infer_ms: float = 0.0
    assumption: str | None = None

    @classmethod
    def of(cls, photo: Photo, found: Depth, limits: ImageLimits) -> "Result":
        """Make the pictures that are shown; it decodes the photo, so call it in a worker."""
        with IsolatedImageFile(photo.content, limits=limits) as file:
            focal_35mm_mm = file.focal_35mm_mm
            pixels = file.read(at_least_px=SHOWN_PX)
        depth = found.relative()
        scale = min(1.0, SHOWN_PX / max(depth.size_px))
        width_px, height_px = (max(1, round(side * scale)) for side in depth.size_px)
        shown = _resized(depth.inverse_depth, (width_px, height_px))
        return cls(
            photo,
            depth,
            _resized(pixels, (width_px, height_px)),
            DepthMap(shown, depth.model),
            focal_35mm_mm,
            assumption=found.assumption if isinstance(found, MetricDepth) else None,
        )

    def timed(self, runtime: str, infer_ms: float) -> "Result":
        """Note who made it, and in what time."""
        return replace(self, runtime=runtime, infer_ms=infer_ms)

    def camera(self) -> Camera:
        """Give the camera that took the photo, as far as is known."""
        return Camera.of_photo(self.depth.size_px, focal_35mm_mm=self.focal_35mm_mm)

    @property
    def nbytes(self) -> int:
        """Memory it takes, nearly."""
        maps = self.depth.inverse_depth.nbytes + self.shown_depth.inverse_depth.nbytes
        return maps + self.shown_photo.nbytes + len(self.photo.content)


class Results:
    """The results of all visitors, one each, within a bound on memory. Threads may share it."""

    def __init__(self, most_bytes: int = KEPT_BYTES) -> None:
        self._most_bytes = most_bytes
        self._kept: OrderedDict[str, Result] = OrderedDict()
        self._lock = threading.Lock()

    def put(self, result: Result, *, instead: str | None = None) -> str:
        """Keep a result.

        Args:
            result: what to keep, in any case.
            instead: key of the visitor's result before, which is let go.

        Returns:
            Its key, which can't be guessed.
        """
        key = secrets.token_urlsafe(18)
        with self._lock:
            if instead is not None:
                self._kept.pop(instead, None)
            self._kept[key] = result
            held = sum(each.nbytes for each in self._kept.values())
            while held > self._most_bytes and len(self._kept) > 1:
                _, oldest = self._kept.popitem(last=False)
                held -= oldest.nbytes
        return key

    def get(self, key: str | None) -> Result | None:
        """Find a result; None when it was let go."""
        with self._lock:
            if key is None or key not in self._kept:
                return None
            self._kept.move_to_end(key)
            return self._kept[key]

    def drop(self, key: str | None) -> None:
        """Let a result go."""
        with self._lock:
            if key is not None:
                self._kept.pop(key, None)

    def __len__(self) -> int:
        return len(self._kept)


def _resized(values: NDArray[_Pixel], size_px: tuple[int, int]) -> NDArray[_Pixel]:
    if values.shape[1::-1] == size_px:
        return values
    way = cv2.INTER_AREA if size_px[0] < values.shape[1] else cv2.INTER_LINEAR
    return cv2.resize(values, size_px, interpolation=way).astype(values.dtype, copy=False)


async def read_photo(path: str, limits: ImageLimits) -> Photo:
    """Read an uploaded file; clips are uploaded the same way, and may be much larger.

    Raises:
        ImageTooLargeError: larger than a photo may be.
        NotAnImageError: no file.
    """
    content = await run_sync(read_file, path, limits.max_bytes)
    return Photo(content, Path(path).stem or "photo")


@dataclass(frozen=True)
class Kept:
    """A visitor's photo.

    Attributes:
        key: of the result in the store.
        result: photo and map.
    """

    key: str
    result: Result


class Photos:
    """The photos of one tab, of all its visitors.

    Args:
        backend: where depth is asked for.
        limits: what is too large to be read.
        options: how photos are estimated on this tab.
        most_bytes: memory of all photos together.
    """

    def __init__(
        self, backend: Backend, limits: ImageLimits, options: EstimateOptions, *, most_bytes: int
    ) -> None:
        self._backend = backend
        self.limits = limits
        self._options = options
        self._results = Results(most_bytes)

    async def take(self, path: str, request: gr.Request, instead: str | None) -> Kept:
        """Estimate a photo.

        Args:
            path: of its file.
            request: of the visitor.
            instead: key of the visitor's photo before, which is let go.

        Raises:
            NearfarError: whatever is wrong with the photo, or a service that is busy.
        """
        photo = await read_photo(path, self.limits)

        def make(depth: Depth) -> Result:
            return Result.of(photo, depth, self.limits)

        answer = await self._backend.depth(
            photo.content,
            client=request.client.host if request.client else "local",
            make=make,
            model="auto",
            options=self._options,
        )
        result = answer.value.timed(answer.runtime, answer.infer_ms)
        return Kept(self._results.put(result, instead=instead), result)

    def get(self, key: str | None) -> Result:
        """Find a photo.

        Raises:
            PageError: there is none, or it was let go.
        """
        result = self._results.get(key)
        if result is None:
            raise PageError("error.nophoto" if key is None else "error.gone")
        return result

    def drop(self, key: str | None) -> None:
        """Let a photo go."""
        self._results.drop(key)
