"""Many photos: find them, and work on several at once with bounded memory."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from glob import has_magic
from pathlib import Path, PurePath
from typing import BinaryIO, Generic, TypeVar

from nearfar.errors import ImageError, ImageNotFoundError, NearfarError
from nearfar.images import IMAGE_SUFFIXES
from nearfar.runtimes.ownthreads import OWN_THREADS

Result = TypeVar("Result")
Plan = TypeVar("Plan")

RESULT_ENDINGS = ("-depth", "-depth-color", "-depth-side")
"""How the stems of nearfar's own results end; a later run over the folder leaves them out."""


@dataclass(frozen=True)
class Found:
    """A photo and where its results belong.

    Attributes:
        path: where the photo lies.
        folder: its folder relative to the folder that was searched; empty for a named file.
        stream: where its bytes come from, when that is not `path`.
    """

    path: Path
    folder: Path = Path()
    stream: BinaryIO | None = None


@dataclass(frozen=True)
class Outcome(Generic[Result]):
    """What became of one photo: a result or an error."""

    found: Found
    result: Result | None = None
    error: NearfarError | None = None


def find(inputs: Iterable[str], *, recursive: bool = False) -> Iterator[Found]:
    """Find photos, one after the other, without holding more than one folder's names.

    Args:
        inputs: files, folders, or patterns such as `trip/*.jpg`. A file is taken whatever its
            name; of folders and patterns only what has a picture's suffix, hidden files and
            nearfar's own results (`*-depth.png`) left out.
        recursive: also search the folders in folders.

    Raises:
        ImageNotFoundError: an input that leads to nothing at all.
    """
    for text in inputs:
        path = Path(text)
        if path.is_dir():
            yield from _in_folder(path, Path(), recursive=recursive)
        elif has_magic(text) and not path.exists():
            yield from _in_pattern(text)
        else:
            yield Found(path)  # when it is missing, the reader says so


def _in_folder(top: Path, folder: Path, *, recursive: bool) -> Iterator[Found]:
    with os.scandir(top / folder) as entries:
        names = sorted((entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries)
    for name, is_folder in names:
        if is_folder:
            if recursive and not name.startswith("."):
                yield from _in_folder(top, folder / name, recursive=True)
        elif is_photo(Path(name)):
            yield Found(top / folder / name, folder)


def _in_pattern(pattern: str) -> Iterator[Found]:
    path = Path(pattern)
    root = Path(path.anchor)
    paths = sorted(filter(is_photo, root.glob(str(path.relative_to(root)))))
    if not paths:
        raise ImageNotFoundError(f"{pattern}: no picture matches this pattern")
    yield from map(Found, paths)


def is_photo(path: PurePath) -> bool:
    """Tell by its name whether a file is a picture, neither hidden nor nearfar's own result."""
    return (
        path.suffix.lower() in IMAGE_SUFFIXES
        and not path.name.startswith(".")
        and not path.stem.endswith(RESULT_ENDINGS)
    )


def work_on(
    photos: Iterable[Found],
    plan: Callable[[Found], Plan],
    work: Callable[[Found, Plan], Result],
    *,
    workers: int,
) -> Iterator[Outcome[Result]]:
    """Do the same work on many photos, several at once.

    Each worker takes one photo from decoding to writing, so the stages of different photos
    overlap; at most two photos a worker are under way, however many there are.

    Args:
        photos: consumed as fast as the workers are.
        plan: called in this thread, in the order of `photos`, for what must not depend on
            which worker is faster.
        work: called in the workers' threads, with the plan. What either raises as
            NearfarError, or for want of memory, becomes the photo's outcome; any other error
            ends the run.
        workers: how many threads.

    Yields:
        One outcome a photo, in the order of `photos`.
    """
    under_way: deque[tuple[Found, Future[Result]]] = deque()
    # one photo may have all cores; several share them, and leave none to OpenCV
    alone = nullcontext() if workers == 1 else OWN_THREADS
    with alone, ThreadPoolExecutor(workers) as pool:
        try:
            for found in photos:
                under_way.append((found, _begun(pool, plan, work, found)))
                if len(under_way) >= 2 * workers:
                    yield _outcome(*under_way.popleft())
            while under_way:
                yield _outcome(*under_way.popleft())
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _begun(
    pool: ThreadPoolExecutor,
    plan: Callable[[Found], Plan],
    work: Callable[[Found, Plan], Result],
    found: Found,
) -> "Future[Result]":
    try:
        return pool.submit(work, found, plan(found))
    except NearfarError as error:
        refused: Future[Result] = Future()
        refused.set_exception(error)
        return refused


def _outcome(found: Found, future: "Future[Result]") -> Outcome[Result]:
    try:
        return Outcome(found, result=future.result())
    except NearfarError as error:
        return Outcome(found, error=error)
    except MemoryError:
        return Outcome(found, error=ImageError(f"{found.path}: not enough memory for this photo"))
