"""Photos are found the same, wherever they lie."""

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.implementations.local import LocalFileSystem

from nearfar.errors import UsageError
from nearfar.io.images import ImageFile
from nearfar.scale import storage
from nearfar.scale.sources import Counted, Photo, count, source_of
from nearfar.scale.worker import streams
from tests.scale import shards
from tests.scale.shards import jpeg


def listed(source: object, column: str = "") -> list[Photo]:
    return list(source_of(str(source), column).photos())


def names(photos: list[Photo]) -> list[str]:
    assert not [photo.error for photo in photos if photo.error]
    return [photo.path for photo in photos]


def content(photo: Photo) -> bytes:
    ((_, stream),) = streams([photo])
    return Path(photo.url).read_bytes() if stream is None else stream.read()


FOLDER = ["0.jpg", "1.jpg", "2.jpg", "sub/deep.jpg"]


@pytest.fixture
def trip(tmp_path: Path) -> Path:
    folder = shards.folder(tmp_path / "trip")
    (folder / "0-depth.png").write_bytes(b"a result of ours")
    (folder / ".hidden.jpg").write_bytes(b"hidden")
    (folder / "notes.md").write_text("no photo")
    return folder


def test_folder_with_the_folders_in_it(trip: Path) -> None:
    photos = listed(trip)
    assert names(photos) == FOLDER
    assert [content(photo) for photo in photos] == [*map(jpeg, range(3)), jpeg(100)]


def test_subfolder_that_must_not_be_read_is_listed_as_if_it_were_a_photo(
    trip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listing = LocalFileSystem.ls

    def refuse(self: LocalFileSystem, path: str, **options: bool) -> Any:
        if path.endswith("/sub"):
            raise PermissionError(13, "Permission denied", path)
        return listing(self, path, **options)

    monkeypatch.setattr(LocalFileSystem, "ls", refuse)
    assert [photo.path for photo in listed(trip)] == [*FOLDER[:3], "sub"]
    with pytest.raises(UsageError, match=r"/sub: can't be listed: .*Permission denied"):
        listed(trip / "sub")


def test_file_url_is_the_folder(trip: Path) -> None:
    assert listed(f"file://{trip}") == listed(trip)


def test_pattern(trip: Path) -> None:
    assert names(listed(trip / "*.jpg")) == FOLDER[:3]


def test_brackets_in_a_pattern_stand_for_themselves_too(tmp_path: Path) -> None:
    system = fsspec.filesystem("memory")
    for name in ("trip [1]/a.jpg", "trip 1/b.jpg", "trip 2/c.jpg"):
        path = tmp_path / name
        path.parent.mkdir()
        path.write_bytes(jpeg())
        system.pipe_file(f"/brackets/{name}", jpeg())
    both = ["trip 1/b.jpg", "trip [1]/a.jpg"]
    for place in (tmp_path, "memory://brackets"):
        assert names(listed(f"{place}/trip [1]/*.jpg")) == both
        assert names(listed(f"{place}/trip [1]")) == ["a.jpg"]
        assert names(listed(f"{place}/trip [1]/a.jpg")) == ["a.jpg"]
    system.rm("/brackets", recursive=True)


def test_pictures_named_as_results_are_counted(trip: Path, memory: str, tmp_path: Path) -> None:
    (trip / "sub" / "x-depth.png").write_bytes(b"another")
    shard = shards.tar(tmp_path / "s.tar", {"a.jpg": jpeg(), "a-depth.png": b"one"})
    result = str(trip / "0-depth.png")
    for source, counted in (
        (trip, Counted(4, 2, result)),
        (trip / "*.png", Counted(0, 1, result)),
        (memory, Counted(4, 1, "memory:///bucket/trip/0-depth.png")),
        (f"{memory}/*.png", Counted(0, 1, "memory:///bucket/trip/0-depth.png")),
        (shard, Counted(1, 1, "s/a-depth.png")),
    ):
        assert count(source_of(str(source))) == counted


@pytest.fixture
def memory(trip: Path) -> Iterator[str]:
    system = fsspec.filesystem("memory")
    for path in trip.rglob("*"):
        if path.is_file():
            system.pipe_file(f"/bucket/trip/{path.relative_to(trip)}", path.read_bytes())
    yield "memory://bucket/trip"
    system.rm("/bucket", recursive=True)


def test_object_store_is_as_the_folder(memory: str) -> None:
    photos = listed(memory)
    assert names(photos) == FOLDER
    assert [content(photo) for photo in photos] == [*map(jpeg, range(3)), jpeg(100)]
    assert names(listed(f"{memory}/*.jpg")) == FOLDER[:3]


def test_list_of_paths_and_urls(trip: Path, memory: str) -> None:
    lines = ["0.jpg", "", str(trip / "1.jpg"), f"file://{trip}/2.jpg", f"{memory}/0.jpg"]
    (trip / "all.txt").write_text("\n".join(lines))
    photos = listed(trip / "all.txt")
    assert names(photos) == [line for line in lines if line]
    assert [content(photo) for photo in photos] == [jpeg(0), jpeg(1), jpeg(2), jpeg(0)]


def test_list_by_http(trip: Path) -> None:
    class Silent(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    pytest.importorskip("aiohttp")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Silent, directory=trip)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/1.jpg"
        assert storage.LazyFile(url).read(100) == jpeg(1)[:100]
        with pytest.raises(OSError, match=r"can't be read: .*gone\.jpg"):
            storage.LazyFile(url.replace("1.jpg", "gone.jpg")).read()
        server.shutdown()


def test_tar_shards(tmp_path: Path) -> None:
    for n in range(2):
        members = {"a.jpg": jpeg(n), "a.json": b"{}", "b/c.jpg": jpeg(n + 10), ".d.jpg": b"x"}
        shards.tar(tmp_path / f"s-{n}.tar", members)
    photos = listed(tmp_path)
    assert names(photos) == ["s-0/a.jpg", "s-0/b/c.jpg", "s-1/a.jpg", "s-1/b/c.jpg"]
    assert [content(photo) for photo in photos] == [jpeg(0), jpeg(10), jpeg(1), jpeg(11)]
    assert names(listed(tmp_path / "s-1.tar")) == ["s-1/a.jpg", "s-1/b/c.jpg"]
    assert names(listed(tmp_path / "*-0.tar")) == ["s-0/a.jpg", "s-0/b/c.jpg"]


def test_cut_off_shard_is_one_error_and_the_others_are_read(tmp_path: Path) -> None:
    whole = shards.tar(tmp_path / "s-1.tar", {"a.jpg": jpeg(1)})
    (tmp_path / "s-0.tar").write_bytes(b"no tar at all" * 99)
    first, second = listed(tmp_path)
    assert "s-0.tar: a shard that can't be read" in first.error
    assert (second.path, second.url) == ("s-1/a.jpg", str(whole))


def test_parquet_of_bytes(tmp_path: Path) -> None:
    content_of = [jpeg(n) for n in range(5)]
    shards.parquet(tmp_path / "s.parquet", {"label": [0] * 5, "jpg": content_of})
    photos = listed(tmp_path)
    assert names(photos) == [f"s/{n:06d}" for n in range(5)]
    assert [content(photo) for photo in photos] == content_of
    read = [stream.read() for _, stream in streams([photos[1], photos[2], photos[4]])]
    assert read == [content_of[1], content_of[2], content_of[4]]


def test_parquet_of_the_data_sets_way(tmp_path: Path) -> None:
    rows = [{"bytes": jpeg(n), "path": None} for n in range(3)]
    shards.parquet(tmp_path / "s.parquet", {"image": rows})
    assert [content(photo) for photo in listed(tmp_path)] == [jpeg(n) for n in range(3)]


def test_parquet_of_paths(trip: Path) -> None:
    shards.parquet(trip.parent / "p.parquet", {"path": ["trip/0.jpg", str(trip / "1.jpg"), None]})
    *photos, missing = listed(trip.parent / "p.parquet")
    assert [content(photo) for photo in photos] == [jpeg(0), jpeg(1)]
    assert missing.error


def test_column_must_be_named_where_there_are_several(tmp_path: Path) -> None:
    path = shards.parquet(tmp_path / "s.parquet", {"left": [b"1"], "right": [b"2"]})
    with pytest.raises(UsageError, match="name the column"):
        listed(path)
    with pytest.raises(UsageError, match="there are left, right"):
        listed(path, "middle")
    assert content(listed(path, "right")[0]) == b"2"


def test_damaged_row_group_is_an_error_of_its_photos(tmp_path: Path) -> None:
    path = shards.parquet(tmp_path / "s.parquet", {"jpg": [jpeg(n) for n in range(4)]})
    photos = listed(path)
    data = bytearray(path.read_bytes())
    data[4:60] = bytes(56)
    path.write_bytes(data)
    with pytest.raises(OSError, match="can't be read"):
        next(streams(photos))[1].read()
    assert len(list(streams(photos))) == 4


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("nothing", "nothing found"),
        ("nothing/*.tar", "nothing found"),
        ("a.zip", r"shards \(.parquet, .tar\)"),
        ("empty", "neither photos nor shards"),
        ("nope://bucket/x", "nothing here reads nope://"),
    ],
)
def test_no_source_names_the_remedy(tmp_path: Path, source: str, sentence: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.zip").write_bytes(b"PK")
    with pytest.raises(UsageError, match=sentence):
        source_of(source if "://" in source else str(tmp_path / source))


def test_column_is_for_parquet(trip: Path) -> None:
    with pytest.raises(UsageError, match="column is for Parquet"):
        source_of(str(trip), "jpg")


def test_member_of_a_shard_is_read_no_further_than_the_limit(tmp_path: Path) -> None:
    shards.tar(tmp_path / "s.tar", {"a.jpg": jpeg()})
    (photo,) = listed(tmp_path)
    ((_, stream),) = streams([photo])
    assert stream.read(10) == jpeg()[:10]
    ((_, stream),) = streams([photo])
    with ImageFile(stream) as file:
        assert (file.width_px, file.height_px) == (40, 24)
