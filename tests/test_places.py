"""Without a home, a known user or a temporary folder, everything that needs none of them works."""

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from nearfar.errors import UsageError, WriteError
from nearfar.io import paths
from nearfar.service.app import make_app
from nearfar.service.settings import ServiceOptions

NO_HOME = """
import os, pwd, sys
os.environ.pop("HOME", None)
def unknown(uid):
    raise KeyError(f"getpwuid(): uid not found: {uid}")
pwd.getpwuid = unknown
from nearfar.cli import main
main(sys.argv[1:])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there the system tells of the home")
@pytest.mark.parametrize("command", ["estimate", "models", "doctor"])
def test_without_a_home_a_command_works_and_says_so_once(
    command: str, tmp_path: Path, examples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NEARFAR_HOME", "NEARFAR_CACHE", "XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    target = tmp_path / "map.png"
    words = {
        "estimate": ["estimate", str(examples / "pet.jpg"), "-o", str(target)],
        "models": ["models", "list"],
        "doctor": ["doctor"],
    }[command]
    ran = subprocess.run(
        [sys.executable, "-c", NO_HOME, *words],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr.count("there is no home folder") == 1
    assert "Traceback" not in ran.stderr
    assert target.exists() == (command == "estimate")


def test_a_home_that_is_named_by_a_home_that_is_not_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def nowhere(_: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "expanduser", nowhere)
    monkeypatch.setenv("NEARFAR_HOME", "~/models")
    with pytest.raises(UsageError, match="NEARFAR_HOME is ~/models, but there is no home"):
        paths.data_folder()


@pytest.fixture
def no_temporary_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system that can be read only, but for shared memory."""

    def refuse() -> str:
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_get_default_tempdir", refuse)


@pytest.mark.usefixtures("no_temporary_folder")
def test_where_no_temporary_folder_is_shared_memory_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paths, "_SHARED_MEMORY", tmp_path)
    assert paths.temporary_folder("nearfar-").parent == tmp_path
    monkeypatch.setattr(paths, "_SHARED_MEMORY", tmp_path / "none")
    with pytest.raises(WriteError, match="TMPDIR"):
        paths.temporary_folder("nearfar-")


@pytest.mark.usefixtures("no_temporary_folder")
def test_other_libraries_make_their_temporary_files_in_shared_memory_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paths, "_SHARED_MEMORY", tmp_path)
    paths.set_temporary_root()
    assert tempfile.gettempdir() == str(tmp_path)


@pytest.mark.usefixtures("no_temporary_folder")
def test_without_any_place_the_service_starts_without_the_page(
    tmp_path: Path,
    examples: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(paths, "_SHARED_MEMORY", tmp_path / "none")
    told: list[str] = []
    monkeypatch.setattr(
        "nearfar.service.app._log.warning", lambda text, *values: told.append(text % values)
    )
    options = ServiceOptions(model="nearfar-lite", runtime="onnxruntime")
    app = make_app(options)
    with TestClient(app, base_url="http://localhost") as client:
        while not app.state.starting.done():
            client.get("/healthz")
        photo = (examples / "pet.jpg").read_bytes()
        assert client.post("/v1/depth", files={"photo": photo}).content[1:4] == b"PNG"
        page = client.get("/")
        assert (page.status_code, "set TMPDIR" in page.text) == (200, True)
        assert client.post("/v1/videos", files={"clip": b"some"}).status_code == 507
    assert sum("there is no page" in each for each in told) == 1
