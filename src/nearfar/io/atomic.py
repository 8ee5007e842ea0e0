"""Write files and folders atomically, also if the process or the power fails."""

import errno
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from nearfar.errors import NearfarError, OutputExistsError, WriteError

_NO_HARD_LINKS: Final = frozenset(
    {errno.EPERM, errno.EACCES, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EMLINK}
)
"""Error numbers of `link` on file systems without hard links, such as FAT and network shares."""

_NO_FOLDER_SYNC: Final = frozenset({errno.EACCES, errno.EINVAL, errno.ENOTSUP, errno.EBADF})
"""Error numbers of `fsync` for folders that are not readable, and on file systems without it."""


@contextmanager
def replacing(
    path: str | os.PathLike[str], *, overwrite: bool = True, durable: bool = False
) -> Iterator[Path]:
    """Yield a temporary path in the folder of `path`, which is renamed to `path` on success.

    If the block raises, or the process is killed at any time, `path` is unchanged. The content is
    flushed to disk before the file is renamed, so that after a power failure `path` never refers
    to incomplete content.

    Args:
        path: of the new file. Its folder must exist.
        overwrite: replace an existing file. If False, an existing file is kept, also one that was
            created in the meantime. (On a file system without hard links, one that is created in
            the instant of renaming is replaced.)
        durable: also flush the folder to disk, so that a later power failure can't undo the
            renaming.

    Yields:
        The temporary path, with the suffix of `path`, for the block to write to.

    Raises:
        OutputExistsError: `path` exists and `overwrite` is False.
        WriteError: the file can't be written: disk full, no permission, no such folder.
    """
    target = Path(path)
    if not overwrite and os.path.lexists(target):
        raise _exists(target)
    temporary = target.with_name(f".{target.stem[:40]}-{os.urandom(4).hex()}{target.suffix}")
    try:
        temporary.open("xb").close()  # an unwritable folder raises before any work is done
        yield temporary
        sync_file(temporary)
        if overwrite:
            temporary.replace(target)
        else:
            _name_once(temporary, target)
        if durable:
            sync_folder(target.parent)
    except NearfarError:
        raise
    except FileExistsError as error:
        raise _exists(target) from error
    except OSError as error:
        raise _refused(target, error) from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def put_folder(made: Path, target: Path) -> None:
    """Replace a folder by a finished one, and delete the old one.

    The old folder is renamed first and deleted last; if the new one can't be renamed, the old one
    is restored. Both are complete at any time.

    Args:
        made: the new folder, beside `target`; its files are flushed to disk.
        target: an existing folder, or a path that does not exist.

    Raises:
        OSError: renaming failed; both folders are unchanged.
    """
    for each in made.iterdir():
        sync_file(each)
    sync_folder(made)
    if target.is_symlink() or not target.exists():
        made.rename(target)  # raises for a link to a folder, which is not replaced
    else:
        old = target.with_name(f".{target.name[:40]}-{os.urandom(4).hex()}")
        target.rename(old)
        try:
            made.rename(target)
        except OSError:
            _restore(old, target)
            raise
        shutil.rmtree(old, ignore_errors=True)
    sync_folder(target.parent)


def sync_file(path: Path) -> None:
    """Flush a file's content to disk.

    Raises:
        OSError: the operating system reports an error.
    """
    number = os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0))
    try:
        os.fsync(number)
    finally:
        os.close(number)


def sync_folder(path: Path) -> None:
    """Flush the names in a folder to disk, if the system supports it.

    Raises:
        OSError: the operating system reports an error.
    """
    if os.name == "nt":  # folders can't be opened there, and renaming is written through
        return
    try:
        number = os.open(path, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            raise


def sync_parents(paths: Iterable[Path], root: Path) -> None:
    """Flush the names of files to disk, and those of their folders up to `root`.

    Args:
        paths: files below `root`, written with `replacing`.
        root: a folder.

    Raises:
        WriteError: the operating system reports an error.
    """
    folders = {root}
    for path in paths:
        folder = path.parent
        while folder not in folders and root in folder.parents:
            folders.add(folder)
            folder = folder.parent
    try:
        for folder in sorted(folders, key=lambda each: -len(each.parts)):
            sync_folder(folder)
    except OSError as error:
        raise _refused(root, error) from error


def _name_once(temporary: Path, target: Path) -> None:
    """Rename a file; raise FileExistsError if the target exists."""
    if os.name == "nt":
        temporary.rename(target)  # fails on Windows if the target exists
        return
    try:
        os.link(temporary, target, follow_symlinks=False)
    except FileExistsError:
        raise
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target)) from error
        temporary.replace(target)


def _restore(old: Path, target: Path) -> None:
    try:
        old.rename(target)
    except OSError as error:
        why = f"{error.strerror or error}; the old folder is now {old}"
        raise OSError(error.errno, why) from error


def _exists(target: Path) -> OutputExistsError:
    return OutputExistsError(
        f"{target} is there already: choose another name, or overwrite=True", options=("overwrite",)
    )


def _refused(target: Path, error: OSError) -> WriteError:
    return WriteError(f"can't write {target}: {error.strerror or error}")
