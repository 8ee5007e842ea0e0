"""A request's place inside the service."""

import enum
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Self


class Stage(enum.Enum):
    """How far the request of a place has come."""

    RESERVED = enum.auto()
    """Its body is on its way, or its header is being read."""
    QUEUED = enum.auto()
    """Its job waits for a worker."""
    RUNNING = enum.auto()
    """A worker has its job."""
    DONE = enum.auto()
    """Its job ended; the place may be given another one."""
    RELEASED = enum.auto()
    """It is given back."""


class Place:
    """What a request holds from before its body is read until it is answered.

    A context manager. `Batcher.reserve` makes it, and alone changes it.

    Attributes:
        client: who holds it.
        stage: see `Stage`.
    """

    def __init__(self, client: str, release: Callable[["Place"], None]) -> None:
        self.client = client
        self.stage = Stage.RESERVED
        self._release = release

    def release(self) -> None:
        """Give the place back. Any number of times, from any thread.

        A job that still has it is taken out of the queue, and whoever waits for it is told.
        """
        self._release(self)

    def __enter__(self) -> "Self":
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
