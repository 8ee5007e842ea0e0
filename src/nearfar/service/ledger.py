"""Who is inside the service, how far along, and who must stay outside."""

import math
from collections import Counter
from typing import Final

from nearfar.errors import BusyError
from nearfar.service.place import Place, Stage

_LONGEST_RETRY_S: Final = 60
_PACE_WEIGHT: Final = 0.1
"""Of the newest job in the mean time of a job, from which Retry-After is reckoned."""


class Ledger:
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
        self._stages: Counter[Stage] = Counter()
        self._held: Counter[str] = Counter()
        self._pace_s = 0.0

    def __getitem__(self, stage: Stage) -> int:
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
        full = inside - self._stages[Stage.RUNNING] >= self._queue + idle
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

    def enter(self, place: Place) -> None:
        """Count a new place."""
        self._stages[place.stage] += 1
        self._held[place.client] += 1

    def move(self, place: Place, stage: Stage) -> None:
        """Note how far a place has come; RELEASED is the last."""
        self._stages[place.stage] -= 1
        self._stages[stage] += 1
        place.stage = stage
        if stage is Stage.RELEASED:
            self._held[place.client] -= 1
            if not self._held[place.client]:  # clients come and go: none is kept for good
                del self._held[place.client]

    def took(self, seconds: float) -> None:
        """Note how long a worker was at a job."""
        weight = _PACE_WEIGHT if self._pace_s else 1
        self._pace_s += weight * (seconds - self._pace_s)
