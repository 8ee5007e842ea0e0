"""What the page needs of the service behind it."""

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
    """A clip that is not taken, or came to nothing.

    Args:
        reason: in a word, for which the texts have a sentence; see `videotexts`.
        detail: in English.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(detail or reason)
        self.reason, self.detail = reason, detail


class PageClip(Protocol):
    """A clip that waits, is worked on, or is done."""

    @property
    def id(self) -> str:
        """Give what it is asked for by."""

    @property
    def state(self) -> str:
        """Say `waiting`, `running`, `done`, `failed` or `cancelled`."""

    @property
    def frames_done(self) -> int:
        """Count the frames that are in the result."""

    @property
    def frames(self) -> int | None:
        """Count all there are, as far as that is known."""

    @property
    def seconds_left(self) -> float | None:
        """Give the time it will take, as far as that is known."""

    @property
    def ahead(self) -> int:
        """Count the clips that come before, while it waits."""

    @property
    def model(self) -> str | None:
        """Name the model, once it runs."""

    @property
    def preview(self) -> bytes | None:
        """Give the newest frame beside its map, as a JPEG."""

    @property
    def result(self) -> Path:
        """Give the place of the result, once it is done."""

    @property
    def is_damaged(self) -> bool:
        """Say whether parts of the clip could not be read."""

    @property
    def refusal(self) -> ClipRefusedError | None:
        """Say why it failed."""


class ClipBackend(Protocol):
    """Where the page brings clips."""

    async def begin(self, path: Path, order: ClipOrder, *, client: str, root: Path) -> PageClip:
        """Begin with a clip.

        Args:
            path: of the uploaded file, which is left alone.
            order: what is wanted.
            client: who asks, for fairness between clients.
            root: where the result gets a folder of its own.

        Raises:
            ClipRefusedError: it is not taken.
            NearfarError: a service that is busy, or an order that makes no sense.
        """

    def find(self, id: str) -> PageClip | None:
        """Look how far a clip is; one that nobody looks at is given up."""

    async def remove(self, id: str) -> None:
        """Give up a clip, or delete its result; nothing if there is none."""


T = TypeVar("T")


@dataclass(frozen=True)
class PageAnswer(Generic[T]):
    """What came of one photo.

    Attributes:
        value: what `make` made of the map.
        model: catalogue name of the model that ran.
        runtime: what ran it.
        infer_ms: how long the network took, without waiting, decoding and resizing.
        fed_px: width and height at which the network was fed.
    """

    value: T
    model: str
    runtime: str
    infer_ms: float
    fed_px: tuple[int, int]


class Backend(Protocol):
    """Where the page asks for depth; the service stands behind it, in tests a fake."""

    @property
    def videos(self) -> ClipBackend:
        """Where clips are brought."""

    def models(self) -> tuple[ModelSpec, ...]:
        """Give the models that may be asked for, best first."""

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
            photo: the encoded file, as it was uploaded.
            client: who asks, for fairness between clients.
            make: turns the map into what the page keeps; runs in a worker thread.
            model: name of one of `models`, or `auto`: the service's own choice for photos.
            options: how to estimate.

        Raises:
            NearfarError: whatever is wrong with the photo, or a service that is busy.
        """
