"""What the page needs of the service behind it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from nearfar.config import EstimateOptions
from nearfar.depth import DepthMap
from nearfar.models.spec import ModelSpec
from nearfar.web.videodoor import ClipDoor

T = TypeVar("T")


@dataclass(frozen=True)
class PageAnswer(Generic[T]):
    """What came of one photo.

    Attributes:
        value: what `make` made of the map.
        model: catalogue name of the model that ran.
        runtime: what ran it.
        infer_ms: how long the network took, without waiting, decoding and resizing.
    """

    value: T
    model: str
    runtime: str
    infer_ms: float


class Door(Protocol):
    """Where the page asks for depth; the service stands behind it, in tests a fake."""

    @property
    def videos(self) -> ClipDoor:
        """Where clips are brought."""

    def models(self) -> tuple[ModelSpec, ...]:
        """Give the models that may be asked for, best first."""

    async def depth(
        self,
        photo: bytes,
        *,
        client: str,
        make: Callable[[DepthMap], T],
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
