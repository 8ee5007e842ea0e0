"""Where the photos of a run come from: folders, lists, and shards of Parquet or tar."""

import os
import tarfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath
from typing import Any, Final, Literal

from nearfar.errors import NearfarError, UsageError
from nearfar.io.find_images import is_photo, is_result
from nearfar.optional import require
from nearfar.scale import storage
from nearfar.scale.photos import Photo

Kind = Literal["photos", "list", "parquet", "tar"]

_KIND_OF: Final[dict[str, Kind]] = {
    ".txt": "list",
    ".list": "list",
    ".lst": "list",
    ".parquet": "parquet",
    ".tar": "tar",
}
_PATHS: Final = ("path", "url", "uri", "file", "filename", "file_name", "image_path", "image_url")
"""Columns that are taken for paths unless told otherwise."""


@dataclass(frozen=True)
class Source:
    """What a run reads.

    Attributes:
        place: a path or URL; a path is absolute.
        kind: of what is there.
        column: of Parquet shards: where the photos or their paths are; chosen where empty.
    """

    place: str
    kind: Kind
    column: str = ""

    def photos(self, passed_over: Callable[[str], None] = lambda _: None) -> Iterator[Photo]:
        """Give the photos one by one, always in the same order.

        Args:
            passed_over: called with each picture that is left out, named as results are.
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


def source_of(text: str, column: str = "") -> Source:
    """Look what is there.

    Args:
        text: a folder of photos or shards, a list, a shard, or a pattern of either; as a path
            or a URL.
        column: see `Source`.

    Raises:
        UsageError: nothing is there, or nothing of use.
    """
    place = storage.plain(text)
    if not storage.is_url(place):
        place = os.path.abspath(place)  # noqa: PTH100 - Path.resolve would follow links
    suffix = PurePosixPath(place).suffix.lower()
    if not storage.exists(place):
        raise UsageError(f"{text}: there is nothing: give a folder, a list, a shard or a pattern")
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
        raise UsageError("--column is for Parquet shards: leave it out")
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
        return Photo(photo.path, "", error=f"{photo.path!r}: no name of a photo")
    return photo


def _listed(place: str) -> Iterator[Photo]:
    """Read a list, a path or URL a line; paths are relative to the list's folder."""
    home = place.rpartition("/")[0] if storage.is_url(place) else str(Path(place).parent)
    with closing(storage.opened(place)) as file:
        for line in file:
            text = line.decode("utf-8-sig", "surrogateescape").strip()
            if text:
                yield _checked(Photo(text, _joined(home, text)))


def _joined(home: str, text: str) -> str:
    text = storage.plain(text)
    if storage.is_url(text) or text.startswith("/"):
        return text
    return f"{home}/{text}" if storage.is_url(home) else str(Path(home, text))


def _of_shard(photos: Iterator[Photo], url: str, name: str) -> Iterator[Photo]:
    try:
        yield from photos
    except Exception as error:  # each library has its own ways to fail on damage
        if isinstance(error, NearfarError):
            raise
        cause = " ".join(str(error).split())[:200] or type(error).__name__
        yield Photo(name, url, error=f"{url}: a shard that can't be read ({cause})")


def _of_tar(url: str, name: str, passed_over: Callable[[str], None]) -> Iterator[Photo]:
    """Walk the headers of a WebDataset shard; the photos themselves are skipped over."""
    if not name.lower().endswith(".tar"):
        raise UsageError(f"{url}: give shards that are not compressed, *.tar")
    home = PurePosixPath(name).with_suffix("")
    with closing(storage.opened(url)) as file, tarfile.open(fileobj=file, mode="r:") as tar:
        while (member := tar.next()) is not None:
            vars(tar)["members"].clear()  # else every header of the shard would be kept
            if not member.isreg() or member.issparse():
                continue
            path = str(home / member.name.lstrip("/"))
            if is_photo(PurePosixPath(member.name)):
                yield _checked(Photo(path, url, offset=member.offset_data, bytes=member.size))
            elif is_result(PurePosixPath(member.name)):
                passed_over(path)


def _of_parquet(url: str, name: str, column: str) -> Iterator[Photo]:
    """Read of a shard its footer, and its column only where that holds paths."""
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
    """Whether a column of this Arrow type holds photos: bytes, or `{bytes, path}`."""
    from pyarrow import types

    if types.is_struct(kind):
        return any(field.name == "bytes" and holds_bytes(field.type) for field in kind)
    return bool(types.is_binary(kind) or types.is_large_binary(kind))


def _column_of(schema: Any, url: str) -> str:
    """Choose the only column of bytes, or else the first that is called as paths are."""
    full = [field.name for field in schema if holds_bytes(field.type)]
    named = [name for name in _PATHS if name in schema.names]
    if len(full) == 1:
        return str(full[0])
    if not full and named:
        return named[0]
    which = f"the photos in one of {', '.join(full)}" if full else "neither photos nor paths in it"
    raise UsageError(
        f"{url}: {which}: name the column with --column (there are {', '.join(schema.names)})"
    )
