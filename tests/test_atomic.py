"""A file is written whole or not at all."""

import errno
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from nearfar.errors import ImageError, OutputExistsError, WriteError
from nearfar.io.atomic import put_folder, replacing, sync_parents


def test_success_replaces(tmp_path: Path) -> None:
    target = tmp_path / "a.png"
    target.write_bytes(b"old")
    with replacing(target) as temporary:
        assert temporary.suffix == ".png"
        assert temporary.parent == tmp_path
        temporary.write_bytes(b"new")
        assert target.read_bytes() == b"old"
    assert target.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [target]


def test_failure_leaves_what_was_there(tmp_path: Path) -> None:
    target = tmp_path / "a.png"
    target.write_bytes(b"old")
    with pytest.raises(ZeroDivisionError), replacing(target) as temporary:
        temporary.write_bytes(b"half")
        _ = 1 / 0
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_existing_file_is_kept(tmp_path: Path) -> None:
    target = tmp_path / "a.png"
    target.write_bytes(b"old")
    with (
        pytest.raises(OutputExistsError, match="overwrite=True"),
        replacing(target, overwrite=False),
    ):
        pytest.fail("the block must not run")
    assert target.read_bytes() == b"old"


def test_file_that_came_meanwhile_is_kept(tmp_path: Path) -> None:
    target = tmp_path / "a.png"
    with (
        pytest.raises(OutputExistsError, match="overwrite=True"),
        replacing(target, overwrite=False) as temporary,
    ):
        temporary.write_bytes(b"mine")
        target.write_bytes(b"somebody else's")
    assert target.read_bytes() == b"somebody else's"
    assert list(tmp_path.iterdir()) == [target]


def test_missing_folder_is_told_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(WriteError, match="No such file"), replacing(tmp_path / "no" / "a.png"):
        pytest.fail("the block must not run")


def test_full_disk_is_one_line(tmp_path: Path) -> None:
    target = tmp_path / "a.png"
    with pytest.raises(WriteError, match="No space left") as caught, replacing(target):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_other_errors_of_ours_pass_through(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="as it is"), replacing(tmp_path / "a.png"):
        raise ImageError("as it is")


def test_permissions_are_the_usual_ones(tmp_path: Path) -> None:
    (tmp_path / "usual").write_bytes(b"")
    with replacing(tmp_path / "ours") as temporary:
        temporary.write_bytes(b"")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "usual").stat().st_mode


KILLED = """
import os, signal, sys
from pathlib import Path
import nearfar.io.atomic as atomic

left = int(sys.argv[2])

def die_in_time(event, _):
    global left
    if event in {"open", "os.rename", "os.link", "os.remove"} and armed:
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

armed = False
sys.addaudithook(die_in_time)
armed = True
with atomic.replacing(Path(sys.argv[1]), overwrite=sys.argv[3] == "force") as temporary:
    temporary.write_bytes(b"whole")
armed = False
"""
"""Replace a file, and be killed before the system call of this number that changes a folder."""


@pytest.mark.skipif(os.name == "nt", reason="no SIGKILL there")
@pytest.mark.parametrize("force", ["force", "keep"])
def test_kill_at_any_moment_leaves_no_name_without_its_content(tmp_path: Path, force: str) -> None:
    ended = []
    for moment in range(20):
        target = tmp_path / f"{moment}.png"
        run = subprocess.run(
            [sys.executable, "-c", KILLED, str(target), str(moment), force], check=False
        )
        ended.append(run.returncode)
        assert not target.exists() or target.read_bytes() == b"whole"
        if run.returncode == 0:
            break
    assert ended[-1] == 0
    assert ended[:-1] == [-signal.SIGKILL] * (len(ended) - 1)
    assert len(ended) > 4


def test_content_is_on_the_disk_before_its_name_and_its_name_before_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, seen = tmp_path / "a.png", []
    fsync = os.fsync

    def watched(number: int) -> None:
        fsync(number)
        is_folder = stat.S_ISDIR(os.fstat(number).st_mode)
        seen.append(("folder" if is_folder else os.fstat(number).st_size, target.exists()))

    monkeypatch.setattr(os, "fsync", watched)
    with replacing(target, overwrite=False, durable=True) as temporary:
        temporary.write_bytes(b"whole")
    assert seen == [(5, False), ("folder", True)]


@pytest.mark.skipif(os.name == "nt", reason="links are not used there")
def test_file_system_without_hard_links_is_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", none)
    target = tmp_path / "a.png"
    with replacing(target, overwrite=False) as temporary:
        temporary.write_bytes(b"mine")
    assert target.read_bytes() == b"mine"
    (other := tmp_path / "b.png").symlink_to(tmp_path / "nothing")
    with (
        pytest.raises(OutputExistsError, match="overwrite=True"),
        replacing(other, overwrite=False),
    ):
        pytest.fail("the block must not run")
    late = tmp_path / "c.png"
    with pytest.raises(OutputExistsError), replacing(late, overwrite=False) as temporary:
        late.write_bytes(b"somebody else's")
    assert late.read_bytes() == b"somebody else's"
    assert sorted(tmp_path.iterdir()) == [target, other, late]


def folder(path: Path, content: bytes) -> Path:
    path.mkdir()
    (path / "000000.png").write_bytes(content)
    return path


def test_folder_takes_the_place_of_another(tmp_path: Path) -> None:
    target = folder(tmp_path / "out", b"old")
    put_folder(folder(tmp_path / ".new", b"new"), target)
    assert [each.name for each in tmp_path.iterdir()] == ["out"]
    assert (target / "000000.png").read_bytes() == b"new"
    put_folder(folder(tmp_path / ".new", b"first"), tmp_path / "other")
    assert (tmp_path / "other" / "000000.png").read_bytes() == b"first"


def test_folder_that_cannot_be_replaced_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, made = folder(tmp_path / "out", b"old"), folder(tmp_path / ".new", b"new")
    rename = Path.rename

    def refused(self: Path, to: Path) -> Path:
        if self == made:
            raise OSError(errno.EBUSY, "Device or resource busy")
        return rename(self, to)

    monkeypatch.setattr(Path, "rename", refused)
    with pytest.raises(OSError, match="busy"):
        put_folder(made, target)
    assert (target / "000000.png").read_bytes() == b"old"
    assert (made / "000000.png").read_bytes() == b"new"
    assert sorted(each.name for each in tmp_path.iterdir()) == [".new", "out"]


def test_link_to_a_folder_is_not_replaced(tmp_path: Path) -> None:
    folder(tmp_path / "real", b"old")
    (tmp_path / "out").symlink_to(tmp_path / "real")
    with pytest.raises(NotADirectoryError):
        put_folder(folder(tmp_path / ".new", b"new"), tmp_path / "out")
    assert (tmp_path / "out" / "000000.png").read_bytes() == b"old"


def test_names_of_files_and_of_their_folders_are_brought_onto_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / "out" / "a" / "b"
    deep.mkdir(parents=True)
    synced: list[Path] = []
    monkeypatch.setattr("nearfar.io.atomic.sync_folder", synced.append)
    sync_parents([deep / "1.png", deep / "2.png", tmp_path / "out" / "3.png"], tmp_path / "out")
    assert synced == [deep, deep.parent, tmp_path / "out"]
