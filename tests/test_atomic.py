"""A file is written whole or not at all."""

import errno
from pathlib import Path

import pytest

from nearfar.atomic import replacing
from nearfar.errors import ImageError, OutputExistsError, WriteError


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
    with pytest.raises(OutputExistsError, match="--force"), replacing(target, overwrite=False):
        pytest.fail("the block must not run")
    assert target.read_bytes() == b"old"


def test_file_that_came_meanwhile_is_kept(tmp_path: Path) -> None:
    target = tmp_path / "a.png"
    with (
        pytest.raises(OutputExistsError, match="--force"),
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
