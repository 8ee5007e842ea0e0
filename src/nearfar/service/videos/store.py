"""Store of video jobs: their limits, and how long they are kept."""

import math
import os
import secrets
import shutil
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from nearfar.errors import BusyError, CancelledError
from nearfar.service.errors import RefusedError, refusal_of
from nearfar.service.settings import ServiceOptions
from nearfar.service.videos.inspect import ClipFacts
from nearfar.video.pipeline import ClipOrder

if TYPE_CHECKING:
    from typing_extensions import Self

VideoState = Literal["waiting", "running", "done", "failed", "cancelled"]

MEDIA_TYPES: Final = {
    ".mp4": "video/mp4",
    ".mkv": "video/x-matroska",
    ".zip": "application/zip",
}


@dataclass(eq=False)
class VideoJob:
    """A job. Modified by its `VideoManager`, and its counts by its thread.

    Attributes:
        id: can't be guessed; it authorizes access to the clip and its cancellation.
        client: its client.
        request_id: its id in the log.
        stem: of the clip's name.
        order: what is wanted.
        source: the clip.
        folder: of the result only.
        facts: of its header.
        patience_s: time without requests after which it is cancelled.
        state: see `VideoState`.
        frames_done: number of frames in the result.
        model: its model, once it is running.
        size_bytes: of its files on disk.
        warnings: about the clip, one sentence each.
        refusal: its error, if it failed.
        cancelled: set to cancel it, from any thread.
        asked_s: time of the last request, of `time.monotonic`.
        ended_s: time of its end.
        is_watched: whether previews are requested.
        preview: the newest frame next to its map, as a JPEG; None before the first.
    """

    id: str
    client: str
    request_id: str
    stem: str
    order: ClipOrder
    source: Path
    folder: Path
    facts: ClipFacts
    patience_s: float
    state: VideoState = "waiting"
    frames_done: int = 0
    model: str | None = None
    size_bytes: int = 0
    warnings: tuple[str, ...] = ()
    refusal: RefusedError | None = None
    cancelled: threading.Event = field(default_factory=threading.Event)
    asked_s: float = field(default_factory=time.monotonic)
    ended_s: float | None = None
    is_watched: bool = False
    preview: bytes | None = None
    _first_s: float | None = None

    @property
    def is_open(self) -> bool:
        """Whether it is waiting or running."""
        return self.state in {"waiting", "running"}

    @property
    def name(self) -> str:
        """File name of the result, as in `nearfar video`."""
        return f"{self.stem}-{self.order.what}{self.order.suffix}"

    @property
    def result(self) -> Path:
        """Path of the result, once the state is `done`."""
        # characters of a stem may have three bytes, and names are limited to 255 bytes
        return self.folder / f"{self.stem[:50]}-{self.order.what}{self.order.suffix}"

    @property
    def media_type(self) -> str:
        """Media type of the result."""
        return MEDIA_TYPES[self.order.suffix]

    @property
    def frames(self) -> int | None:
        """Number of all frames, if known; never less than the finished ones."""
        if self.state == "done":
            return self.frames_done
        return None if self.facts.count is None else max(self.facts.count, self.frames_done)

    @property
    def seconds_left(self) -> float | None:
        """Remaining time, from the rate so far; None if unknown."""
        if self.state != "running" or self.frames is None or self._first_s is None:
            return None
        pace_s = (time.monotonic() - self._first_s) / max(1, self.frames_done - 1)
        return pace_s * (self.frames - self.frames_done) if self.frames_done > 1 else None

    def count(self, frames_done: int) -> None:
        """Record the number of frames in the result."""
        if self._first_s is None:
            self._first_s = time.monotonic()
        self.frames_done = frames_done

    def fail(self, error: Exception) -> RefusedError:
        """Record its error, without paths.

        Returns:
            The refusal for clients.
        """
        if isinstance(error, CancelledError):
            self.state, self.refusal = "cancelled", None
            return refusal_of(error)
        refused = refusal_of(error)
        self.state = "failed"
        self.refusal = RefusedError(refused.slug, self.cleaned(refused.detail))
        return self.refusal

    def cleaned(self, sentence: str) -> str:
        """Remove paths of files from a sentence."""
        for path in (self.source, self.result, self.folder):
            sentence = sentence.replace(f"{path}: ", "").replace(str(path), "the clip")
        return sentence

    def weigh(self) -> None:
        """Measure the size of its files on disk, including partially written ones."""
        made = (Path(top) / name for top, _, names in os.walk(self.folder) for name in names)
        self.size_bytes = sum(_size(path) for path in (self.source, *made))

    def let_clip_go(self) -> None:
        """Delete the clip; its result stays."""
        self.source.unlink(missing_ok=True)
        self.weigh()

    def delete(self) -> None:
        """Delete all of its files."""
        self.source.unlink(missing_ok=True)
        shutil.rmtree(self.folder, ignore_errors=True)
        self.size_bytes = 0


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # a temporary file that was renamed just now
        return 0


MOST_ENDED: Final = 1000
"""Maximum of finished jobs; the oldest is dropped first."""

_LONGEST_RETRY_S: Final = 60


class Slot:
    """A reservation for a clip, from before its body is read until it is a job.

    Attributes:
        client: its client.
        size_bytes: maximum size of the clip.
        path: of the clip's file, in a private folder.
        is_taken: whether it has become a job.
    """

    def __init__(self, client: str, most_bytes: int, path: Path, store: "VideoStore") -> None:
        self.client, self.size_bytes, self.path = client, most_bytes, path
        self.is_taken = False
        self._store = store

    def __enter__(self) -> "Self":
        return self

    def __exit__(self, *_: object) -> None:
        self._store.give_back(self)


class VideoStore:
    """The jobs by id, and admission of new ones. For one event loop.

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
        """Waiting and running jobs in order of arrival, including deleted ones."""
        return tuple(self._open)

    @property
    def has_room(self) -> bool:
        """Whether clips and results are within the limit of disk space."""
        return self._bytes() <= self._options.clip_disk_bytes

    def slot(self, client: str, most_bytes: int, path: Path) -> Slot:
        """Reserve a slot for a clip.

        Raises:
            BusyError: too many clips are waiting, or this client has too many.
            RefusedError: there may be not enough space on the disk.
        """
        clients = [each.client for each in self._slots]
        clients += [each.client for each in self._open]
        mine, options = clients.count(client), self._options
        if len(clients) >= options.clips + options.clip_queue:
            raise self._busy(f"the queue of clips is full ({options.clip_queue} clips)")
        if mine >= options.clips_per_client:
            raise self._busy(f"you have {mine} clips already")
        if self._bytes() + most_bytes > options.clip_disk_bytes:
            raise RefusedError("no-room")
        slot = Slot(client, most_bytes, path, self)
        self._slots.add(slot)
        return slot

    def give_back(self, slot: Slot) -> None:
        """Release a slot; its file is deleted unless it became a job."""
        self._slots.discard(slot)
        if not slot.is_taken:
            slot.path.unlink(missing_ok=True)

    def put(self, job: VideoJob) -> None:
        """Add a job."""
        self._jobs[job.id] = job
        self._open[job] = None

    def find(self, id: str) -> VideoJob:
        """Return a job, and record the time of the request.

        Raises:
            RefusedError: no such job.
        """
        if id not in self._jobs:
            raise RefusedError("not-found")
        job = self._jobs[id]
        job.asked_s = time.monotonic()
        return job

    def holds(self, job: VideoJob) -> bool:
        """Whether the store contains a job."""
        return job.id in self._jobs

    def drop(self, job: VideoJob) -> None:
        """Remove the id of a job; while it is running it still counts."""
        self._jobs.pop(job.id, None)

    def end(self, job: VideoJob) -> tuple[VideoJob, ...]:
        """Record the end of a job.

        Returns:
            Older jobs that are dropped for it.
        """
        job.ended_s = time.monotonic()
        self._open.pop(job, None)
        ended = [each for each in self._jobs.values() if not each.is_open]
        old = tuple(ended[:-MOST_ENDED])
        for each in old:
            self.drop(each)
        return old

    def expired(self) -> tuple[VideoJob, ...]:
        """Return the jobs whose result has expired."""
        limit_s = time.monotonic() - self._options.clip_keep_s
        return tuple(each for each in self if each.ended_s is not None and each.ended_s < limit_s)

    def abandoned(self) -> tuple[VideoJob, ...]:
        """Return the open jobs that nobody has requested for too long."""
        now_s = time.monotonic()
        return tuple(
            each for each in self if each.is_open and each.asked_s + each.patience_s < now_s
        )

    def _bytes(self) -> int:
        jobs = {*self._jobs.values(), *self._open}
        return sum(each.size_bytes for each in jobs) + sum(each.size_bytes for each in self._slots)

    def _busy(self, why: str) -> BusyError:
        """Return the error; it contains when a running clip will be done, if known."""
        left = [each.seconds_left for each in self._open]
        retry_after_s = math.ceil(min((each for each in left if each), default=10))
        retry_after_s = min(max(1, retry_after_s), _LONGEST_RETRY_S)
        return BusyError(f"{why}: try again in {retry_after_s} s", retry_after_s=retry_after_s)


def new_id() -> str:
    """Return an id that can't be guessed: 144 random bits."""
    return secrets.token_urlsafe(18)
