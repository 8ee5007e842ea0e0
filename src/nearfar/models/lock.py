"""One process at a time at one file."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nearfar.errors import NearfarError, WriteError


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Make the folder of `path`, and wait until nobody else is at work on `path`.

    The lock is `<path>.lock`. The system lets go of it when its holder dies; the empty file
    stays, because whoever deletes it takes it from under those who wait.

    Raises:
        WriteError: the system refused, be it the lock or what the block did.
    """
    from filelock import FileLock

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{path}.lock"):
            yield
    except NearfarError:
        raise
    except OSError as error:
        raise WriteError(f"can't write {path}: {error.strerror or error}") from error
