"""List the photos of a run: from folders, lists, and shards of Parquet or tar."""

import hashlib
import json
import os
import sqlite3
import tarfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import astuple, dataclass, replace
from pathlib import Path, PurePath, PurePosixPath
from typing import Any, Final, Literal

from nearfar.errors import NearfarError, UsageError
from nearfar.io.find_images import is_photo, is_result
from nearfar.optional import require
from nearfar.scale import storage

MOST_OF_GROUP: Final = 4096
"""Maximum number of photos of one row group in one part."""


@dataclass(frozen=True)
class Photo:
    """A reference to a photo: its location and name, never its bytes.

    Attributes:
        path: its name in the table: relative to the source, or as in a list.
        url: path or URL of its file, or of the file that contains it.
        offset: of its bytes in the file; -1 for the whole file.
        bytes: their number; -1 for the whole file.
        group: its row group in a Parquet file; -1 elsewhere.
        row: its row in the row group.
        column: its column in the Parquet file.
        error: why it can't be read; empty if no error is known.
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
        """Return the path of its results, always below the destination."""
        _, _, path = self.path.rpartition("://")
        parts = PurePosixPath(path.partition("?")[0] if path != self.path else path).parts
        return PurePosixPath(*(part for part in parts if part not in {"/", "//", ".", ".."}))


@dataclass(frozen=True)
class Part:
    """Photos processed by one worker, whose rows are in one file of the table.

    Attributes:
        photos: at least one.
        name: a hash of `photos`: the same photos give the same name.
    """

    photos: tuple[Photo, ...]
    name: str

    def packed(self) -> str:
        """Return the photos as JSON, which supports names that are not UTF-8."""
        return _packed(self.photos)

    @classmethod
    def unpack(cls, name: str, packed: str) -> "Part":
        """Parse the result of `packed`."""
        return cls(tuple(Photo(*fields) for fields in json.loads(packed)), name)


def _packed(photos: Iterable[Photo]) -> str:
    return json.dumps([astuple(photo) for photo in photos])


def parts(photos: Iterable[Photo], size: int) -> Iterator[Part]:
    """Split a run into parts of `size` photos on average, between half and twice as many.

    The name of a photo determines whether a part ends after it (content-defined chunking, as in
    LBFS, SOSP 2001), so an added or removed photo changes the parts around it and no others. The
    photos of one row group stay together, since a row group is read from its start.

    Args:
        photos: held in memory one part at a time.
        size: 1 or more.
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
        return len(held) >= max(MOST_OF_GROUP, size)
    if 2 * len(held) < size:
        return False
    if len(held) >= 2 * size:
        return True
    return int.from_bytes(_digest(last.path), "big") % max(1, size // 2) == 0


def _part(held: list[Photo]) -> Part:
    photos = tuple(held)
    return Part(photos, hashlib.sha256(_packed(photos).encode()).hexdigest()[:16])


def distinct(photos: Iterable[Photo], *, by_stem: bool) -> Iterator[Photo]:
    """Mark a photo with an error if its results would replace those of an earlier one.

    The names are kept in a temporary SQLite database on disk, so that memory is bounded.

    Args:
        photos: in a fixed order: the first of equal names is kept.
        by_stem: whether results are named by the photo's name without its suffix.
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


Kind = Literal["photos", "list", "parquet", "tar"]

_KIND_OF: Final[dict[str, Kind]] = {
    ".txt": "list",
    ".list": "list",
    ".lst": "list",
    ".parquet": "parquet",
    ".tar": "tar",
}
_PATHS: Final = ("path", "url", "uri", "file", "filename", "file_name", "image_path", "image_url")
"""Columns that hold paths, unless a column is chosen; the first of these that exists is used."""


@dataclass(frozen=True)
class Source:
    """Source of the photos of a run.

    Attributes:
        place: a path or URL; a path is absolute.
        kind: method of listing the photos.
        column: column of Parquet shards with the photos or their paths; detected where empty.
    """

    place: str
    kind: Kind
    column: str = ""

    def photos(self, passed_over: Callable[[str], None] = lambda _: None) -> Iterator[Photo]:
        """Yield the photos in a fixed order.

        Args:
            passed_over: called with each picture that is skipped because its name is that of a
                result.
        """
        if self.kind == "photos":
            for url, name in storage.files(self.place, passed_over=passed_over):
                yield _checked(Photo(name, url))
        elif self.kind == "list":
            yield from _listed(self.place)
        else:
            for url, name in storage.files(self.place, _wants(f".{self.kind}")):
                if self.kind == "parquet":
                    yield from _of_shard(_of_parquet(url, name, self.column), url, name)
                else:
                    yield from _of_shard(_of_tar(url, name, passed_over), url, name)


@dataclass(frozen=True)
class Counted:
    """The number of photos in a source.

    Attributes:
        photos: number that a run processes.
        left_out: number of pictures that are skipped because their names are those of results.
        first_left_out: path or URL of the first of these.
    """

    photos: int
    left_out: int = 0
    first_left_out: str = ""


def count(source: Source) -> Counted:
    """Count the photos of a source."""
    left_out, first = 0, ""

    def pass_over(name: str) -> None:
        nonlocal left_out, first
        left_out, first = left_out + 1, first or name

    photos = sum(1 for _ in source.photos(pass_over))
    return Counted(photos, left_out, first)


def source_of(text: str, column: str = "") -> Source:
    """Detect the type of a source.

    Args:
        text: a folder of photos or shards, a list, a shard, or a pattern of either; as a path
            or a URL.
        column: see `Source`.

    Raises:
        UsageError: nothing was found, or neither photos, a list nor shards.
    """
    place = storage.plain(text)
    if not storage.is_url(place):
        # not Path.resolve, which follows links
        place = Path(os.path.abspath(place)).as_posix()  # noqa: PTH100
    suffix = PurePosixPath(place).suffix.lower()
    if not storage.exists(place):
        raise UsageError(f"{text}: nothing found: give a folder, a list, a shard or a pattern")
    if storage.is_folder(place):
        kind = _kind_of_folder(place, text)
    elif suffix in _KIND_OF:
        kind = _KIND_OF[suffix]
    elif is_photo(PurePosixPath(place)):
        kind = "photos"
    else:
        raise UsageError(
            f"{text}: give a folder, a pattern, a list (.txt), or shards (.parquet, .tar)"
        )
    if column and kind != "parquet":
        raise UsageError("column is for Parquet shards: leave it out", options=("column",))
    return Source(place, kind, column)


def _kind_of_folder(place: str, text: str) -> Kind:
    if next(storage.files(place), None):
        return "photos"
    kinds: tuple[Kind, Kind] = ("tar", "parquet")
    for kind in kinds:
        if next(storage.files(place, _wants(f".{kind}")), None):
            return kind
    raise UsageError(f"{text}: neither photos nor shards (.parquet, .tar) are in this folder")


def _wants(suffix: str) -> Callable[[PurePath], bool]:
    return lambda path: path.suffix.lower() == suffix and not path.name.startswith((".", "_"))


def _checked(photo: Photo) -> Photo:
    if "\0" in photo.path or not photo.name.name:
        return Photo(photo.path, "", error=f"{photo.path!r}: not a name of a photo")
    return photo


def _listed(place: str) -> Iterator[Photo]:
    """Read a list with one path or URL per line; paths are relative to the folder of the list."""
    home = place.rpartition("/")[0]
    with closing(storage.opened(place)) as file:
        for line in file:
            text = line.decode("utf-8-sig", "surrogateescape").strip()
            if text:
                yield _checked(Photo(text, _joined(home, text)))


def _joined(home: str, text: str) -> str:
    text = storage.plain(text)
    return text if storage.is_url(text) or text.startswith("/") else f"{home}/{text}"


def _of_shard(photos: Iterator[Photo], url: str, name: str) -> Iterator[Photo]:
    try:
        yield from photos
    except NearfarError:
        raise
    except Exception as error:  # noqa: BLE001 - each library has its own errors for damage
        cause = " ".join(str(error).split())[:200] or type(error).__name__
        yield Photo(name, url, error=f"{url}: a shard that can't be read ({cause})")


def _of_tar(url: str, name: str, passed_over: Callable[[str], None]) -> Iterator[Photo]:
    """Read the headers of a WebDataset shard, and skip the photos themselves."""
    if not name.lower().endswith(".tar"):
        raise UsageError(f"{url}: give shards that are not compressed, *.tar")
    home = PurePosixPath(name).with_suffix("")
    with closing(storage.opened(url)) as file, tarfile.open(fileobj=file, mode="r:") as tar:
        while (member := tar.next()) is not None:
            vars(tar)["members"].clear()  # bounds memory: tarfile keeps every header
            if not member.isreg() or member.issparse():
                continue
            path = str(home / member.name.lstrip("/"))
            if is_photo(PurePosixPath(member.name)):
                yield _checked(Photo(path, url, offset=member.offset_data, bytes=member.size))
            elif is_result(PurePosixPath(member.name)):
                passed_over(path)


def _of_parquet(url: str, name: str, column: str) -> Iterator[Photo]:
    """Read the footer of a shard, and its column only if it contains paths."""
    parquet = _parquet()
    with closing(storage.opened(url)) as file:
        shard = parquet.ParquetFile(file)
        chosen = column or _column_of(shard.schema_arrow, url)
        if chosen not in shard.schema_arrow.names:
            known = ", ".join(shard.schema_arrow.names)
            raise UsageError(f"{url} has no column {chosen!r}: there are {known}")
        if not holds_bytes(shard.schema_arrow.field(chosen).type):
            home = url.rpartition("/")[0]
            for batch in shard.iter_batches(columns=[chosen]):
                for text in batch.column(0).to_pylist():
                    yield _checked(Photo(text or "", _joined(home, text or "")))
            return
        stem = str(PurePosixPath(name).with_suffix(""))
        at = 0
        for group in range(shard.num_row_groups):
            for row in range(shard.metadata.row_group(group).num_rows):
                yield Photo(f"{stem}/{at:06d}", url, group=group, row=row, column=chosen)
                at += 1


def _parquet() -> Any:
    require("pyarrow")
    import pyarrow.parquet

    return pyarrow.parquet


def holds_bytes(kind: Any) -> bool:
    """Return whether a column of this Arrow type contains photos: bytes, or `{bytes, path}`."""
    from pyarrow import types

    if types.is_struct(kind):
        return any(field.name == "bytes" and holds_bytes(field.type) for field in kind)
    return bool(types.is_binary(kind) or types.is_large_binary(kind))


def _column_of(schema: Any, url: str) -> str:
    """Return the only column of bytes, or else the first with a name for paths."""
    full = [field.name for field in schema if holds_bytes(field.type)]
    named = [name for name in _PATHS if name in schema.names]
    if len(full) == 1:
        return str(full[0])
    if not full and named:
        return named[0]
    which = f"the photos in one of {', '.join(full)}" if full else "neither photos nor paths in it"
    raise UsageError(
        f"{url}: {which}: name the column (there are {', '.join(schema.names)})",
        options=("column",),
    )
