"""Find photos, and process several in parallel with bounded memory."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from glob import has_magic
from itertools import product
from pathlib import Path, PurePath
from typing import BinaryIO, Final, Generic, TypeVar

from nearfar.errors import ImageError, ImageNotFoundError, NearfarError, PhotoError
from nearfar.io.images import IMAGE_SUFFIXES
from nearfar.parallel import SINGLE_THREADED_OPENCV

Result = TypeVar("Result")
Plan = TypeVar("Plan")

RESULTS: Final = {
    "-depth": frozenset({".png", ".tif", ".tiff"}),
    "-depth-color": frozenset({".jpg"}),
    "-depth-side": frozenset({".jpg"}),
}
"""Endings of the stems of nearfar's own results, and their suffixes that are image formats."""

_MAX_BRACKETS: Final = 6
"""Largest number of parts of a pattern with brackets that are tried in both meanings, which doubles
the work for each; with more, brackets are literal."""


@dataclass(frozen=True)
class Found:
    """A photo, and the relative folder of its results.

    Attributes:
        path: of the photo.
        folder: its folder relative to the searched folder; empty for a named file.
        stream: source of its bytes, if it is not `path`.
        error: why there is no photo: a folder that can't be read, a pattern without match.
    """

    path: Path
    folder: Path = Path()
    stream: BinaryIO | None = None
    error: NearfarError | None = None


@dataclass(frozen=True)
class Outcome(Generic[Result]):
    """Result or error of one photo."""

    found: Found
    result: Result | None = None
    error: NearfarError | None = None


def find(
    inputs: Iterable[str],
    *,
    recursive: bool = False,
    on_skip: Callable[[Path], None] = lambda _: None,
) -> Iterator[Found]:
    """Find photos, with the names of one folder in memory at a time.

    Args:
        inputs: files, folders, or patterns such as `trip/*.jpg`. A named file is used with any
            suffix; in folders and patterns only image suffixes count, without hidden files and
            nearfar's own results (`*-depth.png`). Brackets in a pattern also match literally,
            since file names contain them.
        recursive: also search subfolders.
        on_skip: called with each image that is skipped as a result.

    Yields:
        A photo, or an input that could not be searched, with its error.
    """
    for text in inputs:
        if os.path.isdir(text):  # noqa: PTH112 - unlike a Path's, it never raises
            yield from _in_folder(Path(text), Path(), on_skip, recursive=recursive)
        elif has_magic(text) and not os.path.exists(text):  # noqa: PTH110
            yield from _in_pattern(text, on_skip)
        else:
            yield Found(Path(text))  # the reader reports a missing file


def _in_folder(
    top: Path, folder: Path, on_skip: Callable[[Path], None], *, recursive: bool
) -> Iterator[Found]:
    try:
        with os.scandir(top / folder) as entries:
            names = sorted((entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries)
    except OSError as error:
        yield _search_error(top / folder, folder, error)
        return
    for name, is_folder in names:
        if is_folder:
            if recursive and not name.startswith("."):
                yield from _in_folder(top, folder / name, on_skip, recursive=True)
        elif is_photo(Path(name)):
            yield Found(top / folder / name, folder)
        elif is_result(Path(name)):
            on_skip(top / folder / name)


def _search_error(path: Path, folder: Path, error: OSError) -> Found:
    reason = f"{path}: can't be searched: {error.strerror or error}"
    return Found(path, folder, error=ImageNotFoundError(reason))


def _in_pattern(pattern: str, on_skip: Callable[[Path], None]) -> Iterator[Found]:
    try:
        matches = match_pattern(pattern)
    except (OSError, ValueError) as error:
        reason = f"{pattern}: can't be searched: {error}"
        yield Found(Path(pattern), error=ImageNotFoundError(reason))
        return
    for path in filter(is_result, matches):
        on_skip(path)
    photos = list(filter(is_photo, matches))
    if not photos:
        reason = f"{pattern}: no image matches this pattern"
        yield Found(Path(pattern), error=ImageNotFoundError(reason))
    yield from map(Found, photos)


def match_pattern(pattern: str) -> list[Path]:
    """Return the sorted files that match a pattern.

    Brackets match both literally and as a set of characters in each part: `trip [1]/*.jpg` matches
    the folder with this name, and `trip 1`.
    """
    path = Path(pattern)
    root = Path(path.anchor)
    parts = path.parts[1:] if path.anchor else path.parts
    return sorted({each for chosen in glob_patterns(parts) for each in root.glob(chosen)})


def glob_patterns(parts: Sequence[str]) -> Iterator[str]:
    """Yield the glob patterns for all meanings of a pattern with brackets.

    Args:
        parts: of the pattern, one folder or file name each.
    """
    literally = [part.replace("[", "[[]") for part in parts]
    variants: list[tuple[str, ...]]
    if sum("[" in part for part in parts) > _MAX_BRACKETS:
        variants = [(part,) for part in literally]
    else:
        variants = [tuple(dict.fromkeys(pair)) for pair in zip(parts, literally, strict=True)]
    yield from map("/".join, product(*variants))


def is_photo(path: PurePath) -> bool:
    """Return whether a file name is that of an image, not hidden and not nearfar's own result."""
    return (
        path.suffix.lower() in IMAGE_SUFFIXES
        and not path.name.startswith(".")
        and not is_result(path)
    )


def is_result(path: PurePath) -> bool:
    """Return whether an image has a name of nearfar's own results; `x-depth.jpg` has not."""
    suffix = path.suffix.lower()
    return any(
        path.stem.endswith(ending) and suffix in suffixes for ending, suffixes in RESULTS.items()
    )


def process_photos(
    photos: Iterable[Found],
    plan: Callable[[Found], Plan],
    work: Callable[[Found, Plan], Result],
    *,
    workers: int,
) -> Iterator[Outcome[Result]]:
    """Process photos in several threads, and yield the outcomes in order.

    Each worker processes one photo from decoding to writing, so that different stages overlap; at
    most two photos per worker are held at a time.

    Args:
        photos: consumed at the speed of the workers.
        plan: called in this thread, in the order of `photos`, for decisions that must not depend
            on the speed of the workers.
        work: called in the worker threads, with the plan. A NearfarError, OSError, MemoryError or
            UnicodeError of either becomes the photo's outcome; any other error ends the run.
        workers: number of threads.

    Yields:
        One outcome per photo, in the order of `photos`.
    """
    pending: deque[tuple[Found, Future[Result]]] = deque()
    # a single photo may use all cores; several photos share them, without OpenCV's own threads
    threads = nullcontext() if workers == 1 else SINGLE_THREADED_OPENCV
    with threads, ThreadPoolExecutor(workers) as pool:
        try:
            for found in photos:
                pending.append((found, _submit(pool, plan, work, found)))
                if len(pending) >= 2 * workers:
                    yield _outcome(*pending.popleft())
            while pending:
                yield _outcome(*pending.popleft())
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _submit(
    pool: ThreadPoolExecutor,
    plan: Callable[[Found], Plan],
    work: Callable[[Found, Plan], Result],
    found: Found,
) -> "Future[Result]":
    failed_future: Future[Result] = Future()
    if found.error is not None:
        failed_future.set_exception(found.error)
        return failed_future
    try:
        return pool.submit(work, found, plan(found))
    except (NearfarError, OSError, UnicodeError) as error:
        failed_future.set_exception(error)
        return failed_future


def _outcome(found: Found, future: "Future[Result]") -> Outcome[Result]:
    try:
        return Outcome(found, result=future.result())
    except NearfarError as error:
        return Outcome(found, error=error)
    except MemoryError:
        return Outcome(found, error=ImageError(f"{found.path}: not enough memory for this photo"))
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        name = getattr(error, "filename", None) or found.path
        failed = PhotoError(f"{found.path}: {reason}" + f": {name}" * (name != found.path))
        failed.__cause__ = error
        return Outcome(found, error=failed)
