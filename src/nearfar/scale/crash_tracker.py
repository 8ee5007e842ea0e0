"""Find the photo that crashes workers by processing one at a time, and skip it.

Ray restarts a killed worker and repeats its part. A photo that kills it each time, by its size or
by a fault in a decoder, would otherwise block a run for ever.
"""

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from nearfar.errors import WriteError

MOST_CRASHES: Final = 2
"""Number of crashes of a part after which its photos are processed one at a time."""


@dataclass(frozen=True)
class Attempt:
    """Unfinished attempts at a part.

    Attributes:
        begun: number of earlier attempts.
        at: index of the photo that was processed, alone, when the last attempt crashed.
        guilty: indices of the photos that are left out.
    """

    begun: int = 0
    at: int | None = None
    guilty: tuple[int, ...] = ()

    @property
    def careful(self) -> bool:
        """Return whether photos are processed one at a time."""
        return self.begun >= MOST_CRASHES


class Attempts:
    """Stores the attempts at parts in a folder, so that they survive a crash of the worker."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def begin(self, part: str) -> Attempt:
        """Record the start of a part, and return the earlier attempts."""
        last = Attempt()
        with suppress(FileNotFoundError, ValueError, TypeError):
            fields = json.loads(self._path(part).read_text("ascii"))
            last = Attempt(fields["begun"], fields["at"], tuple(fields["guilty"]))
        guilty = last.guilty if last.at is None else (*last.guilty, last.at)
        now = Attempt(last.begun, None, guilty)
        self._keep(part, Attempt(now.begun + 1, None, guilty))
        return now

    def alone(self, part: str, attempt: Attempt, index: int) -> None:
        """Record that a photo is processed alone."""
        self._keep(part, Attempt(attempt.begun + 1, index, attempt.guilty))

    def end(self, part: str) -> None:
        """Record the end of a part."""
        self._path(part).unlink(missing_ok=True)

    def _keep(self, part: str, attempt: Attempt) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._path(part).write_text(json.dumps(asdict(attempt)), "ascii")
        except OSError as error:
            raise WriteError(f"can't write to {self._folder}: {error.strerror or error}") from error

    def _path(self, part: str) -> Path:
        return self._folder / f"{part}.json"
