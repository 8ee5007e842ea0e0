"""Folders for what one run keeps on the disk; those of runs that were killed are cleared."""

import atexit
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from nearfar.errors import WriteError
from nearfar.io.paths import temporary_root

_LOCK: Final = "lock"
_HELD: Final[list[FileLock]] = []
"""Locks of this process; a lock that is collected is let go."""


def run_folder(purpose: str) -> Path:
    """Make a folder that nobody else on this machine can read.

    It is deleted when the process ends. Where the process was killed before it could do that,
    the next call of any process of the same user does: the folder's lock is free then.

    Args:
        purpose: a word that the folder's name begins with.

    Raises:
        WriteError: the system refuses, or somebody else owns the place of such folders.
    """
    base = _base()
    try:
        with _alone(base):
            _clear(base)
            folder = Path(tempfile.mkdtemp(prefix=f"{purpose}-", dir=base))
            lock = FileLock(_lock_of(folder))
            lock.acquire(blocking=False)
    except OSError as error:
        raise WriteError(f"can't make a folder below {base}: {error.strerror or error}") from error
    _HELD.append(lock)
    atexit.register(leave, folder, lock, os.getpid())
    return folder


def clear_stale() -> int:
    """Remove the folders whose run has ended without removing them.

    Returns:
        How many there were.
    """
    base = _base()
    with _alone(base):
        return _clear(base)


def _clear(base: Path) -> int:
    count = 0
    for folder in _folders(base):
        lock = FileLock(_lock_of(folder))
        try:
            lock.acquire(blocking=False)
        except (Timeout, OSError):
            continue
        shutil.rmtree(folder, ignore_errors=True)
        _let_go(lock)
        count += 1
    return count


def leave(folder: Path, lock: FileLock, pid: int) -> None:
    """Remove a folder of this process; a fork of it leaves it alone."""
    if os.getpid() == pid:
        shutil.rmtree(folder, ignore_errors=True)
        _let_go(lock)


def _lock_of(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.lock")


def _let_go(lock: FileLock) -> None:
    with suppress(OSError):
        Path(lock.lock_file).unlink()
    lock.release()


def _base() -> Path:
    """Return the folder that all runs of this user share."""
    owner = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")
    base = temporary_root() / f"nearfar-{owner}"
    try:
        base.mkdir(mode=0o700, exist_ok=True)
        seen = base.lstat()
    except OSError as error:
        raise WriteError(
            f"can't make {base}: {error.strerror or error}: set TMPDIR to a folder of your own"
        ) from error
    is_mine = not hasattr(os, "getuid") or seen.st_uid == os.getuid()
    if not (stat.S_ISDIR(seen.st_mode) and is_mine):
        raise WriteError(f"{base} belongs to somebody else: set TMPDIR to a folder of your own")
    base.chmod(0o700)
    return base


def _folders(base: Path) -> Iterator[Path]:
    with suppress(OSError):
        yield from (each for each in base.iterdir() if each.is_dir() and not each.is_symlink())


@contextmanager
def _alone(base: Path) -> Iterator[None]:
    """Keep others from clearing a folder that has no lock yet."""
    with FileLock(base / _LOCK, timeout=60):
        yield
