"""Write a file or a folder whole or not at all, also where the process or the power ends."""

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
"""What `link` says on file systems without hard links, such as FAT and some network shares."""

_NO_FOLDER_SYNC: Final = frozenset({errno.EACCES, errno.EINVAL, errno.ENOTSUP, errno.EBADF})
"""What `fsync` of a folder says on file systems that have no such thing, and of a folder that
may be written to but not read."""


@contextmanager
def replacing(
    path: str | os.PathLike[str], *, overwrite: bool = True, durable: bool = False
) -> Iterator[Path]:
    """Yield a temporary path in the folder of `path`; on success it replaces `path`.

    If the block raises, or the process dies at any moment, what was at `path` stays
    there, and where nothing was, nothing is. The content is on the disk before the name
    points to it, so that a power cut leaves no name without its content either.

    Args:
        path: the file to make. Its folder must exist.
        overwrite: replace a file that is there. If not, a file that is there,
            also one that came into being meanwhile, is kept. (On a file system without hard
            links, one that came in the very instant of renaming is replaced.)
        durable: return only when the name is on the disk too: a power cut after that
            takes nothing back.

    Yields:
        The temporary path, with the suffix of `path`, for the block to write to.

    Raises:
        OutputExistsError: `path` is there and `overwrite` is False.
        WriteError: the system refused: full disk, no permission, no such folder.
    """
    target = Path(path)
    if not overwrite and os.path.lexists(target):
        raise _exists(target)
    temporary = target.with_name(f".{target.stem[:40]}-{os.urandom(4).hex()}{target.suffix}")
    try:
        temporary.open("xb").close()  # a folder that refuses is reported before any work is done
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
    """Let a finished folder take the place of another, which is deleted then.

    The folder that was there is renamed first and deleted last; if the new one can't take its
    place, it comes back. At each moment both are whole.

    Args:
        made: the new folder, beside `target`; its files are brought onto the disk.
        target: a folder, or nothing.

    Raises:
        OSError: the system refused; `target` is as it was, and `made` where it was.
    """
    for each in made.iterdir():
        sync_file(each)
    sync_folder(made)
    if target.is_symlink() or not target.exists():
        made.rename(target)  # a link to a folder is refused here: nothing is put in its place
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
    """Bring a file's content onto the disk.

    Raises:
        OSError: the system refused.
    """
    number = os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0))
    try:
        os.fsync(number)
    finally:
        os.close(number)


def sync_folder(path: Path) -> None:
    """Bring the names in a folder onto the disk, where the system can.

    Raises:
        OSError: the system refused.
    """
    if os.name == "nt":  # there a folder can't be opened, and renaming is written through
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
    """Bring the names of files onto the disk, with those of their folders up to `root`.

    Args:
        paths: files below `root`, which were written with `replacing`.
        root: a folder.

    Raises:
        WriteError: the system refused.
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
    """Rename a file, or raise FileExistsError where something has that name."""
    if os.name == "nt":
        temporary.rename(target)  # fails there where the name is taken
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
        why = f"{error.strerror or error}; what was there is in {old} now"
        raise OSError(error.errno, why) from error


def _exists(target: Path) -> OutputExistsError:
    return OutputExistsError(
        f"{target} is there already: overwrite it, or choose another name", options=("overwrite",)
    )


def _refused(target: Path, error: OSError) -> WriteError:
    return WriteError(f"can't write {target}: {error.strerror or error}")
