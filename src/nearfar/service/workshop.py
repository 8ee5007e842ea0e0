"""The place where jobs are grouped and done, whoever groups them."""

from typing import Protocol

from nearfar.service.job import Job, T, Timing
from nearfar.service.place import Place


class Workshop(Protocol):
    """What a desk hands its jobs to: a `Batcher`, or what stands in its place."""

    @property
    def waiting(self) -> int:
        """Places whose job has not begun, those without a job yet among them."""

    @property
    def running(self) -> int:
        """Jobs in the hands of a worker."""

    def reserve(self, client: str) -> Place:
        """Take a place; see `Batcher.reserve`."""

    async def submit(self, job: Job[T], place: Place) -> tuple[T, Timing]:
        """Have a job done, and wait for it; see `Batcher.submit`."""

    async def drain(self, deadline_s: float) -> bool:
        """Finish what was taken, and take no more; see `Batcher.drain`."""
