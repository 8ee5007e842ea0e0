"""Backend of the page: its photos and clips use the same queue as other requests."""

import asyncio
import os
import secrets
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from nearfar.config import EstimateOptions
from nearfar.depth import Depth
from nearfar.errors import ProcessError, VideoError
from nearfar.models.spec import ModelSpec
from nearfar.service.engine import InferenceEngine
from nearfar.service.errors import TOLD_IN_THE_LOG, RefusedError, refusal_of
from nearfar.service.observability import FAULTS
from nearfar.service.videos.manager import VideoManager
from nearfar.service.videos.store import VideoJob
from nearfar.video.pipeline import ClipOrder
from nearfar.web.backend import ClipRefusedError, PageAnswer

PATIENCE_S: Final = 30.0
"""Time without polling after which a clip is cancelled; the page polls several times a second."""


@dataclass(frozen=True)
class _Seen:
    """A snapshot of a job, as a `nearfar.web.backend.PageClip`."""

    _job: VideoJob
    ahead: int

    @property
    def id(self) -> str:
        return self._job.id

    @property
    def state(self) -> str:
        return self._job.state

    @property
    def frames_done(self) -> int:
        return self._job.frames_done

    @property
    def frames(self) -> int | None:
        return self._job.frames

    @property
    def seconds_left(self) -> float | None:
        return self._job.seconds_left

    @property
    def model(self) -> str | None:
        return self._job.model

    @property
    def preview(self) -> bytes | None:
        return self._job.preview

    @property
    def result(self) -> Path:
        return self._job.result

    @property
    def is_damaged(self) -> bool:
        return bool(self._job.warnings)

    @property
    def refusal(self) -> ClipRefusedError | None:
        refusal = self._job.refusal
        return None if refusal is None else ClipRefusedError(refusal.slug, refusal.detail)


class PageVideos:
    """A `nearfar.web.backend.ClipBackend` with the service's queue."""

    def __init__(self, engine: VideoManager) -> None:
        self._engine = engine

    async def begin(self, path: Path, order: ClipOrder, *, client: str, root: Path) -> _Seen:
        """Submit a clip; see `ClipBackend.begin`."""
        try:
            size_bytes = (await asyncio.to_thread(path.stat)).st_size
            with self._engine.reserve(client, size_bytes) as slot:
                await asyncio.to_thread(_borrow, path, slot.path)
                job = await self._engine.accept(
                    slot,
                    order,
                    stem=path.stem,
                    request_id=secrets.token_hex(8),
                    root=root,
                    patience_s=PATIENCE_S,
                )
        except (RefusedError, VideoError, ProcessError) as error:
            refused = refusal_of(error)
            if refused.slug in TOLD_IN_THE_LOG:
                FAULTS.error("a clip of the page failed", exc_info=error)
            raise ClipRefusedError(refused.slug, refused.detail) from error
        job.is_watched = True
        return _Seen(job, self._engine.ahead(job))

    def find(self, id: str) -> _Seen | None:
        """Return the state of a clip."""
        try:
            job = self._engine.find(id)
        except RefusedError:
            return None
        return _Seen(job, self._engine.ahead(job))

    async def remove(self, id: str) -> None:
        """Cancel a clip, or delete its result."""
        try:
            job = self._engine.find(id)
        except RefusedError:
            return
        await self._engine.remove(job)


def _borrow(path: Path, target: Path) -> None:
    """Link or copy a file, since the page may delete its file at any time."""
    try:
        os.link(path, target)
    except OSError:  # another disk, or a file system without links
        shutil.copyfile(path, target)


T = TypeVar("T")


class PageBackend:
    """A `nearfar.web.backend.Backend` with the service's queue.

    Attributes:
        videos: backend for clips.
    """

    def __init__(self, engine: InferenceEngine, videos: VideoManager) -> None:
        self._engine = engine
        self.videos = PageVideos(videos)

    def models(self) -> tuple[ModelSpec, ...]:
        """Return the installed models, best first."""
        return self._engine.models()

    async def depth(
        self,
        photo: bytes,
        *,
        client: str,
        make: Callable[[Depth], T],
        model: str,
        options: EstimateOptions,
    ) -> PageAnswer[T]:
        """Estimate one photo; see `Backend.depth` for arguments and errors."""
        with self._engine.reserve(client) as reservation:
            made = await self._engine.depth(
                photo, reservation=reservation, make=make, model=model, options=options
            )
        return PageAnswer(made.value, made.model, made.runtime, made.timing.infer_ms, made.fed_px)
