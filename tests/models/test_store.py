from pathlib import Path

import pytest

from nearfar.errors import (
    ChecksumError,
    ModelError,
    ModelMissingError,
    NearfarError,
    OfflineError,
    UnknownModelError,
)
from nearfar.models.catalog import CATALOG
from nearfar.models.registry import ModelRegistry, list_models
from tests.models.helpers import add, digest, names
from tests.models.server import Server


def test_the_bundled_model_verifies(tmp_path: Path) -> None:
    shipped = [spec for spec in CATALOG if not spec.urls]
    assert shipped
    store = ModelRegistry(tmp_path)
    for spec in shipped:
        assert len(store.read(spec.name)) == spec.size_bytes
        assert store.verify(spec.name) == store.path(spec.name)


def test_read_gives_the_verified_bytes(store: ModelRegistry) -> None:
    assert store.read("base") == b"base"


@pytest.mark.parametrize("content", [b"bass", b"longer than it was", b""])
def test_a_tampered_file_is_not_read(store: ModelRegistry, content: bytes) -> None:
    (store.bundled / "base.onnx").write_bytes(content)
    for look in (store.read, store.verify, store.pull):
        with pytest.raises(ChecksumError) as caught:
            look("base")
        message = str(caught.value)
        assert digest(content)[:12] in message
        assert store.spec("base").sha256[:12] in message
        assert "reinstall nearfar" in message


def test_a_tampered_file_in_the_home_can_be_pulled_again(
    store: ModelRegistry, server: Server
) -> None:
    path = store.pull("best")
    path.write_bytes(bytes(len(server.content)))
    with pytest.raises(ChecksumError, match="nearfar models pull best"):
        store.read("best")
    assert store.pull("best") == path
    assert store.read("best") == server.content


def test_a_missing_file_names_both_ways_to_get_it(store: ModelRegistry) -> None:
    for look in (store.read, store.verify):
        with pytest.raises(ModelMissingError) as caught:
            look("best")
        assert "nearfar models pull best" in str(caught.value)
        assert "nearfar models add best best.onnx" in str(caught.value)
        assert isinstance(caught.value, FileNotFoundError)


def test_a_missing_file_of_a_model_that_ships(store: ModelRegistry) -> None:
    (store.bundled / "base.onnx").unlink()
    for look in (store.read, store.pull):
        with pytest.raises(ModelMissingError, match="reinstall nearfar"):
            look("base")


def test_pull_fetches_once(store: ModelRegistry, server: Server) -> None:
    seen: list[tuple[int, int]] = []
    path = store.pull("best", progress=lambda done, total: seen.append((done, total)))
    assert path == store.home / "models" / "best" / "best.onnx"
    assert seen[-1] == (len(server.content),) * 2
    assert store.pull("best") == path
    assert len(server.requests) == 1


def test_what_is_here_is_pulled_offline(
    store: ModelRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = store.pull("best")
    monkeypatch.setenv("NEARFAR_OFFLINE", "1")
    assert store.pull("best") == path
    assert store.pull("base") == store.bundled / "base.onnx"
    with pytest.raises(OfflineError):
        store.pull("fair")


def test_an_official_file_is_as_good_as_pulled(
    store: ModelRegistry, server: Server, tmp_path: Path
) -> None:
    (tmp_path / "download").write_bytes(server.content)
    assert add(store, "best", tmp_path / "download") == store.spec("best")
    assert store.read("best") == server.content
    assert store.pull("best") == store.home / "models" / "best" / "best.onnx"
    assert server.requests == []
    assert "best" in store.names()
    assert names(store.home / "models" / "best") == ["best.onnx"]


def test_another_file_can_not_take_an_official_name(store: ModelRegistry, file: Path) -> None:
    with pytest.raises(ChecksumError, match="another name"):
        add(store, "best", file, overwrite=True)
    assert not store.home.exists()


def test_remove_takes_all_of_it(store: ModelRegistry, file: Path) -> None:
    add(store, "mine", file)
    store.remove("mine")
    assert "mine" not in store.names()
    assert names(store.home / "models" / "mine") == []
    add(store, "mine", file)
    assert store.read("mine") == file.read_bytes()


def test_remove_takes_a_pulled_model_and_its_part(store: ModelRegistry) -> None:
    path = store.pull("best")
    path.with_name("best.onnx.part").write_bytes(b"x")
    store.remove("best")
    assert names(store.home / "models" / "best") == []
    assert store.candidates("auto", "photo")[0].name == "base"


@pytest.mark.parametrize(
    ("name", "error", "why"),
    [
        ("base", ModelError, "is included in nearfar"),
        ("best", ModelMissingError, "nothing to remove"),
        ("none", UnknownModelError, "no model 'none'"),
    ],
)
def test_remove_tells_why_not(
    store: ModelRegistry, name: str, error: type[NearfarError], why: str
) -> None:
    with pytest.raises(error, match=why):
        store.remove(name)
    assert store.read("base") == b"base"


def test_list_models_is_what_the_default_store_knows(
    store: ModelRegistry, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = add(store, "mine", file)
    monkeypatch.setenv("NEARFAR_HOME", str(store.home))
    assert list_models() == (*CATALOG, mine)
