"""Store of all visitors' photos and maps, each estimated once."""

import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, TypeVar

import cv2
import numpy as np
from anyio.to_thread import run_sync
from numpy.typing import NDArray

from nearfar.camera import Camera
from nearfar.config import ImageLimits
from nearfar.depth import Depth, DepthMap, MetricDepth
from nearfar.io.images import Image
from nearfar.isolation.photos import IsolatedImageFile
from nearfar.web.files import read_file
from nearfar.web.show_errors import PageError

SHOWN_PX: Final = 1280
"""Longest side of the pictures on the page; downloads have the photo's size."""

_Pixel = TypeVar("_Pixel", np.uint8, np.float32)

KEPT_BYTES: Final = 768 * 2**20
"""Memory limit of all visitors' results; the least recently used is dropped."""


@dataclass(frozen=True)
class Photo:
    """An uploaded photo.

    Attributes:
        content: the encoded file.
        stem: of its file name; used in names of downloads.
        id: the same for every result of this photo.
    """

    content: bytes
    stem: str
    id: str = field(default_factory=lambda: secrets.token_urlsafe(9))


@dataclass(frozen=True)
class Result:
    """A photo and its map, and both at display size.

    Attributes:
        photo: the encoded file.
        depth: the map, of the photo's size.
        shown_photo: (h, w, 3) uint8 RGB, no side longer than `SHOWN_PX`.
        shown_depth: the map at that size.
        focal_35mm_mm: focal length as in EXIF, for a 35 mm camera; None where it is unknown.
        runtime: name of the runtime.
        infer_ms: duration of the inference.
        fed_px: width and height of the network's input.
        assumption: basis of the model's metres; `depth` is then in 1/metre. None for relative
            depth.
        settings: values of the components by which it was estimated.
    """

    photo: Photo
    depth: DepthMap
    shown_photo: Image
    shown_depth: DepthMap
    focal_35mm_mm: float | None
    runtime: str = ""
    infer_ms: float = 0.0
    fed_px: tuple[int, int] = (0, 0)
    assumption: str | None = None
    settings: tuple[Any, ...] = ()

    @classmethod
    def of(cls, photo: Photo, found: Depth, limits: ImageLimits) -> "Result":
        """Create a result with its pictures; decodes the photo, so call it in a worker."""
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

    def timed(
        self,
        runtime: str,
        infer_ms: float,
        fed_px: tuple[int, int],
        settings: tuple[Any, ...] = (),
    ) -> "Result":
        """Return a copy with runtime, duration, input size and settings."""
        return replace(self, runtime=runtime, infer_ms=infer_ms, fed_px=fed_px, settings=settings)

    def camera(self) -> Camera:
        """Return the camera of the photo, as far as it is known."""
        return Camera.of_photo(self.depth.size_px, focal_35mm_mm=self.focal_35mm_mm)

    @property
    def nbytes(self) -> int:
        """Approximate size in memory, in bytes."""
        maps = self.depth.inverse_depth.nbytes + self.shown_depth.inverse_depth.nbytes
        return maps + self.shown_photo.nbytes + len(self.photo.content)


class Results:
    """Results of all visitors within a limit on memory; least recently used ones are evicted.

    Thread-safe.

    Args:
        most_bytes: memory of all results together.
    """

    def __init__(self, most_bytes: int = KEPT_BYTES) -> None:
        self._most_bytes = most_bytes
        self._kept: OrderedDict[str, Result] = OrderedDict()
        self._shared: set[str] = set()
        self._notes: dict[str, object] = {}
        self._lock = threading.Lock()

    def put(self, result: Result, *, instead: str | None = None, is_shared: bool = False) -> str:
        """Store a result.

        Args:
            result: photo and map; it is stored even if it alone exceeds the limit.
            instead: key of the visitor's previous result, which is dropped.
            is_shared: used by all visitors, like an example; `drop` ignores it.

        Returns:
            Its key, which cannot be guessed.
        """
        key = secrets.token_urlsafe(18)
        with self._lock:
            self._drop(instead)
            self._kept[key] = result
            if is_shared:
                self._shared.add(key)
            held = sum(each.nbytes for each in self._kept.values())
            while held > self._most_bytes and len(self._kept) > 1:
                oldest, removed = self._kept.popitem(last=False)
                self._shared.discard(oldest)
                self._notes.pop(oldest, None)
                held -= removed.nbytes
        return key

    def get(self, key: str | None) -> Result | None:
        """Return a result, or None if it was dropped or evicted."""
        with self._lock:
            if key is None or key not in self._kept:
                return None
            self._kept.move_to_end(key)
            return self._kept[key]

    def find(self, key: str | None) -> Result:
        """Return a result.

        Raises:
            PageError: no such result, or it was dropped or evicted.
        """
        result = self.get(key)
        if result is None:
            raise PageError("error.nophoto" if key is None else "error.gone")
        return result

    def annotate(self, key: str | None, note: object) -> None:
        """Store a visitor's points of a result, so that they survive a reload of the page."""
        with self._lock:
            if key is not None and key in self._kept and key not in self._shared:
                self._notes[key] = note

    def note(self, key: str | None) -> object:
        """Return the last value of `annotate`; None if there is none."""
        with self._lock:
            return None if key is None else self._notes.get(key)

    def drop(self, key: str | None) -> None:
        """Delete a result, unless it is shared."""
        with self._lock:
            self._drop(key)

    def __len__(self) -> int:
        return len(self._kept)

    def _drop(self, key: str | None) -> None:
        if key is not None and key not in self._shared:
            self._kept.pop(key, None)
            self._notes.pop(key, None)


def _resized(values: NDArray[_Pixel], size_px: tuple[int, int]) -> NDArray[_Pixel]:
    if values.shape[1::-1] == size_px:
        return values
    way = cv2.INTER_AREA if size_px[0] < values.shape[1] else cv2.INTER_LINEAR
    return cv2.resize(values, size_px, interpolation=way).astype(values.dtype, copy=False)


async def read_photo(path: str, limits: ImageLimits) -> Photo:
    """Read an uploaded photo; clips are uploaded the same way and may be much larger.

    Raises:
        ImageTooLargeError: it exceeds the limit of photos.
        NotAnImageError: it is not a regular file.
    """
    content = await run_sync(read_file, path, limits.max_bytes)
    return Photo(content, Path(path).stem or "photo")
