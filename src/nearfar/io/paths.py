"""Folders for models, caches and temporary files, and file names of results.

A machine may have no home folder and no folder for temporary files. Estimating a photo works
without either.
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

_NO_TEMPORARY_FOLDER: Final = (
    "no folder for temporary files can be written: set TMPDIR to one that can"
)
_SHARED_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - used only if Python finds no other folder


def data_folder() -> Path | None:
    """Return the folder of the models: NEARFAR_HOME, or the system's default. It may not exist.

    Returns:
        None if there is no home folder, which is logged once.

    Raises:
        UsageError: NEARFAR_HOME begins with `~` and there is no home folder.
    """
    return _from_environment("NEARFAR_HOME") or _in_home("user_data_path")


def cache_folder() -> Path | None:
    """Return the folder of cached data: NEARFAR_CACHE, or the system's default. It may not exist.

    Returns, raises: see `data_folder`.
    """
    return _from_environment("NEARFAR_CACHE") or _in_home("user_cache_path")


def temporary_folder(prefix: str) -> Path:
    """Create a temporary folder; the caller deletes it.

    Raises:
        WriteError: no folder is writable.
    """
    try:
        return Path(tempfile.mkdtemp(prefix=prefix, dir=temporary_root()))
    except OSError as error:
        raise WriteError(_NO_TEMPORARY_FOLDER) from error


def temporary_root() -> Path:
    """Return the folder for temporary files.

    Raises:
        WriteError: no folder is writable.
    """
    try:
        return Path(tempfile.gettempdir()).resolve()
    except OSError as error:
        if os.access(_SHARED_MEMORY, os.W_OK | os.X_OK):
            return _SHARED_MEMORY
        raise WriteError(_NO_TEMPORARY_FOLDER) from error


def set_temporary_root() -> None:
    """Make other libraries, through Python's `tempfile`, use the same folder for temporary files.

    Raises:
        WriteError: no folder is writable.
    """
    tempfile.tempdir = str(temporary_root())


def _from_environment(variable: str) -> Path | None:
    named = os.environ.get(variable)
    if not named:
        return None
    try:
        return Path(named).expanduser()
    except (RuntimeError, KeyError) as error:
        raise UsageError(f"{variable} is {named}, but there is no home: use a full path") from error


def _in_home(name: str) -> Path | None:
    import platformdirs

    try:
        folder = Path(getattr(platformdirs, name)("nearfar", appauthor=False))
    except (RuntimeError, KeyError, OSError):  # no HOME, an unknown user id
        folder = Path()
    if folder.is_absolute():
        return folder
    _warn_once()
    return None


@cache
def _warn_once() -> None:
    _log.warning(
        "there is no home folder: nothing is cached between runs, and only bundled models are "
        "available; set NEARFAR_CACHE and NEARFAR_HOME to folders to change that"
    )


MAX_NAME_BYTES: Final = 255
"""Largest length of a file name in bytes, on all common file systems."""

_DIGITS: Final = 8


def fit_stem(stem: str, room: int) -> str:
    """Return a stem that leaves bytes for an ending; a long one is cut and gets a hash.

    Args:
        stem: of the result.
        room: number of bytes of the longest ending.
    """
    stored = os.fsencode(stem)
    limit = MAX_NAME_BYTES - room
    if len(stored) <= limit:
        return stem
    mark = f"-{hashlib.sha256(stored).hexdigest()[:_DIGITS]}"
    kept = stem
    while len(os.fsencode(kept)) > limit - len(mark):
        kept = kept[:-1]
    return kept + mark


def beside(source: str | os.PathLike[str], ending: str, *, what: str = "photo") -> Path:
    """Return the path of a result beside its source file: `<stem><ending>`.

    Args:
        source: the file.
        ending: such as `-mesh.glb`.
        what: kind of source, for the error message.

    Raises:
        UsageError: the path has no file name, such as `.` or `/`.
    """
    path = Path(source)
    if not path.name or path.name == "..":
        raise UsageError(f"{os.fspath(source)!r} is not a {what}: use the path of a file")
    return path.with_name(fit_stem(path.stem, len(os.fsencode(ending))) + ending)
