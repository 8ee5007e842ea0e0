"""Interface between the page and the service."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from nearfar.config import EstimateOptions
from nearfar.depth import Depth
from nearfar.errors import NearfarError
from nearfar.models.spec import ModelSpec
from nearfar.video.pipeline import ClipOrder


class ClipRefusedError(NearfarError):
    """A clip was refused or failed.

    Args:
        reason: keyword, the end of the key `video.error.<reason>` of a text.
        detail: in English.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(detail or reason)
        self.reason, self.detail = reason, detail


class PageClip(Protocol):
    """State of a clip."""

    @property
    def id(self) -> str:
        """Return its id."""

    @property
    def state(self) -> str:
        """Return `waiting`, `running`, `done`, `failed` or `cancelled`."""

    @property
    def frames_done(self) -> int:
        """Return the number of frames in the result."""

    @property
    def frames(self) -> int | None:
        """Return the number of all frames, if known."""

    @property
    def seconds_left(self) -> float | None:
        """Return the remaining time, if known."""

    @property
    def ahead(self) -> int:
        """Return the number of clips before it, while it is waiting."""

    @property
    def model(self) -> str | None:
        """Return the model's name, once it is running."""

    @property
    def preview(self) -> bytes | None:
        """Return the newest frame next to its map, as a JPEG."""

    @property
    def result(self) -> Path:
        """Return the path of the result, once it is done."""

    @property
    def is_damaged(self) -> bool:
        """Return whether parts of the clip could not be read."""

    @property
    def refusal(self) -> ClipRefusedError | None:
        """Return the error, if it failed."""


class ClipBackend(Protocol):
    """Interface for processing clips."""

    async def begin(self, path: Path, order: ClipOrder, *, client: str, root: Path) -> PageClip:
        """Submit a clip.

        Args:
            path: of the uploaded file, which is not modified.
            order: description of the job.
            client: its client, for fairness.
            root: folder in which the result's folder is created.

        Raises:
            ClipRefusedError: it is refused.
            NearfarError: the service is busy, or an option is invalid.
        """

    def find(self, id: str) -> PageClip | None:
        """Return the state of a clip; a clip that is not polled is cancelled."""

    async def remove(self, id: str) -> None:
        """Cancel a clip, or delete its result; do nothing if there is none."""


T = TypeVar("T")


@dataclass(frozen=True)
class PageAnswer(Generic[T]):
    """Result of one photo.

    Attributes:
        value: the result of `make`.
        model: name of the model.
        runtime: name of the runtime.
        infer_ms: duration of the network's run, without waiting, decoding and resizing.
        fed_px: width and height of the network's input.
    """

    value: T
    model: str
    runtime: str
    infer_ms: float
    fed_px: tuple[int, int]


class Backend(Protocol):
    """Interface for estimating depth; implemented by the service, and by a fake in tests."""

    @property
    def videos(self) -> ClipBackend:
        """Interface for clips."""

    def models(self) -> tuple[ModelSpec, ...]:
        """Return the available models, best first."""

    async def depth(
        self,
        photo: bytes,
        *,
        client: str,
        make: Callable[[Depth], T],
        model: str,
        options: EstimateOptions,
    ) -> PageAnswer[T]:
        """Estimate one photo.

        Args:
            photo: the encoded file.
            client: its client, for fairness.
            make: converts the map to the stored result; runs in a worker thread.
            model: name of one of `models`, or `auto`, the service's default for photos.
            options: of estimation.

        Raises:
            NearfarError: any error of the photo, or a busy service.
        """
