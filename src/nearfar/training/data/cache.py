"""Cache of decoded and resized training pairs on disk, one file each."""

import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from nearfar.datasets import DatasetInfo, Pair, PairFolder, Truth
from nearfar.errors import DatasetError, NearfarError, WriteError
from nearfar.io.images import Image
from nearfar.training.data import ordinal, resample
from nearfar.training.data.pair_file import VERSION, Entry, Sample, read_entry, write_entry

DEFAULT_SHORT_SIDE_PX: Final = 320

Progress = Callable[[int, int], None]
"""Called with the number of finished pairs and the total."""


class TrainingCache:
    """The usable pairs of one data set, at training size.

    Attributes:
        name: of the data set.
        info: its description.
        entries: in the order of the data set's pairs.
        bad: a sentence about each unusable pair.
        in_memory: whether all pairs are held in memory.
    """

    def __init__(
        self, pairs: PairFolder, entries: Sequence[Entry], bad: Sequence[str], *, in_memory: bool
    ) -> None:
        """Wrap the entries that `open_caches` has written.

        Raises:
            DatasetError: a file does not exist any more, or was truncated.
        """
        self.name = pairs.name
        self.info: DatasetInfo = pairs.info
        self.entries = tuple(entries)
        self.bad = tuple(bad)
        self.in_memory = in_memory
        self._held = tuple(map(_load, self.entries)) if in_memory else ()

    @property
    def size_bytes(self) -> int:
        """Total size of all files."""
        return sum(entry.size_bytes for entry in self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, index: int) -> Sample:
        """Return a pair with read-only arrays.

        Raises:
            DatasetError: its file does not exist any more, or was truncated.
        """
        return self._held[index] if self.in_memory else self.entries[index].map()


def open_caches(
    folder: Path,
    sets: Iterable[PairFolder],
    *,
    short_side_px: int = DEFAULT_SHORT_SIDE_PX,
    budget_bytes: int = 0,
    workers: int | None = None,
    progress: Progress | None = None,
) -> tuple[TrainingCache, ...]:
    """Decode all pairs that are not cached yet, and open the caches of all data sets.

    Photos are shrunk by averaging, dense ground truth by the median, sparse ground truth point by
    point; see `resample`. Nothing is enlarged.

    Args:
        folder: of the cache; created if it does not exist. Data sets and sizes can share it.
        sets: from `datasets.open_folder`.
        short_side_px: shorter side of the cached pairs; smaller pairs keep their size.
        budget_bytes: memory limit. In their order, data sets that fit completely are held in
            memory; the others are memory-mapped.
        workers: number of threads, with one photo each at a time; default: number of processors.
        progress: called from this thread after each pair.

    Returns:
        One cache per data set. Unusable pairs are left out and listed in its `bad`.

    Raises:
        DatasetError: there is no data set, or one without a usable pair.
        WriteError: the cache can't be written: disk full, no permission.
    """
    sets = tuple(sets)
    if not sets:
        raise DatasetError("there is no data set: name at least one folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(f"can't create {folder}: {error.strerror or error}") from error
    found = _decode_all(folder, sets, short_side_px, workers or os.cpu_count() or 1, progress)
    caches = []
    for pairs, outcomes in zip(sets, found, strict=True):
        entries = [outcome for outcome in outcomes if isinstance(outcome, Entry)]
        bad = [*pairs.bad, *(outcome for outcome in outcomes if isinstance(outcome, str))]
        if not entries:
            raise DatasetError(f"{pairs.root}: no usable pair; the first error: {bad[0]}")
        size_bytes = sum(entry.size_bytes for entry in entries)
        fits = size_bytes <= budget_bytes
        budget_bytes -= size_bytes if fits else 0
        caches.append(TrainingCache(pairs, entries, bad, in_memory=fits))
    return tuple(caches)


def _decode_all(
    folder: Path,
    sets: Sequence[PairFolder],
    short_side_px: int,
    workers: int,
    progress: Progress | None,
) -> list[list[Entry | str]]:
    """Return the entry of each pair of each set, or what is wrong with it."""
    pool = ThreadPoolExecutor(workers)  # decoding and resizing release the GIL
    try:
        futures: list[list[Future[Entry | str]]] = [
            [pool.submit(_decode, folder, pair, short_side_px) for pair in pairs.pairs]
            for pairs in sets
        ]
        everything = [future for row in futures for future in row]
        for done, future in enumerate(as_completed(everything), 1):
            future.result()  # a full disk raises here, not after the last pair
            if progress:
                progress(done, len(everything))
        return [[future.result() for future in row] for row in futures]
    finally:
        pool.shutdown(cancel_futures=True)


def _decode(folder: Path, pair: Pair, short_side_px: int) -> Entry | str:
    try:
        path = folder / f"{_key(pair, short_side_px)}.pair"
    except OSError as error:
        return f"{error.filename}: can't be read: {error.strerror}"
    entry = read_entry(path, pair.photo.name)
    if entry is None:
        try:
            photo, truth = pair.read()
        except NearfarError as error:
            return str(error)
        if isinstance(truth, Truth):
            sample = _resize_pair(photo, truth.inverse, short_side_px)
        else:
            sample = ordinal.shrink(photo, truth, _training_size(photo, short_side_px))
        if not sample.known().any():
            return f"{pair.depth}: no known depth is left at {short_side_px} px"
        entry = write_entry(path, pair.photo.name, sample)
    return entry


def _resize_pair(photo: Image, inverse: NDArray[np.float32], short_side_px: int) -> Sample:
    sparse = resample.is_sparse(inverse)
    size = _training_size(photo, short_side_px)
    if size != inverse.shape[::-1]:
        photo = resample.resize_photo(photo, size)
        inverse = (resample.keep_points if sparse else resample.majority)(inverse, size)
    return Sample(photo, inverse, sparse)


def _training_size(photo: Image, short_side_px: int) -> tuple[int, int]:
    """Return the width and height at which a photo is cached: at most its own."""
    height_px, width_px = photo.shape[:2]
    scale = min(1.0, short_side_px / min(height_px, width_px))
    return max(1, round(width_px * scale)), max(1, round(height_px * scale))


def _key(pair: Pair, short_side_px: int) -> str:
    info = pair.info
    meaning = info.kind, info.unit, info.scale, info.invalid, info.max_depth_m, pair.labels
    parts = [str(VERSION), repr(meaning), str(short_side_px)]
    # for `pairs`, the file with all points is not part of the key: this photo's labels are
    for path in (pair.photo,) if info.kind == "pairs" else (pair.photo, pair.depth):
        status = path.stat()
        parts += [str(path.resolve()), str(status.st_mtime_ns), str(status.st_size)]
    return hashlib.sha256("\0".join(parts).encode(errors="surrogateescape")).hexdigest()[:32]


def _load(entry: Entry) -> Sample:
    mapped = entry.map()
    photo, inverse = mapped.photo.copy(), mapped.inverse.copy()
    photo.flags.writeable = inverse.flags.writeable = False
    regions = None if mapped.regions is None else mapped.regions.copy()
    if regions is not None:
        regions.flags.writeable = False
    return Sample(photo, inverse, mapped.sparse, regions, mapped.order)
