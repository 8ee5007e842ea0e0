"""Folders of a run go with it, and those of a run that was killed go with the next."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from nearfar.errors import WriteError
from nearfar.io.run_folder import clear_stale, run_folder

RUN = """
import sys, time
from nearfar.io.run_folder import run_folder
folder = run_folder("test")
(folder / "photo.jpg").write_bytes(b"private")
print(folder, flush=True)
if sys.argv[1] == "stay":
    time.sleep(60)
"""


@pytest.fixture(autouse=True)
def private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)


def begun(way: str) -> tuple["subprocess.Popen[str]", Path]:
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, way], stdout=subprocess.PIPE, text=True, env=os.environ
    )
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def test_a_folder_goes_with_its_process() -> None:
    process, folder = begun("go")
    process.communicate(timeout=60)
    assert not folder.exists()


def test_a_folder_of_a_killed_process_goes_with_the_next_run() -> None:
    process, folder = begun("stay")
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    assert (folder / "photo.jpg").exists()
    other = run_folder("other")
    assert not folder.exists()
    assert other.stat().st_mode & 0o077 == 0


def test_a_folder_in_use_stays() -> None:
    process, folder = begun("stay")
    try:
        assert clear_stale() == 0
        run_folder("other")
        assert (folder / "photo.jpg").exists()
    finally:
        process.kill()
        process.communicate(timeout=60)


def test_what_somebody_else_put_in_its_place_is_not_used(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / f"nearfar-{os.getuid()}").symlink_to(elsewhere)
    with pytest.raises(WriteError, match="TMPDIR"):
        run_folder("test")
