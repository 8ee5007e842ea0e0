"""The desk, as the page asks it."""

from collections.abc import Callable
from typing import TypeVar

from nearfar.config import EstimateOptions
from nearfar.depth import DepthMap
from nearfar.models.spec import ModelSpec
from nearfar.service.desk import Desk
from nearfar.service.videodesk import VideoDesk
from nearfar.service.videopage import PageVideos
from nearfar.web.backend import PageAnswer

T = TypeVar("T")


class PageDoor:
    """A `nearfar.web.backend.Door`: the page's photos queue with all others, by the same rules.

    Attributes:
        videos: where the page brings clips.
    """

    def __init__(self, desk: Desk, videos: VideoDesk) -> None:
        self._desk = desk
        self.videos = PageVideos(videos)

    def models(self) -> tuple[ModelSpec, ...]:
        """Give the models that may be asked for, best first."""
        return self._desk.models()

    async def depth(
        self,
        photo: bytes,
        *,
        client: str,
        make: Callable[[DepthMap], T],
        model: str,
        options: EstimateOptions,
    ) -> PageAnswer[T]:
        """Estimate one photo; see `Door.depth` for arguments and errors."""
        with self._desk.reserve(client) as place:
            made = await self._desk.depth(
                photo, place=place, make=make, model=model, options=options
            )
        return PageAnswer(made.value, made.model, made.runtime, made.timing.infer_ms)
