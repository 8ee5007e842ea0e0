"""The clips that are here: their jobs, what they may take up, and how long they are kept."""

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
    """A job. Changed by its `VideoManager`, and its counts by the thread that works on it.

    Attributes:
        id: can't be guessed; who has it may ask for the clip and end it.
        client: who sent it.
        request_id: under which the log has it.
        stem: of the clip's name.
        order: what is wanted.
        source: the clip.
        folder: of the result, and nothing else's.
        facts: what the clip says of itself.
        patience_s: it is given up when nobody asks for it for so long.
        state: see `VideoState`.
        frames_done: that are in the result.
        model: that it runs on, once it does.
        size_bytes: on the disk.
        warnings: what was wrong with the clip, a sentence each.
        refusal: why it failed.
        cancelled: set to end it, from any thread.
        asked_s: when somebody last asked for it, of `time.monotonic`.
        ended_s: when it came to its end.
        is_watched: whether somebody wants to see the newest frame.
        preview: the newest frame beside its map, as a JPEG; None before the first.
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
        """Whether it waits or is worked on."""
        return self.state in {"waiting", "running"}

    @property
    def name(self) -> str:
        """What the result is called, as `nearfar video` calls it."""
        return f"{self.stem}-{self.order.what}{self.order.suffix}"

    @property
    def result(self) -> Path:
        """Where the result is, once the state is `done`."""
        # many letters of a stem are three bytes, and a name has 255 of these
        return self.folder / f"{self.stem[:50]}-{self.order.what}{self.order.suffix}"

    @property
    def media_type(self) -> str:
        """Of the result."""
        return MEDIA_TYPES[self.order.suffix]

    @property
    def frames(self) -> int | None:
        """All frames, as far as that is known; never less than are done."""
        if self.state == "done":
            return self.frames_done
        return None if self.facts.count is None else max(self.facts.count, self.frames_done)

    @property
    def seconds_left(self) -> float | None:
        """How long it will take, from the pace so far; None where that can't be said."""
        if self.state != "running" or self.frames is None or self._first_s is None:
            return None
        pace_s = (time.monotonic() - self._first_s) / max(1, self.frames_done - 1)
        return pace_s * (self.frames - self.frames_done) if self.frames_done > 1 else None

    def count(self, frames_done: int) -> None:
        """Note how many frames are in the result."""
        if self._first_s is None:
            self._first_s = time.monotonic()
        self.frames_done = frames_done

    def fail(self, error: Exception) -> RefusedError:
        """Record why it failed, in words without a path.

        Returns:
            What clients may see.
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
        """Count its bytes on the disk, half-written ones among them."""
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
    except FileNotFoundError:  # a temporary file that has just got its name
        return 0


MOST_ENDED: Final = 1000
"""Finished jobs that are remembered; the oldest is forgotten first."""

_LONGEST_RETRY_S: Final = 60


class Slot:
    """A reservation for a clip, from before its body is read until it is a job.

    Attributes:
        client: who sends it.
        size_bytes: the most that it may bring.
        path: where it goes to; nobody else knows the folder.
        is_taken: a job came of it.
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
        """Waiting and running jobs in order of arrival, deleted ones among them."""
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
        """Release a slot; a file that became no job is deleted."""
        self._slots.discard(slot)
        if not slot.is_taken:
            slot.path.unlink(missing_ok=True)

    def put(self, job: VideoJob) -> None:
        """Take a job in."""
        self._jobs[job.id] = job
        self._open[job] = None

    def find(self, id: str) -> VideoJob:
        """Return a job, and record the time of the request.

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
        """Forget the id of a job; while it runs it still counts."""
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
        """Return the refusal; a slot is free when a running clip is done, if that is known."""
        left = [each.seconds_left for each in self._open]
        retry_after_s = math.ceil(min((each for each in left if each), default=10))
        retry_after_s = min(max(1, retry_after_s), _LONGEST_RETRY_S)
        return BusyError(f"{why}: try again in {retry_after_s} s", retry_after_s=retry_after_s)


def new_id() -> str:
    """Make an id that can't be guessed: 144 random bits."""
    return secrets.token_urlsafe(18)
