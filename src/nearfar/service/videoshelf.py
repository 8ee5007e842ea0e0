"""The clips that are here, what they may take up, and how long they are kept."""

import math
import secrets
import time
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from nearfar.errors import BusyError
from nearfar.service.problems import RefusedError
from nearfar.service.settings import ServiceOptions
from nearfar.service.videojob import VideoJob

if TYPE_CHECKING:
    from typing_extensions import Self

MOST_ENDED: Final = 1000
"""Jobs that are remembered after their end; the oldest goes first."""

_LONGEST_RETRY_S: Final = 60


class Slot:
    """A clip's place, from before its body is read until it is a job. A context manager.

    Attributes:
        client: who sends it.
        size_bytes: the most that it may bring.
        path: where it goes to; nobody else knows the folder.
        is_taken: a job came of it.
    """

    def __init__(self, client: str, most_bytes: int, path: Path, shelf: "VideoShelf") -> None:
        self.client, self.size_bytes, self.path = client, most_bytes, path
        self.is_taken = False
        self._shelf = shelf

    def __enter__(self) -> "Self":
        return self

    def __exit__(self, *_: object) -> None:
        self._shelf.give_back(self)


class VideoShelf:
    """The jobs by their ids, and who may bring one more. Used from one event loop.

    Args:
        options: the limits.
    """

    def __init__(self, options: ServiceOptions) -> None:
        self._options = options
        self._slots: set[Slot] = set()
        self._jobs: OrderedDict[str, VideoJob] = OrderedDict()
        self._open: dict[VideoJob, None] = {}

    def __iter__(self) -> Iterator[VideoJob]:
        return iter(tuple(self._jobs.values()))

    @property
    def open(self) -> tuple[VideoJob, ...]:
        """Jobs that wait or are worked on as they came, also those not to be found any more."""
        return tuple(self._open)

    @property
    def has_room(self) -> bool:
        """Whether clips and results take no more of the disk than they may."""
        return self._bytes() <= self._options.clip_disk_bytes

    def slot(self, client: str, most_bytes: int, path: Path) -> Slot:
        """Let a client bring a clip.

        Raises:
            BusyError: too many wait, or this client has too many here.
            RefusedError: there may be no room for it on the disk.
        """
        clients = [each.client for each in self._slots]
        clients += [each.client for each in self._open]
        mine, options = clients.count(client), self._options
        if len(clients) >= options.clips + options.clip_queue:
            raise self._busy(f"all {options.clip_queue} places for clips are taken")
        if mine >= options.clips_per_client:
            raise self._busy(f"{mine} clips of yours are here already")
        if self._bytes() + most_bytes > options.clip_disk_bytes:
            raise RefusedError("no-room")
        slot = Slot(client, most_bytes, path, self)
        self._slots.add(slot)
        return slot

    def give_back(self, slot: Slot) -> None:
        """Forget a slot; a file that became no job goes."""
        self._slots.discard(slot)
        if not slot.is_taken:
            slot.path.unlink(missing_ok=True)

    def put(self, job: VideoJob) -> None:
        """Take a job in."""
        self._jobs[job.id] = job
        self._open[job] = None

    def find(self, id: str) -> VideoJob:
        """Find a job, and note that somebody asked for it.

        Raises:
            RefusedError: there is none.
        """
        if id not in self._jobs:
            raise RefusedError("not-found")
        job = self._jobs[id]
        job.asked_s = time.monotonic()
        return job

    def holds(self, job: VideoJob) -> bool:
        """Whether a job can be found."""
        return job.id in self._jobs

    def drop(self, job: VideoJob) -> None:
        """Let a job be found no more; while it is at work it still counts."""
        self._jobs.pop(job.id, None)

    def end(self, job: VideoJob) -> tuple[VideoJob, ...]:
        """Note that a job is at its end.

        Returns:
            Older ones that are dropped for it.
        """
        job.ended_s = time.monotonic()
        self._open.pop(job, None)
        ended = [each for each in self._jobs.values() if not each.is_open]
        old = tuple(ended[:-MOST_ENDED])
        for each in old:
            self.drop(each)
        return old

    def expired(self) -> tuple[VideoJob, ...]:
        """Give the jobs whose result was kept long enough."""
        limit_s = time.monotonic() - self._options.clip_keep_s
        return tuple(each for each in self if each.ended_s is not None and each.ended_s < limit_s)

    def abandoned(self) -> tuple[VideoJob, ...]:
        """Give the open jobs that nobody has asked for."""
        now_s = time.monotonic()
        return tuple(
            each for each in self if each.is_open and each.asked_s + each.patience_s < now_s
        )

    def _bytes(self) -> int:
        jobs = {*self._jobs.values(), *self._open}
        return sum(each.size_bytes for each in jobs) + sum(each.size_bytes for each in self._slots)

    def _busy(self, why: str) -> BusyError:
        """Refuse; the next place comes when what is at work is done, as far as that is known."""
        left = [each.seconds_left for each in self._open]
        retry_after_s = math.ceil(min((each for each in left if each), default=10))
        retry_after_s = min(max(1, retry_after_s), _LONGEST_RETRY_S)
        return BusyError(f"{why}: try again in {retry_after_s} s", retry_after_s=retry_after_s)


def new_id() -> str:
    """Make an id that can't be guessed: 144 random bits."""
    return secrets.token_urlsafe(18)
