"""Names of results: beside the file they are made of, and no longer than a file system takes."""

import hashlib
import os
from pathlib import Path
from typing import Final

from nearfar.errors import UsageError

MOST_BYTES: Final = 255
"""Of a file's name, on all usual file systems."""

_DIGITS: Final = 8


def fitting(stem: str, room: int) -> str:
    """Return a stem that leaves room for an ending; a long one is cut and marked with its hash.

    Args:
        stem: of the result.
        room: bytes that the longest ending takes.
    """
    stored = os.fsencode(stem)
    most = MOST_BYTES - room
    if len(stored) <= most:
        return stem
    mark = f"-{hashlib.sha256(stored).hexdigest()[:_DIGITS]}"
    kept = stem
    while len(os.fsencode(kept)) > most - len(mark):
        kept = kept[:-1]
    return kept + mark


def beside(source: str | os.PathLike[str], ending: str, *, what: str = "photo") -> Path:
    """Name a result that lies beside the file it is made of: `<stem><ending>`.

    Args:
        source: the file.
        ending: such as `-mesh.glb`.
        what: the file is, for the message.

    Raises:
        UsageError: it has no name, as `.` or `/`.
    """
    path = Path(source)
    if not path.name or path.name == "..":
        raise UsageError(f"{os.fspath(source)!r} is no {what}: give the path of a file")
    return path.with_name(fitting(path.stem, len(os.fsencode(ending))) + ending)
