"""Folders for models, caches and temporary files, and names of results.

A machine may have no home folder and no place for temporary files. Neither keeps a photo from being
estimated.
"""

import hashlib
import logging
import os
import tempfile
from functools import cache
from pathlib import Path
from typing import Final

from nearfar.errors import UsageError, WriteError

_log = logging.getLogger(__name__)

_NO_PLACE: Final = "no folder for temporary files can be written: set TMPDIR to one that can"
_SHARED_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - used only where Python finds no folder


def data_folder() -> Path | None:
    """Return where models lie, which need not exist: NEARFAR_HOME, or the system's own place.

    Returns:
        None where there is no home folder, which is logged once.

    Raises:
        UsageError: NEARFAR_HOME begins with `~` and there is no home folder.
    """
    return _named("NEARFAR_HOME") or _in_home("user_data_path")


def cache_folder() -> Path | None:
    """Return where is remembered what can be made again: NEARFAR_CACHE, or the system's place.

    Returns, raises: as `data_folder`.
    """
    return _named("NEARFAR_CACHE") or _in_home("user_cache_path")


def temporary_folder(prefix: str) -> Path:
    """Make a folder of this process's own; the caller deletes it.

    Raises:
        WriteError: no place can be written.
    """
    try:
        return Path(tempfile.mkdtemp(prefix=prefix, dir=temporary_root()))
    except OSError as error:
        raise WriteError(_NO_PLACE) from error


def temporary_root() -> Path:
    """Return the folder in which temporary files are made.

    Raises:
        WriteError: no place can be written.
    """
    try:
        return Path(tempfile.gettempdir()).resolve()
    except OSError as error:
        if os.access(_SHARED_MEMORY, os.W_OK | os.X_OK):
            return _SHARED_MEMORY
        raise WriteError(_NO_PLACE) from error


def settle_temporary_root() -> None:
    """Have other libraries, which ask Python, make temporary files where ours are.

    Raises:
        WriteError: no place can be written.
    """
    tempfile.tempdir = str(temporary_root())


def _named(variable: str) -> Path | None:
    named = os.environ.get(variable)
    if not named:
        return None
    try:
        return Path(named).expanduser()
    except (RuntimeError, KeyError) as error:
        raise UsageError(f"{variable} is {named}, but there is no home: give a path") from error


def _in_home(name: str) -> Path | None:
    import platformdirs

    try:
        folder = Path(getattr(platformdirs, name)("nearfar", appauthor=False))
    except (RuntimeError, KeyError, OSError):  # no HOME, an unknown user id
        folder = Path()
    if folder.is_absolute():
        return folder
    _tell_once()
    return None


@cache
def _tell_once() -> None:
    _log.warning(
        "there is no home folder: nothing is remembered between runs, and models are those that "
        "ship; set NEARFAR_CACHE and NEARFAR_HOME to folders to have both"
    )


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
    """Return the path of a result beside the file that it is made of: `<stem><ending>`.

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
