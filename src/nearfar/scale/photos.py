"""A photo of a run, told by where it is; and runs cut into parts that always come out the same."""

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass, replace
from pathlib import PurePosixPath
from typing import Final

TOGETHER: Final = 4096
"""The most photos of one row group that stay in one part."""


@dataclass(frozen=True)
class Photo:
    """Where a photo is, and what it is called; never its bytes.

    Attributes:
        path: what the table calls it: relative to the source, or as a list has it.
        url: of the file that it is, or is in.
        offset: where its bytes begin in the file; -1 where it is the whole file.
        bytes: how many they are; -1 for the whole file.
        group: its row group in a Parquet file; -1 elsewhere.
        row: its row there.
        column: its column there.
        error: why there is no such photo; empty where there is one.
    """

    path: str
    url: str
    offset: int = -1
    bytes: int = -1
    group: int = -1
    row: int = -1
    column: str = ""
    error: str = ""

    @property
    def name(self) -> PurePosixPath:
        """Where its results belong below the destination; never outside of it."""
        _, _, path = self.path.rpartition("://")
        parts = PurePosixPath(path.partition("?")[0] if path != self.path else path).parts
        return PurePosixPath(*(part for part in parts if part not in {"/", "//", ".", ".."}))


@dataclass(frozen=True)
class Part:
    """Photos that one worker takes at once, and whose rows are in one file of the table.

    Attributes:
        photos: at least one.
        name: made of all of `photos`: the same photos give the same name, others another.
    """

    photos: tuple[Photo, ...]
    name: str

    def packed(self) -> str:
        """Give the photos as JSON, which holds names that are no UTF-8 too."""
        return _packed(self.photos)

    @classmethod
    def unpack(cls, name: str, packed: str) -> "Part":
        """Read what `packed` gave."""
        return cls(tuple(Photo(*fields) for fields in json.loads(packed)), name)


def _packed(photos: Iterable[Photo]) -> str:
    return json.dumps([astuple(photo) for photo in photos])


def parts(photos: Iterable[Photo], size: int) -> Iterator[Part]:
    """Cut a run into parts, of `size` photos on average, between half of it and twice it.

    Where a part ends is decided by the photos at its end, not by counting from the start, so a
    photo that is new or gone changes the parts around it and no others (as in LBFS, SOSP 2001).
    The photos of one row group stay together, since a row group is read from its start.

    Args:
        photos: held one part at a time.
        size: at least 1.
    """
    held: list[Photo] = []
    for photo in photos:
        if held and _ends(held, photo, size):
            yield _part(held)
            held = []
        held.append(photo)
    if held:
        yield _part(held)


def _ends(held: list[Photo], following: Photo, size: int) -> bool:
    last = held[-1]
    if last.group >= 0 and (last.url, last.group) == (following.url, following.group):
        return len(held) >= max(TOGETHER, size)
    if 2 * len(held) < size:
        return False
    if len(held) >= 2 * size:
        return True
    return int.from_bytes(_digest(last.path), "big") % max(1, size // 2) == 0


def _part(held: list[Photo]) -> Part:
    photos = tuple(held)
    return Part(photos, hashlib.sha256(_packed(photos).encode()).hexdigest()[:16])


def distinct(photos: Iterable[Photo], *, by_stem: bool) -> Iterator[Photo]:
    """Turn a photo whose results would replace another's into one with an error.

    Which names are taken is kept in a file of SQLite's, so that memory is bounded.

    Args:
        photos: in an order that is always the same: the first of equal ones is kept.
        by_stem: results are called by the photo's name without its suffix.
    """
    database = sqlite3.connect("", isolation_level=None)  # no name: a temporary file
    try:
        database.execute("PRAGMA journal_mode = OFF")
        database.execute("CREATE TABLE taken (name BLOB PRIMARY KEY) WITHOUT ROWID")
        for photo in photos:
            name = str(photo.name.with_suffix("")) if by_stem and photo.name.name else photo.path
            if photo.error or _take(database, _digest(name)):
                yield photo
            else:
                yield replace(photo, error=f"{photo.path}: another photo of this run has its name")
    finally:
        database.close()


def _digest(name: str) -> bytes:
    return hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=12).digest()


def _take(database: sqlite3.Connection, digest: bytes) -> bool:
    return database.execute("INSERT OR IGNORE INTO taken VALUES (?)", (digest,)).rowcount == 1
