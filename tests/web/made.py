"""Photos, maps and a door, made for the tests of the page."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np

from nearfar.config import EstimateOptions
from nearfar.depth import DepthMap
from nearfar.errors import NearfarError
from nearfar.io.images import DEFAULT_LIMITS, ImageFile, encode_image
from nearfar.models.catalog import CATALOG
from nearfar.models.spec import ModelSpec
from nearfar.video.pipeline import ClipOrder
from nearfar.web.backend import ClipBackend, ClipRefusedError, PageAnswer, PageClip
from nearfar.web.session_store import Photo, Result

T = TypeVar("T")


def jpeg(width_px: int = 64, height_px: int = 48) -> bytes:
    """A photo that is red on the left and blue on the right."""
    photo = np.zeros((height_px, width_px, 3), np.uint8)
    photo[:, : width_px // 2, 0] = 200
    photo[:, width_px // 2 :, 2] = 200
    return encode_image(photo, ".jpg")


def ramp(width_px: int = 64, height_px: int = 48) -> DepthMap:
    """Near on the right: the inverse depth of a pixel is its column."""
    row = np.arange(width_px, dtype=np.float32)
    return DepthMap(np.repeat(row[None], height_px, axis=0), "nearfar-lite")


def result(width_px: int = 64, height_px: int = 48) -> Result:
    photo = Photo(jpeg(width_px, height_px), "toy")
    return Result.of(photo, ramp(width_px, height_px), DEFAULT_LIMITS).timed(
        "fake", 12.0, (288, 192)
    )


class FakeClips:
    """Takes no clip; remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[Path, ClipOrder, str, Path]] = []

    async def begin(self, path: Path, order: ClipOrder, *, client: str, root: Path) -> PageClip:
        self.asked.append((path, order, client, root))
        raise ClipRefusedError("not-a-clip")

    def find(self, id: str) -> PageClip | None:  # noqa: ARG002 - as of the protocol
        return None

    async def remove(self, id: str) -> None:
        """Nothing."""


class FakeDoor:
    """Answers with a ramp of the photo's size; remembers what it was asked."""

    def __init__(self, error: NearfarError | None = None) -> None:
        self.error = error
        self.videos: ClipBackend = FakeClips()
        self.asked: list[tuple[str, str, EstimateOptions]] = []

    def models(self) -> tuple[ModelSpec, ...]:
        return CATALOG

    async def depth(
        self,
        photo: bytes,
        *,
        client: str,
        make: Callable[[DepthMap], T],
        model: str,
        options: EstimateOptions,
    ) -> PageAnswer[T]:
        self.asked.append((client, model, options))
        if self.error is not None:
            raise self.error
        with ImageFile(photo) as file:
            depth = ramp(file.width_px, file.height_px)
        return PageAnswer(make(depth), depth.model, "fake", 12.0, (288, 192))
