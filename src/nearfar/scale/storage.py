"""Files by their path or URL: on this machine, or wherever fsspec or pyarrow reach."""

import io
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from glob import has_magic
from pathlib import Path, PurePath, PurePosixPath
from typing import IO, Any, Final
from urllib.parse import unquote, urlsplit

from nearfar.errors import ImageNotFoundError, UsageError
from nearfar.io.find_images import find, glob_patterns, is_photo, is_result, match_pattern
from nearfar.optional import require

_SCHEME: Final = "://"


def is_url(text: str) -> bool:
    """Whether it names something elsewhere: `s3://...`, but not `file://...`."""
    return _SCHEME in text and not text.startswith("file:")


def plain(text: str) -> str:
    """Turn `file:///photos` into `/photos`, and leave all else as it is."""
    return unquote(urlsplit(text).path) if text.startswith(f"file{_SCHEME}") else text


def files(
    source: str,
    wanted: Callable[[PurePath], bool] = is_photo,
    passed_over: Callable[[str], None] = lambda _: None,
) -> Iterator[tuple[str, str]]:
    """Find files, in an order that is always the same; one folder's names are held at a time.

    Args:
        source: a file, a folder that is searched with the folders in it, or a pattern, whose
            brackets stand for themselves too (`nearfar.io.find_images.match_pattern`).
        wanted: tells by its name whether a file of a folder or pattern counts.
        passed_over: called with each picture that is not wanted since it is named as results are.

    Yields:
        Its path or URL, and its path relative to the folder, or to the pattern's fixed part.

    Raises:
        UsageError: nothing here reads such URLs, or there is no such place.
    """
    if is_url(source):
        yield from _elsewhere(source, wanted, passed_over)
        return
    path = Path(source)
    if path.is_dir():
        if wanted is is_photo:
            photos = find([source], recursive=True, on_skip=lambda each: passed_over(str(each)))
            here = ((found.path, found.folder / found.path.name) for found in photos)
        else:
            shards = sorted(each for each in path.rglob("*") if each.is_file() and wanted(each))
            here = ((each, each.relative_to(path)) for each in shards)
        yield from ((str(each), name.as_posix()) for each, name in here)
    elif has_magic(source) and not path.exists():
        root = _fixed(source)
        for each in match_pattern(source):
            if wanted(each):
                yield str(each), each.relative_to(root).as_posix()
            elif is_result(each):
                passed_over(str(each))
    else:
        yield source, path.name


def exists(source: str) -> bool:
    """Whether there is such a file or folder, or anything that fits the pattern."""
    if not is_url(source):
        is_there = Path(source).exists()
    else:
        system, path = filesystem(source)
        is_there = bool(_asked(source, lambda: system.exists(path)))
    if is_there or not has_magic(source):
        return is_there
    return next(files(source, lambda _: True), None) is not None


def is_folder(source: str) -> bool:
    """Whether it is a folder, or a prefix with something below it."""
    if not is_url(source):
        return Path(source).is_dir()
    system, path = filesystem(source)
    return bool(_asked(source, lambda: system.isdir(path)))


def filesystem(url: str) -> tuple[Any, str]:
    """Give an fsspec file system, and the path in it.

    pyarrow's own clients serve s3 and gs where fsspec's are not installed.

    Raises:
        UsageError: nothing here reads such URLs.
    """
    core = require("fsspec").core
    try:
        system, path = core.url_to_fs(url)
    except (ImportError, ValueError) as error:
        try:
            from fsspec.implementations.arrow import ArrowFSWrapper
            from pyarrow.fs import FileSystem

            found, path = FileSystem.from_uri(url)
        except (ImportError, OSError, ValueError):
            scheme = url.partition(_SCHEME)[0]
            raise UsageError(
                f"{url}: nothing here reads {scheme}{_SCHEME}: install what fsspec needs for it"
                f" ({' '.join(str(error).split())[:120]})"
            ) from error
        system = ArrowFSWrapper(found)
    return system, str(path)


def opened(url: str) -> IO[bytes]:
    """Open a file for reading; the caller closes it.

    Raises:
        OSError: of this machine's files; other libraries have their own ways to fail.
    """
    if not is_url(url):
        return Path(url).open("rb")
    system, path = filesystem(url)
    file: IO[bytes] = system.open(path, "rb")
    return file


@contextmanager
def reading() -> Iterator[None]:
    """Turn whatever goes wrong in the block into ImageNotFoundError."""
    try:
        yield
    except Exception as error:  # each library has its own ways to fail
        cause = " ".join(str(error).split())[:200] or type(error).__name__
        raise ImageNotFoundError(f"can't be read: {cause}") from error


class Far(io.RawIOBase):
    """Bytes elsewhere, or within a file, that are fetched when they are first asked for.

    Args:
        url: of the file.
        offset: where they begin; -1 stands for the whole file.
        size: how many they are.
    """

    def __init__(self, url: str, offset: int = -1, size: int = -1) -> None:
        self._url, self._offset, self._size = url, offset, size
        self._rest: io.BytesIO | None = None

    def read(self, size: int = -1, /) -> bytes:
        """Read up to `size` bytes, all that are left when it is negative.

        Raises:
            ImageNotFoundError: they can't be had.
        """
        if self._rest is None:
            self._rest = io.BytesIO(self._fetch(size))
        return self._rest.read(size)

    def _fetch(self, most: int) -> bytes:
        with reading(), closing(opened(self._url)) as file:
            if self._offset < 0:
                return file.read(most)
            file.seek(self._offset)
            return file.read(min(self._size, most) if most >= 0 else self._size)


def _elsewhere(
    source: str, wanted: Callable[[PurePath], bool], passed_over: Callable[[str], None]
) -> Iterator[tuple[str, str]]:
    system, path = filesystem(source)
    paths: Iterable[str]
    if is_folder(source):
        root = path.rstrip("/")
        paths = _below(system, root, source)
    elif has_magic(source) and not _asked(source, lambda: system.exists(path)):
        root = str(_fixed(path))
        ways = glob_patterns(path.split("/"))
        paths = sorted({each for way in ways for each in _asked(source, partial(system.glob, way))})
    else:
        yield source, PurePosixPath(path).name
        return
    for each in paths:
        name = PurePosixPath(each)
        if wanted(name):
            yield str(system.unstrip_protocol(each)), each.removeprefix(root).strip("/")
        elif is_result(name):
            passed_over(str(system.unstrip_protocol(each)))


def _below(system: Any, folder: str, source: str) -> Iterator[str]:
    entries = _asked(source, lambda: system.ls(folder, detail=True))
    rows = sorted((str(entry["name"]), entry["type"]) for entry in entries)
    system.invalidate_cache(folder)  # what was listed is not kept
    for name, kind in rows:
        if PurePosixPath(name).name.startswith(".") or name.rstrip("/") == folder:
            continue
        if kind == "directory":
            yield from _below(system, name, source)
        else:
            yield name


def _fixed(pattern: str) -> PurePath:
    """Give the folder of a pattern that none of its wildcards is in."""
    path = PurePath(pattern)
    return next(each for each in path.parents if not has_magic(str(each)))


def _asked(source: str, ask: Callable[[], Any]) -> Any:
    try:
        return ask()
    except UsageError:
        raise
    except Exception as error:  # each of fsspec's libraries has its own ways to fail
        cause = " ".join(str(error).split())[:200] or type(error).__name__
        raise UsageError(f"{source}: can't be listed: {cause}") from error
