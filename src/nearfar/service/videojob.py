"""A clip's job: what is known of it while it waits, while it is worked on, and afterwards."""

import os
import shutil
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from nearfar.errors import CancelledError, WriteError
from nearfar.service.problems import RefusedError, refusal_of
from nearfar.service.videolook import ClipFacts
from nearfar.video.pipeline import ClipOrder

VideoState = Literal["waiting", "running", "done", "failed", "cancelled"]

MEDIA_TYPES: Final = {
    ".mp4": "video/mp4",
    ".mkv": "video/x-matroska",
    ".zip": "application/zip",
}


@dataclass(eq=False)
class VideoJob:
    """A job. Changed by its `VideoDesk`, and its counts by the thread that works on it.

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
        """Note why it came to nothing, in words without a path.

        Returns:
            What may be told.
        """
        if isinstance(error, CancelledError):
            self.state, self.refusal = "cancelled", None
            return refusal_of(error)
        if isinstance(error, WriteError):
            error = RefusedError("no-room")
        refused = refusal_of(error)
        self.state = "failed"
        self.refusal = RefusedError(refused.slug, self.cleaned(refused.detail))
        return self.refusal

    def cleaned(self, sentence: str) -> str:
        """Take the places of files out of a sentence."""
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
