"""Read and list files by path or URL through fsspec: on this machine, or in an object store."""

import io
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from glob import has_magic
from pathlib import PurePath, PurePosixPath
from typing import IO, Any, Final, TypeVar
from urllib.parse import unquote, urlsplit

from nearfar.errors import ImageNotFoundError, UsageError
from nearfar.io.find_images import glob_patterns, is_photo, is_result
from nearfar.optional import require

_SCHEME: Final = "://"

Answer = TypeVar("Answer")


def is_url(text: str) -> bool:
    """Return whether a text is a URL of another file system: `s3://...`, but not `file://...`."""
    return _SCHEME in text and not text.startswith("file:")


def plain(text: str) -> str:
    """Convert `file:///photos` to `/photos`, and return everything else unchanged."""
    return unquote(urlsplit(text).path) if text.startswith(f"file{_SCHEME}") else text


def files(
    place: str,
    wanted: Callable[[PurePath], bool] = is_photo,
    passed_over: Callable[[str], None] = lambda _: None,
) -> Iterator[tuple[str, str]]:
    """Find files in a fixed order; only the names of one folder are in memory at a time.

    Args:
        place: a file, a folder that is searched recursively, or a pattern, whose brackets also
            match themselves (`nearfar.io.find_images.glob_patterns`).
        wanted: filter for names of files in folders and patterns.
        passed_over: called with each picture that is left out because it is named like a result.

    Yields:
        Its path or URL, and its path relative to the folder, or to the fixed part of the pattern.
        A subfolder without read permission is yielded as if it were a file.

    Raises:
        UsageError: no installed library reads such URLs, or the place can't be listed.
    """
    system, path = filesystem(place)
    if is_folder(place):
        root = path.rstrip("/")
        found = _below(system, root, place)
    elif has_magic(place) and not _attempt(place, partial(system.exists, path)):
        root = str(_fixed(path))
        found = ((each, False) for each in _matches(system, path, place))
    else:
        yield place, PurePosixPath(path).name
        return
    for each, is_locked in found:
        name = PurePosixPath(each)
        address = str(system.unstrip_protocol(each)) if is_url(place) else each
        if is_locked or wanted(name):
            yield address, each.removeprefix(root).strip("/")
        elif is_result(name):
            passed_over(address)


def exists(place: str) -> bool:
    """Return whether there is such a file or folder, or any file that matches the pattern."""
    system, path = filesystem(place)
    if _attempt(place, partial(system.exists, path)):
        return True
    return has_magic(place) and next(files(place, lambda _: True), None) is not None


def is_folder(place: str) -> bool:
    """Return whether it is a folder, or a prefix with an object below it."""
    system, path = filesystem(place)
    return bool(_attempt(place, partial(system.isdir, path)))


def filesystem(place: str) -> tuple[Any, str]:
    """Return an fsspec file system, and the path in it.

    pyarrow's own clients read s3 and gs if fsspec's are not installed.

    Raises:
        MissingExtraError: fsspec is not installed.
        UsageError: no installed library reads such URLs.
    """
    fsspec = require("fsspec")
    if not is_url(place):
        return fsspec.filesystem("file"), place
    try:
        system, path = fsspec.url_to_fs(place)
    except (ImportError, ValueError) as error:
        try:
            from fsspec.implementations.arrow import ArrowFSWrapper
            from pyarrow.fs import FileSystem

            found, path = FileSystem.from_uri(place)
        except (ImportError, OSError, ValueError):
            scheme = place.partition(_SCHEME)[0]
            raise UsageError(
                f"{place}: nothing here reads {scheme}{_SCHEME}: install what fsspec needs for it"
                f" ({_cause(error, 120)})"
            ) from error
        system = ArrowFSWrapper(found)
    return system, str(path)


def opened(place: str) -> IO[bytes]:
    """Open a file for reading; the caller closes it.

    Raises:
        OSError: from files of this machine; each client of an object store raises its own errors.
    """
    system, path = filesystem(place)
    file: IO[bytes] = system.open(path, "rb")
    return file


@contextmanager
def reading() -> Iterator[None]:
    """Convert any exception of a storage client or pyarrow in the block to ImageNotFoundError."""
    try:
        yield
    except Exception as error:  # each library has its own classes of errors
        raise ImageNotFoundError(f"can't be read: {_cause(error)}") from error


class LazyFile(io.RawIOBase):
    """Bytes of a file, or of a part of it, that are downloaded at the first read.

    Args:
        place: path or URL of the file.
        offset: of the first byte; -1 for the whole file.
        size: their number.
    """

    def __init__(self, place: str, offset: int = -1, size: int = -1) -> None:
        self._place, self._offset, self._size = place, offset, size
        self._rest: io.BytesIO | None = None

    def read(self, size: int = -1, /) -> bytes:
        """Read up to `size` bytes, or the rest when it is negative.

        Raises:
            ImageNotFoundError: they can't be downloaded.
        """
        if self._rest is None:
            self._rest = io.BytesIO(self._fetch(size))
        return self._rest.read(size)

    def _fetch(self, most: int) -> bytes:
        with reading(), closing(opened(self._place)) as file:
            if self._offset < 0:
                return file.read(most)
            file.seek(self._offset)
            return file.read(min(self._size, most) if most >= 0 else self._size)


def _below(system: Any, folder: str, place: str) -> Iterator[tuple[str, bool]]:
    """Yield the files below a folder, and True with a subfolder without read permission."""
    entries = _attempt(place, partial(system.ls, folder, detail=True))
    rows = sorted((str(entry["name"]), entry["type"]) for entry in entries)
    system.invalidate_cache(folder)  # bounds memory
    for name, kind in rows:
        if PurePosixPath(name).name.startswith(".") or name.rstrip("/") == folder:
            continue
        if kind != "directory":
            yield name, False
            continue
        try:
            yield from _below(system, name, place)
        except _LockedError:
            yield name, True


def _matches(system: Any, pattern: str, place: str) -> list[str]:
    found: set[str] = set()
    for chosen in glob_patterns(pattern.split("/")):
        found.update(map(str, _attempt(place, partial(system.glob, chosen))))
    return sorted(found)


def _fixed(pattern: str) -> PurePath:
    """Return the innermost folder of a pattern whose path has no wildcard."""
    return next(each for each in PurePosixPath(pattern).parents if not has_magic(str(each)))


class _LockedError(UsageError):
    """A folder without read permission."""


def _attempt(place: str, call: Callable[[], Answer]) -> Answer:
    try:
        return call()
    except Exception as error:  # each of fsspec's clients has its own classes of errors
        kind = _LockedError if isinstance(error, PermissionError) else UsageError
        raise kind(f"{place}: can't be listed: {_cause(error)}") from error


def _cause(error: Exception, most: int = 200) -> str:
    return " ".join(str(error).split())[:most] or type(error).__name__
