"""Admission control: who has a reservation, how far along it is, and who is refused."""

import enum
import math
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from nearfar.errors import BusyError

if TYPE_CHECKING:
    from typing_extensions import Self


class ReservationState(enum.Enum):
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


class Reservation:
    """What a request holds from before its body is read until it is answered.

    A context manager. `Scheduler.reserve` makes it, and alone changes it.

    Attributes:
        client: who holds it.
        stage: see `ReservationState`.
    """

    def __init__(self, client: str, release: Callable[["Reservation"], None]) -> None:
        self.client = client
        self.stage = ReservationState.RESERVED
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


_LONGEST_RETRY_S: Final = 60
_PACE_WEIGHT: Final = 0.1
"""Of the newest job in the mean time of a job, from which Retry-After is reckoned."""


class AdmissionControl:
    """The count of places by stage and by client. Not safe between threads by itself.

    Args:
        workers: jobs that are worked on at a time.
        queue: places beyond those that workers are free for.
        per_client: places that one client may hold.
    """

    def __init__(self, *, workers: int, queue: int, per_client: int) -> None:
        self._workers = workers
        self._queue = queue
        self._per_client = per_client
        self._stages: Counter[ReservationState] = Counter()
        self._held: Counter[str] = Counter()
        self._pace_s = 0.0

    def __getitem__(self, stage: ReservationState) -> int:
        return self._stages[stage]

    @property
    def is_empty(self) -> bool:
        """Whether every place was given back."""
        return not self._held

    def refusal(self, client: str, *, idle: int) -> tuple[str, BusyError] | None:
        """Say why a client can't have a place, if so.

        Args:
            client: who asks.
            idle: workers that have nothing to do.

        Returns:
            The reason in a word, see `Observer`, and in a sentence.
        """
        inside = self._held.total()
        full = inside - self._stages[ReservationState.RUNNING] >= self._queue + idle
        if self._held[client] < self._per_client and not full:
            return None
        retry_after_s = math.ceil(inside * self._pace_s / self._workers)
        retry_after_s = min(max(1, retry_after_s), _LONGEST_RETRY_S)
        if full:
            reason = "queue-full"
            message = f"all {self._queue} places of the queue are taken"
        else:
            reason = "client-full"
            message = f"{self._per_client} requests of yours are here already"
        message += f": try again in {retry_after_s} s"
        return reason, BusyError(message, retry_after_s=retry_after_s)

    def enter(self, place: Reservation) -> None:
        """Count a new place."""
        self._stages[place.stage] += 1
        self._held[place.client] += 1

    def move(self, place: Reservation, stage: ReservationState) -> None:
        """Note how far a place has come; RELEASED is the last."""
        self._stages[place.stage] -= 1
        self._stages[stage] += 1
        place.stage = stage
        if stage is ReservationState.RELEASED:
            self._held[place.client] -= 1
            if not self._held[place.client]:  # clients come and go: none is kept for good
                del self._held[place.client]

    def took(self, seconds: float) -> None:
        """Note how long a worker was at a job."""
        weight = _PACE_WEIGHT if self._pace_s else 1
        self._pace_s += weight * (seconds - self._pace_s)
