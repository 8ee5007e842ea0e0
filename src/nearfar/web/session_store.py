"""Photos of all visitors with their maps, each estimated once."""

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
"""Longest side of the pictures on the page; downloads have the photo's own size."""

_Pixel = TypeVar("_Pixel", np.uint8, np.float32)

KEPT_BYTES: Final = 768 * 2**20
"""Of all visitors' results together; the one that was asked for longest ago goes first."""


@dataclass(frozen=True)
class Photo:
    """A photo as the user gave it.

    Attributes:
        content: the encoded file.
        stem: of its name; downloads are named after it.
        id: the same for every result of this photo.
    """

    content: bytes
    stem: str
    id: str = field(default_factory=lambda: secrets.token_urlsafe(9))


@dataclass(frozen=True)
class Result:
    """A photo, its map, and both at the size at which they are shown.

    Attributes:
        photo: the encoded file.
        depth: the map, of the photo's own size.
        shown_photo: (h, w, 3) uint8 RGB, no side longer than `SHOWN_PX`.
        shown_depth: the map at that size.
        focal_35mm_mm: focal length as in EXIF, for a 35 mm camera; None where it is unknown.
        runtime: what ran the network.
        infer_ms: duration of the inference.
        fed_px: width and height at which the photo was fed to the network.
        assumption: what the metres of the model are based on; `depth` is then in 1/metre. None
            where the model gives relative depth.
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

    def timed(
        self,
        runtime: str,
        infer_ms: float,
        fed_px: tuple[int, int],
        settings: tuple[Any, ...] = (),
    ) -> "Result":
        """Return a copy that states how it was made."""
        return replace(self, runtime=runtime, infer_ms=infer_ms, fed_px=fed_px, settings=settings)

    def camera(self) -> Camera:
        """Give the camera that took the photo, as far as is known."""
        return Camera.of_photo(self.depth.size_px, focal_35mm_mm=self.focal_35mm_mm)

    @property
    def nbytes(self) -> int:
        """Memory it takes, nearly."""
        maps = self.depth.inverse_depth.nbytes + self.shown_depth.inverse_depth.nbytes
        return maps + self.shown_photo.nbytes + len(self.photo.content)


class Results:
    """Results of all visitors within a limit on memory; least recently used ones are evicted.

    Threads may share it.

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
            result: photo and map; it is stored even where it alone exceeds the limit.
            instead: key of the visitor's previous result, which is dropped.
            is_shared: all visitors use it, as an example's; `drop` ignores it.

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
        """Return a result, or None where it was dropped or evicted."""
        with self._lock:
            if key is None or key not in self._kept:
                return None
            self._kept.move_to_end(key)
            return self._kept[key]

    def find(self, key: str | None) -> Result:
        """Return a result.

        Raises:
            PageError: there is none, or it was dropped or evicted.
        """
        result = self.get(key)
        if result is None:
            raise PageError("error.nophoto" if key is None else "error.gone")
        return result

    def annotate(self, key: str | None, note: object) -> None:
        """Store what one visitor marked on a result, so that it survives a reload of the page."""
        with self._lock:
            if key is not None and key in self._kept and key not in self._shared:
                self._notes[key] = note

    def note(self, key: str | None) -> object:
        """Return what `annotate` stored last; None where there is nothing."""
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
        ImageTooLargeError: it is larger than a photo may be.
        NotAnImageError: it is no regular file.
    """
    content = await run_sync(read_file, path, limits.max_bytes)
    return Photo(content, Path(path).stem or "photo")
