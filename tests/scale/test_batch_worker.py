"""A worker does its parts whole, once, and the same each time; without Ray."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nearfar import read_depth
from nearfar.config import EstimateOptions, ImageLimits, OutputOptions
from nearfar.errors import ScaleError
from nearfar.models.registry import ModelRegistry
from nearfar.scale import run_folder
from nearfar.scale.crash_tracker import MOST_CRASHES, Attempts
from nearfar.scale.run_folder import Layout, Row
from nearfar.scale.sources import Part, Photo, distinct, parts, source_of
from nearfar.scale.worker import KILLED, Task, Worker
from tests.scale import shards
from tests.scale.shards import jpeg

MODEL = "nearfar-lite"
Make = Callable[..., Worker]


@pytest.fixture
def worker(tmp_path: Path) -> Make:
    content = ModelRegistry().read(MODEL)

    def make(dest: Path | None = None, **changes: Any) -> Worker:
        task = Task(
            spec=ModelRegistry().spec(MODEL),
            runtime="onnxruntime",
            threads=2,
            estimating=EstimateOptions(),
            writing=OutputOptions(),
            limits=ImageLimits(),
            dest=dest or tmp_path / "out",
            maps_in_table=False,
        )
        return Worker(replace(task, **changes), content)

    return make


def part_of(source: Path, *, by_stem: bool = True) -> Part:
    (part,) = parts(distinct(source_of(str(source)).photos(), by_stem=by_stem), 100)
    return part


def trip(path: Path) -> Path:
    folder = shards.folder(path)
    (folder / "0.jpg").write_bytes(b"no picture")
    (folder / "1.webp").write_bytes(jpeg())
    return folder


def test_files_mirror_the_source(tmp_path: Path, worker: Make) -> None:
    kept, rows = worker().do(part_of(trip(tmp_path / "trip")))
    assert not kept
    bad, good, second, *others = rows
    assert f"{tmp_path}/trip/0.jpg: not an image" in str(bad.error)
    assert replace(good, ms=None) == Row("1.jpg", MODEL, "1-depth.png", 40, 24)
    assert "another photo of this run" in str(second.error)
    assert [row.depth_file for row in others] == ["2-depth.png", "sub/deep-depth.png"]
    out = tmp_path / "out"
    assert read_depth(out / "sub" / "deep-depth.png").size_px == (40, 24)
    assert pq.read_table(out / "table").num_rows == 5
    assert not list((out / "_nearfar" / "attempts").iterdir())


def test_part_is_in_the_table_only_once_its_maps_are_on_the_disk(
    tmp_path: Path, worker: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, synced = tmp_path / "out", []
    monkeypatch.setattr(
        "nearfar.io.atomic.sync_folder",
        lambda path: synced.append((path, any((out / "table").glob("part-*")))),
    )
    worker().do(part_of(trip(tmp_path / "trip")))
    assert synced == [(out / "sub", False), (out, False), (out / "table", True)]


@pytest.mark.parametrize("maps_in_table", [False, True])
def test_what_was_odd_about_a_photo_is_in_its_row(
    tmp_path: Path, worker: Make, maps_in_table: bool
) -> None:
    folder = shards.folder(tmp_path / "trip", count=2)
    (folder / "1.jpg").write_bytes(jpeg()[:-2])
    out = tmp_path / "out"
    _, (whole, odd, _) = worker(maps_in_table=maps_in_table).do(part_of(folder))
    assert whole.warnings is None
    assert "end mark" in str(odd.warnings)
    table = pq.read_table(out if maps_in_table else out / "table")
    assert table["warnings"].to_pylist()[:2] == [None, odd.warnings]


def test_part_that_is_done_is_told_again_and_not_done_again(tmp_path: Path, worker: Make) -> None:
    part = part_of(trip(tmp_path / "trip"))
    _, first = worker().do(part)
    (tmp_path / "out" / "2-depth.png").write_bytes(b"untouched")
    assert worker().do(part) == (True, first)
    assert (tmp_path / "out" / "2-depth.png").read_bytes() == b"untouched"


def test_failed_part_is_done_again_where_that_is_asked(tmp_path: Path, worker: Make) -> None:
    folder = shards.folder(tmp_path / "trip")
    (folder / "0.jpg").write_bytes(b"")
    part = part_of(folder)
    assert worker().do(part)[1][0].error
    (folder / "0.jpg").write_bytes(jpeg())
    kept, rows = worker(again=True).do(part)
    assert not kept
    assert not any(row.error for row in rows)
    assert worker(again=True).do(part)[0]


@pytest.mark.parametrize("kind", ["folder", "tar", "parquet", "list"])
def test_every_source_gives_the_same_maps_in_the_table(
    tmp_path: Path, worker: Make, kind: str
) -> None:
    folder = shards.folder(tmp_path / "trip", count=2)
    content = [jpeg(0), jpeg(1), b"no picture"]
    (folder / "2.jpg").write_bytes(content[2])
    (folder / "sub" / "deep.jpg").unlink()
    source = {
        "folder": lambda: folder,
        "tar": lambda: shards.tar(
            tmp_path / "s.tar", {f"{n}.jpg": each for n, each in enumerate(content)}
        ),
        "parquet": lambda: shards.parquet(tmp_path / "s.parquet", {"jpg": content}, 3),
        "list": lambda: tmp_path / "s.txt",
    }[kind]()
    (tmp_path / "s.txt").write_text("trip/0.jpg\ntrip/1.jpg\ntrip/2.jpg\n")
    part = part_of(source, by_stem=False)
    one, other = (worker(tmp_path / name, maps_in_table=True) for name in ("one", "other"))
    one.do(part)
    other.do(part)
    file = f"part-{part.name}.parquet"
    first, again = (pq.read_table(tmp_path / name / file) for name in ("one", "other"))
    assert first.drop_columns("ms") == again.drop_columns("ms")  # a time is a time
    rows = first.to_pylist()
    assert read_depth(rows[0]["depth"]).size_px == (40, 24)
    assert rows[0]["depth"] != rows[1]["depth"]
    assert rows[2]["depth"] is None
    assert "not an image" in rows[2]["error"]
    assert "<stream>" not in rows[2]["error"]
    worker(tmp_path / "files").do(part_of(folder))
    assert (tmp_path / "files" / "0-depth.png").read_bytes() == rows[0]["depth"]


def test_table_is_one_for_every_reader_of_folders(tmp_path: Path, worker: Make) -> None:
    part = part_of(shards.folder(tmp_path / "trip"))
    worker(maps_in_table=True).do(part)
    (tmp_path / "out" / "_nearfar").mkdir(exist_ok=True)
    (tmp_path / "out" / "_nearfar" / "run.json").write_text("{}")
    names = ["path", "model", "depth", "width_px", "height_px", "ms", "error", "warnings"]
    assert pq.read_table(tmp_path / "out").column_names == names


def test_big_maps_are_written_as_they_come(
    tmp_path: Path, worker: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_folder, "FLUSH_BYTES", 1)
    part = part_of(shards.folder(tmp_path / "trip"))
    worker(maps_in_table=True).do(part)
    file = pq.ParquetFile(tmp_path / "out" / f"part-{part.name}.parquet")
    assert file.num_row_groups == 4
    file.close()


def test_damaged_file_of_the_table_is_made_anew(tmp_path: Path, worker: Make) -> None:
    part = part_of(shards.folder(tmp_path / "trip"))
    worker().do(part)
    path = Layout(tmp_path / "out", maps_in_table=False).part(part.name)
    path.write_bytes(path.read_bytes()[:-7])
    assert not worker().do(part)[0]
    assert len(run_folder.read(path) or []) == 4


def test_name_that_is_no_utf8(tmp_path: Path, worker: Make) -> None:
    folder = tmp_path / "trip"
    folder.mkdir()
    name = b"caf\xe9.jpg".decode("utf-8", "surrogateescape")
    (folder / name).write_bytes(jpeg())
    _, (row,) = worker().do(part_of(folder))
    assert row.error is None
    assert row.path == r"caf\udce9.jpg"


def test_photo_that_kills_workers_is_found_and_left_out(
    tmp_path: Path, worker: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Death(BaseException):
        pass

    part = part_of(shards.folder(tmp_path / "trip"))
    at_work = Worker._mapped

    def deadly(self: Worker, found: Any, plan: None) -> Any:
        if found.path.name == "1.jpg":
            raise Death
        return at_work(self, found, plan)

    monkeypatch.setattr(Worker, "_mapped", deadly)
    for _ in range(MOST_CRASHES + 1):
        with pytest.raises(Death):
            worker(maps_in_table=True).do(part)
        assert not list((tmp_path / "out").glob("part-*"))
    _, rows = worker(maps_in_table=True).do(part)
    assert [row.error for row in rows] == [None, f"1.jpg: {KILLED}", None, None]
    assert Attempts(tmp_path / "out" / "_nearfar" / "attempts").begin(part.name).begun == 0


def test_worker_of_another_version_is_refused(tmp_path: Path, worker: Make) -> None:
    part = part_of(shards.folder(tmp_path / "trip"))
    with pytest.raises(ScaleError, match="install the same"):
        worker(version="0.0.1").do(part)
    assert not list((tmp_path / "out").glob("**/attempts/*"))


def test_call_takes_parts_and_tells_of_them(tmp_path: Path, worker: Make) -> None:
    part = part_of(shards.folder(tmp_path / "trip"))
    batch = pa.table({"part": [part.name], "photos": [part.packed()]})
    told = worker()(batch)
    assert told["part"] == [part.name]
    assert told["kept"] == [False]
    assert [Row(**row).path for row in json.loads(told["rows"][0])] == [
        photo.path for photo in part.photos
    ]


def test_photo_that_is_gone_is_a_row(worker: Make) -> None:
    photo = Photo("gone.jpg", "/nowhere/gone.jpg")
    _, (row,) = worker().do(Part((photo,), "p"))
    assert "/nowhere/gone.jpg: No such file" in str(row.error)
