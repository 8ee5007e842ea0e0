import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from nearfar.datasets import Pair
from nearfar.errors import DatasetError, WriteError
from nearfar.training.data import cache as rooms
from nearfar.training.data.cache import TrainingCache, open_caches
from nearfar.training.data.pair_file import Sample, read_entry, write_entry
from tests.training.pairsets import describe, ramp, write_pair, write_set


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the photos that were decoded."""
    names: list[str] = []
    read = Pair.read

    def counted(self: Pair) -> object:
        names.append(self.photo.stem)
        return read(self)

    monkeypatch.setattr(Pair, "read", counted)
    return names


def opened(tmp_path: Path, short_side_px: int = 320) -> TrainingCache:
    sets = [describe(tmp_path / "set")]
    return open_caches(tmp_path / "cache", sets, short_side_px=short_side_px)[0]


def files(tmp_path: Path) -> set[str]:
    return {path.name for path in (tmp_path / "cache").iterdir()}


def test_pairs_come_back_as_they_were(tmp_path: Path) -> None:
    write_set(tmp_path / "set", 2)
    cache = opened(tmp_path)
    assert len(cache) == 2
    sample = cache[1]
    np.testing.assert_array_equal(sample.inverse, ramp(48, 36, start=2))
    np.testing.assert_array_equal(sample.photo[..., 1], ramp(48, 36, start=2))
    assert sample.inverse.dtype == np.float32
    assert not sample.sparse
    assert cache.bad == ()
    assert cache.size_bytes == sum(p.stat().st_size for p in (tmp_path / "cache").iterdir())


def test_larger_pairs_are_brought_to_size(tmp_path: Path) -> None:
    truth = np.full((60, 90), 40, np.uint16)
    truth[:, :45] = 200
    write_pair(tmp_path / "set", "a", truth)
    sample = opened(tmp_path, short_side_px=20)[0]
    assert sample.inverse.shape == (20, 30)
    assert sample.photo.shape == (20, 30, 3)
    assert set(sample.inverse.flat) == {40, 200}
    np.testing.assert_array_equal(sample.inverse, sample.photo[..., 0])


def test_sparse_truth_keeps_its_points(tmp_path: Path) -> None:
    truth = np.zeros((60, 90), np.uint16)
    truth[5::12, 4::12] = np.arange(1, 41).reshape(5, 8)
    write_pair(tmp_path / "set", "a", truth)
    sample = opened(tmp_path, short_side_px=20)[0]
    assert sample.sparse
    assert sorted(sample.inverse[sample.inverse > 0]) == list(range(1, 41))


def test_rendered_sky_stays_known_and_far(tmp_path: Path) -> None:
    truth = np.ones((60, 90), np.uint16)
    truth[30:] = 65535
    write_pair(tmp_path / "set", "a", truth, photo=ramp(90, 60))
    inverse = opened(tmp_path, short_side_px=20)[0].inverse
    assert inverse[:10].min() == inverse[:10].max() == 1
    assert inverse[10:].min() == 65535


def test_metres_become_inverse_depth(tmp_path: Path) -> None:
    write_pair(tmp_path / "set", "a", np.full((4, 4), 2000, np.uint16))
    describe(tmp_path / "set", "depth")
    cache = open_caches(tmp_path / "cache", [describe(tmp_path / "set", "depth")])[0]
    np.testing.assert_allclose(cache[0].inverse, 0.5)
    assert cache.info.kind == "depth"


def test_a_second_run_decodes_nothing(tmp_path: Path, decoded: list[str]) -> None:
    write_set(tmp_path / "set", 3)
    opened(tmp_path)
    assert sorted(decoded) == ["000", "001", "002"]
    before = files(tmp_path)
    opened(tmp_path)
    assert len(decoded) == 3
    assert files(tmp_path) == before


@pytest.mark.parametrize("folder", ["rgb", "depth"])
def test_what_was_changed_is_decoded_anew(folder: str, tmp_path: Path, decoded: list[str]) -> None:
    write_set(tmp_path / "set", 3)
    opened(tmp_path)
    decoded.clear()
    status = (tmp_path / "set" / folder / "001.png").stat()
    os.utime(
        tmp_path / "set" / folder / "001.png", ns=(status.st_atime_ns, status.st_mtime_ns + 1000)
    )
    opened(tmp_path)
    assert decoded == ["001"]


def test_another_size_or_meaning_is_another_file(tmp_path: Path, decoded: list[str]) -> None:
    write_set(tmp_path / "set", 1)
    opened(tmp_path)
    opened(tmp_path, short_side_px=30)
    assert len(decoded) == 2
    open_caches(tmp_path / "cache", [describe(tmp_path / "set", "depth")])
    assert len(decoded) == 3


@pytest.mark.parametrize("damage", [b"", b"nearfar", b"x" * 4000])
def test_a_damaged_file_is_made_anew(damage: bytes, tmp_path: Path) -> None:
    write_set(tmp_path / "set", 1)
    path = opened(tmp_path).entries[0].path
    whole = path.read_bytes()
    path.write_bytes(damage)
    opened(tmp_path)
    assert path.read_bytes() == whole
    path.write_bytes(whole[:-1])
    opened(tmp_path)
    assert path.read_bytes() == whole


def test_every_bad_pair_is_named_and_left_out(tmp_path: Path) -> None:
    root = tmp_path / "set"
    write_set(root, 6)
    (root / "rgb" / "000.png").write_bytes(b"no picture")
    (root / "depth" / "001.png").write_bytes(b"no depth")
    write_pair(root, "002", np.zeros((36, 48), np.uint16))
    write_pair(root, "small", ramp(20, 10))
    (root / "depth" / "003.png").write_bytes((root / "depth" / "small.png").read_bytes())
    (root / "depth" / "small.png").unlink()
    cache = opened(tmp_path)
    assert [entry.name for entry in cache.entries] == ["004.png", "005.png"]
    assert len(cache.bad) == 5
    for name, sentence in zip(("small", "000", "001", "002", "003"), cache.bad, strict=True):
        assert name in sentence
        assert "\n" not in sentence
    assert "20 x 10" in cache.bad[-1]


def test_too_little_to_be_seen_is_bad(tmp_path: Path) -> None:
    # half of every fourth pixel: nowhere is most of a new pixel known
    truth = np.zeros((64, 64), np.uint16)
    truth[::2, ::2] = 9
    truth[0, 1] = 0
    write_set(tmp_path / "set", 1)
    write_pair(tmp_path / "set", "thin", truth, photo=ramp(64, 64))
    cache = opened(tmp_path, short_side_px=32)
    assert len(cache) == 1
    assert "thin" in cache.bad[0]
    assert "32 px" in cache.bad[0]


def test_a_set_without_a_good_pair_is_refused(tmp_path: Path) -> None:
    write_pair(tmp_path / "set", "a", np.zeros((4, 4), np.uint16))
    with pytest.raises(DatasetError, match=r"no usable pair; the first error: .*a\.png"):
        opened(tmp_path)


def test_no_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no data set"):
        open_caches(tmp_path, [])


def test_a_folder_that_refuses_is_named(tmp_path: Path) -> None:
    write_set(tmp_path / "set", 1)
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(WriteError, match="cache"):
        opened(tmp_path)


def test_a_full_disk_ends_it_and_names_no_pair_bad(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise WriteError("can't write: No space left on device")

    write_set(tmp_path / "set", 3)
    monkeypatch.setattr(rooms, "write_entry", full)
    with pytest.raises(WriteError, match="No space left"):
        opened(tmp_path)


def test_the_budget_is_filled_set_by_set(tmp_path: Path) -> None:
    sets = [write_set(tmp_path / name, count) for name, count in (("a", 2), ("b", 3), ("c", 1))]
    one = open_caches(tmp_path / "cache", sets)[2].size_bytes
    caches = open_caches(tmp_path / "cache", sets, budget_bytes=3 * one)
    assert [cache.in_memory for cache in caches] == [True, False, True]
    for cache in caches:
        assert not cache[0].photo.flags.writeable
        assert not cache[0].inverse.flags.writeable
    for path in (tmp_path / "cache").iterdir():
        path.unlink()
    np.testing.assert_array_equal(caches[0][0].inverse, ramp(48, 36, start=1))
    with pytest.raises(DatasetError, match="start again"):
        _ = caches[1][0]


def test_progress_counts_all_sets(tmp_path: Path) -> None:
    sets = [write_set(tmp_path / "a", 2), write_set(tmp_path / "b", 3)]
    told: list[tuple[int, int]] = []
    open_caches(
        tmp_path / "cache", sets, workers=2, progress=lambda done, all_: told.append((done, all_))
    )
    assert told == [(done, 5) for done in range(1, 6)]


def test_a_killed_run_leaves_nothing_wrong(tmp_path: Path, decoded: list[str]) -> None:
    write_set(tmp_path / "set", 6)
    script = """
import os, sys
from pathlib import Path
from nearfar.datasets import open_folder
from nearfar.training.data import cache, pair_file
head = pair_file._HEADER
class Dies:
    size = head.size
    unpack = head.unpack
    def pack(self, *values):
        global left
        left -= 1
        if not left:
            os._exit(9)  # in the middle of a file, as a kill would
        return head.pack(*values)
left = 4
pair_file._HEADER = Dies()
cache.open_caches(Path(sys.argv[1]), [open_folder(Path(sys.argv[2]))], workers=1)
"""
    killed = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "cache"), str(tmp_path / "set")], check=False
    )
    assert killed.returncode == 9
    cache = opened(tmp_path)
    assert sorted(decoded) == ["003", "004", "005"]  # it goes on where it stopped
    for index in range(6):
        np.testing.assert_array_equal(cache[index].inverse, ramp(48, 36, start=1 + index))


def test_a_pair_file_holds_odd_sizes(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    photo = rng.integers(0, 256, (3, 5, 3), np.uint8)
    inverse = rng.random((3, 5), np.float32)
    entry = write_entry(tmp_path / "x.pair", "x.jpg", Sample(photo, inverse, sparse=True))
    assert read_entry(tmp_path / "x.pair", "x.jpg") == entry
    sample = entry.map()
    np.testing.assert_array_equal(sample.photo, photo)
    np.testing.assert_array_equal(sample.inverse, inverse)
    assert sample.sparse
    assert read_entry(tmp_path / "y.pair", "y.jpg") is None
