"""Many photos: find them, and work on several at once with bounded memory."""

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
"""How the stems of nearfar's own results end, and their suffixes as far as pictures have them."""

_MOST_BRACKETS: Final = 6
"""Parts of a pattern with brackets that are read both ways, each doubling the work; where there
are more, brackets stand for themselves."""


@dataclass(frozen=True)
class Found:
    """A photo and where its results belong.

    Attributes:
        path: where the photo lies.
        folder: its folder relative to the folder that was searched; empty for a named file.
        stream: where its bytes come from, when that is not `path`.
        error: why there is no photo here: a folder that can't be read, a pattern without match.
    """

    path: Path
    folder: Path = Path()
    stream: BinaryIO | None = None
    error: NearfarError | None = None


@dataclass(frozen=True)
class Outcome(Generic[Result]):
    """What became of one photo: a result or an error."""

    found: Found
    result: Result | None = None
    error: NearfarError | None = None


def find(
    inputs: Iterable[str],
    *,
    recursive: bool = False,
    passed_over: Callable[[Path], None] = lambda _: None,
) -> Iterator[Found]:
    """Find photos, one after the other, without holding more than one folder's names.

    Args:
        inputs: files, folders, or patterns such as `trip/*.jpg`. A file is taken whatever its
            name; of folders and patterns only what has a picture's suffix, hidden files and
            nearfar's own results (`*-depth.png`) left out. Brackets in a pattern stand for
            themselves too, since names have them.
        recursive: also search the folders in folders.
        passed_over: called with each picture that is left out as a result.

    Yields:
        A photo, or what could not be searched, with its error.
    """
    for text in inputs:
        if os.path.isdir(text):  # noqa: PTH112 - unlike a Path's, it never raises
            yield from _in_folder(Path(text), Path(), passed_over, recursive=recursive)
        elif has_magic(text) and not os.path.exists(text):  # noqa: PTH110
            yield from _in_pattern(text, passed_over)
        else:
            yield Found(Path(text))  # when it is missing, the reader says so


def _in_folder(
    top: Path, folder: Path, passed_over: Callable[[Path], None], *, recursive: bool
) -> Iterator[Found]:
    try:
        with os.scandir(top / folder) as entries:
            names = sorted((entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries)
    except OSError as error:
        yield _unsearched(top / folder, folder, error)
        return
    for name, is_folder in names:
        if is_folder:
            if recursive and not name.startswith("."):
                yield from _in_folder(top, folder / name, passed_over, recursive=True)
        elif is_photo(Path(name)):
            yield Found(top / folder / name, folder)
        elif is_result(Path(name)):
            passed_over(top / folder / name)


def _unsearched(path: Path, folder: Path, error: OSError) -> Found:
    reason = f"{path}: can't be searched: {error.strerror or error}"
    return Found(path, folder, error=ImageNotFoundError(reason))


def _in_pattern(pattern: str, passed_over: Callable[[Path], None]) -> Iterator[Found]:
    try:
        matches = matching(pattern)
    except (OSError, ValueError) as error:
        reason = f"{pattern}: can't be searched: {error}"
        yield Found(Path(pattern), error=ImageNotFoundError(reason))
        return
    for path in filter(is_result, matches):
        passed_over(path)
    photos = list(filter(is_photo, matches))
    if not photos:
        reason = f"{pattern}: no picture matches this pattern"
        yield Found(Path(pattern), error=ImageNotFoundError(reason))
    yield from map(Found, photos)


def matching(pattern: str) -> list[Path]:
    """List what fits a pattern, in order.

    Brackets are read both ways, part by part: `trip [1]/*.jpg` is the folder of this name, and
    `trip 1`.
    """
    path = Path(pattern)
    root = Path(path.anchor)
    parts = path.parts[1:] if path.anchor else path.parts
    return sorted({each for chosen in readings(parts) for each in root.glob(chosen)})


def readings(parts: Sequence[str]) -> Iterator[str]:
    """Give the patterns, for a glob, that a pattern with brackets may stand for.

    Args:
        parts: of the pattern, a folder or a name each.
    """
    literally = [part.replace("[", "[[]") for part in parts]
    ways: list[tuple[str, ...]]
    if sum("[" in part for part in parts) > _MOST_BRACKETS:
        ways = [(part,) for part in literally]
    else:
        ways = [tuple(dict.fromkeys(way)) for way in zip(parts, literally, strict=True)]
    yield from map("/".join, product(*ways))


def is_photo(path: PurePath) -> bool:
    """Tell by its name whether a file is a picture, neither hidden nor nearfar's own result."""
    return (
        path.suffix.lower() in IMAGE_SUFFIXES
        and not path.name.startswith(".")
        and not is_result(path)
    )


def is_result(path: PurePath) -> bool:
    """Tell whether a picture is named as nearfar names its own; `x-depth.jpg` is not."""
    suffix = path.suffix.lower()
    return any(
        path.stem.endswith(ending) and suffix in suffixes for ending, suffixes in RESULTS.items()
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
            NearfarError or OSError, for want of memory, or of a name that no text can hold,
            becomes the photo's outcome; any other error ends the run.
        workers: how many threads.

    Yields:
        One outcome a photo, in the order of `photos`.
    """
    under_way: deque[tuple[Found, Future[Result]]] = deque()
    # one photo may have all cores; several share them, and leave none to OpenCV
    alone = nullcontext() if workers == 1 else SINGLE_THREADED_OPENCV
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
    refused: Future[Result] = Future()
    if found.error is not None:
        refused.set_exception(found.error)
        return refused
    try:
        return pool.submit(work, found, plan(found))
    except (NearfarError, OSError, UnicodeError) as error:
        refused.set_exception(error)
        return refused


def _outcome(found: Found, future: "Future[Result]") -> Outcome[Result]:
    try:
        return Outcome(found, result=future.result())
    except NearfarError as error:
        return Outcome(found, error=error)
    except MemoryError:
        return Outcome(found, error=ImageError(f"{found.path}: not enough memory for this photo"))
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        place = getattr(error, "filename", None) or found.path
        failed = PhotoError(f"{found.path}: {reason}" + f": {place}" * (place != found.path))
        failed.__cause__ = error
        return Outcome(found, error=failed)
