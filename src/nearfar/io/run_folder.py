"""Temporary folders of a process, and removal of those of killed processes."""

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
_LOCKS: Final[list[FileLock]] = []
"""Locks of this process; a lock is released when it is garbage-collected."""


def run_folder(purpose: str) -> Path:
    """Create a folder that only this user can read, and that is removed at the end of the process.

    If the process is killed, the next call in any process of the same user removes the folder,
    because its lock is free.

    Args:
        purpose: start of the folder's name.

    Raises:
        WriteError: it can't be created, or another user owns the parent folder.
    """
    base = _user_folder()
    try:
        with _exclusive(base):
            _clear(base)
            folder = Path(tempfile.mkdtemp(prefix=f"{purpose}-", dir=base))
            lock = FileLock(_lock_of(folder))
            lock.acquire(blocking=False)
    except OSError as error:
        raise WriteError(f"can't create a folder in {base}: {error.strerror or error}") from error
    _LOCKS.append(lock)
    atexit.register(remove, folder, lock, os.getpid())
    return folder


def clear_stale() -> int:
    """Remove the folders of killed processes.

    Returns:
        The number of removed folders.
    """
    base = _user_folder()
    with _exclusive(base):
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
        _release(lock)
        count += 1
    return count


def remove(folder: Path, lock: FileLock, pid: int) -> None:
    """Remove a folder of this process; do nothing in a fork of it."""
    if os.getpid() == pid:
        shutil.rmtree(folder, ignore_errors=True)
        _release(lock)


def _lock_of(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.lock")


def _release(lock: FileLock) -> None:
    with suppress(OSError):
        Path(lock.lock_file).unlink()
    lock.release()


def _user_folder() -> Path:
    """Return the parent folder of all runs of this user."""
    owner = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")
    base = temporary_root() / f"nearfar-{owner}"
    try:
        base.mkdir(mode=0o700, exist_ok=True)
        seen = base.lstat()
    except OSError as error:
        raise WriteError(
            f"can't create {base}: {error.strerror or error}: set TMPDIR to a folder of your own"
        ) from error
    is_own = not hasattr(os, "getuid") or seen.st_uid == os.getuid()
    if not (stat.S_ISDIR(seen.st_mode) and is_own):
        raise WriteError(f"{base} belongs to another user: set TMPDIR to a folder of your own")
    base.chmod(0o700)
    return base


def _folders(base: Path) -> Iterator[Path]:
    with suppress(OSError):
        yield from (each for each in base.iterdir() if each.is_dir() and not each.is_symlink())


@contextmanager
def _exclusive(base: Path) -> Iterator[None]:
    """Lock the parent folder, so that a new folder without a lock is not removed."""
    with FileLock(base / _LOCK, timeout=60):
        yield
