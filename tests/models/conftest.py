import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from nearfar.models import download
from nearfar.models.registry import ModelRegistry
from tests.models.helpers import onnx_bytes, row
from tests.models.server import Server, serving


@pytest.fixture
def content() -> bytes:
    """Five chunks and a bit."""
    return hashlib.shake_256(b"a model").digest(5 * download.CHUNK_BYTES + 1234)


@pytest.fixture
def server(content: bytes) -> Iterator[Server]:
    with serving(content) as server:
        yield server


@pytest.fixture(autouse=True)
def plain_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of this machine reaches a test, and no test waits."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name in ("NEARFAR_HOME", "NEARFAR_MIRROR", "NEARFAR_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(download, "PAUSES_S", (0.0, 0.0, 0.0, 0.0))


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "models" / "tiny" / "model.onnx"


@pytest.fixture
def store(tmp_path: Path, server: Server) -> ModelRegistry:
    """Knows `best` and `fair`, published by `server`, and `base`, which ships."""
    bundled = tmp_path / "bundled"
    bundled.mkdir()
    (bundled / "base.onnx").write_bytes(b"base")
    catalog = (
        row("best", server.content, server.url),
        row("fair", b"fair", server.url),
        row("base", b"base"),
    )
    return ModelRegistry(
        tmp_path / "home",
        catalog=catalog,
        auto={"photo": ("best", "fair", "base"), "stream": ("base", "fair", "best")},
        bundled=bundled,
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "My Model.onnx"
    path.write_bytes(onnx_bytes(b"first"))
    return path
