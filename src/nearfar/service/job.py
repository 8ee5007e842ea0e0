"""One request's work, how long each part of it took, and who is told."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from nearfar.runtimes.base import Batch, RawDepth, Session

T = TypeVar("T")


@dataclass(frozen=True)
class Job(Generic[T]):
    """What one worker thread does for one request, in this order.

    Attributes:
        session: the network.
        shape: (h, w) that it is fed, known from the picture's header. Jobs of one session and
            shape may run together; a wrong one costs only that.
        prepare: gives (1, 3, h, w) float32: decode, resize, normalise.
        finish: gets the network's answer, (h, w) float32, and gives the result, encoded if
            that is wanted.
    """

    session: Session
    shape: tuple[int, int]
    prepare: Callable[[], Batch]
    finish: Callable[[RawDepth], T]


@dataclass(frozen=True)
class Timing:
    """Where the time of one job went, in milliseconds.

    Attributes:
        queue_ms: waiting of every kind: for a worker, and for the others of its batch.
        prepare_ms: its own `prepare`.
        infer_ms: the network's run, of the whole batch.
        finish_ms: its own `finish`.
        batch: how many ran together.
    """

    queue_ms: float
    prepare_ms: float
    infer_ms: float
    finish_ms: float
    batch: int

    @property
    def total_ms(self) -> float:
        """From submitting to the result."""
        return self.queue_ms + self.prepare_ms + self.infer_ms + self.finish_ms


class Observer(Protocol):
    """Who is told what happens; called from any thread, so it must be quick and safe there."""

    def ran(self, batch: int) -> None:
        """The network ran `batch` pictures together."""

    def done(self, timing: Timing) -> None:
        """A job gave its result."""

    def refused(self, reason: str) -> None:
        """A place was refused: `queue-full`, `client-full`, `draining` or `not-ready`."""


class Unobserved:
    """The observer that looks away."""

    def ran(self, batch: int) -> None:
        """Nothing."""

    def done(self, timing: Timing) -> None:
        """Nothing."""

    def refused(self, reason: str) -> None:
        """Nothing."""
