import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from nearfar.errors import (
    ChecksumError,
    ModelError,
    ModelFileError,
    ModelMissingError,
    OutputExistsError,
    UsageError,
    WriteError,
)
from nearfar.models import user_models
from nearfar.models.registry import ModelRegistry
from nearfar.models.spec import ModelSpec, OutputSpec
from tests.models.helpers import INPUT, add, digest, names, onnx_bytes

OUTPUT = OutputSpec("free", "linear")


def test_add_keeps_file_and_specification(store: ModelRegistry, file: Path) -> None:
    spec = add(store, "mine", file, output=OUTPUT, licence="CC0", origin="me", macs_per_px=12.5)
    content = file.read_bytes()
    file.unlink()
    assert spec == ModelSpec(
        name="mine",
        file=f"mine-{digest(content)[:8]}.onnx",
        sha256=digest(content),
        size_bytes=len(content),
        licence="CC0",
        origin="me",
        urls=(),
        input=INPUT,
        output=OUTPUT,
        macs_per_px=12.5,
    )
    again = ModelRegistry(store.home, catalog=store.catalog, bundled=store.bundled)
    assert again.spec("mine") == spec
    assert again.read("mine") == content
    assert again.pull("mine") == again.verify("mine") == again.path("mine")
    assert names(store.home / "models" / "mine") == [spec.file, user_models.RECORD]


def test_a_record_of_an_earlier_nearfar_is_read(store: ModelRegistry, file: Path) -> None:
    spec = add(store, "mine", file)
    record = store.home / "models" / "mine" / user_models.RECORD
    said = json.loads(record.read_text())
    del said["int8"]
    record.write_text(json.dumps(said | {"checkpoint": None}))
    assert store.spec("mine") == spec


def test_add_replaces_only_when_told(store: ModelRegistry, file: Path) -> None:
    add(store, "mine", file)
    other = file.with_name("other.onnx")
    other.write_bytes(onnx_bytes(b"second"))
    with pytest.raises(OutputExistsError, match="overwrite=True"):
        add(store, "mine", other)
    assert store.read("mine") == file.read_bytes()
    spec = add(store, "mine", other, overwrite=True)
    assert store.read("mine") == other.read_bytes()
    assert names(store.home / "models" / "mine") == [spec.file, user_models.RECORD]


def test_an_add_that_fails_late_keeps_the_old_model(
    store: ModelRegistry, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(store, "mine", file)
    before = file.read_bytes()
    file.write_bytes(onnx_bytes(b"second"))

    class Full:
        def __init__(self, _: Any) -> None:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("pydantic.TypeAdapter", Full)
    with pytest.raises(WriteError, match="No space left"):
        add(store, "mine", file, overwrite=True)
    monkeypatch.undo()
    assert store.read("mine") == before


def test_add_names_a_file_that_is_not_there(store: ModelRegistry, tmp_path: Path) -> None:
    for path in (tmp_path / "none.onnx", tmp_path):
        with pytest.raises(ModelFileError, match="can't read"):
            add(store, "mine", path)


@pytest.mark.parametrize(
    "wrong",
    [
        {"width_px": 0},
        {"height_px": -32},
        {"multiple_of": 0},
        {"width_px": 100_000},
        {"resize": "stretch", "width_px": 250},
        {"mean": (0.0, float("nan"), 0.0)},
        {"std": (1.0, 0.0, 1.0)},
        {"std": (1.0, float("inf"), 1.0)},
    ],
)
def test_add_refuses_an_input_that_makes_no_sense(
    store: ModelRegistry, file: Path, wrong: dict[str, Any]
) -> None:
    with pytest.raises(UsageError, match="must be"):
        add(store, "mine", file, input=dataclasses.replace(INPUT, **wrong))
    assert not store.home.exists()


def test_auto_is_no_name(store: ModelRegistry, file: Path) -> None:
    with pytest.raises(UsageError, match="not auto"):
        add(store, "auto", file)


@pytest.mark.parametrize(
    "change",
    [
        {"input": None},
        {"size_bytes": "12"},
        {"name": "other"},
        {"file": "../../base/base.onnx"},
        {"file": "/etc/passwd"},
        {"sha256": "abc"},
        {"macs_per_px": -1.0},
        {"input": dataclasses.asdict(INPUT) | {"width_px": 0}},
        {"input": dataclasses.asdict(INPUT) | {"mean": [0.5, 0.5]}},
        {"input": dataclasses.asdict(INPUT) | {"resize": "crop"}},
    ],
)
def test_a_damaged_record_is_named_and_harms_no_other(
    store: ModelRegistry, file: Path, change: dict[str, Any]
) -> None:
    add(store, "good", file)
    add(store, "mine", file)
    record = store.home / "models" / "mine" / user_models.RECORD
    record.write_text(json.dumps(json.loads(record.read_text()) | change))
    _expect_damage(store, record)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"name": "mine"}'])
def test_a_record_of_other_content_is_damaged(
    store: ModelRegistry, file: Path, content: bytes
) -> None:
    add(store, "good", file)
    add(store, "mine", file)
    record = store.home / "models" / "mine" / user_models.RECORD
    record.write_bytes(content)
    _expect_damage(store, record)


def _expect_damage(store: ModelRegistry, record: Path) -> None:
    with pytest.raises(ModelError) as caught:
        store.spec("mine")
    assert f"{record} is damaged" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert store.names() == ("best", "fair", "base", "good")
    assert [spec.name for spec in store.installed()] == ["base", "good"]
    assert [str(error) for error in store.damaged()] == [str(caught.value)]
    store.remove("mine")
    assert store.damaged() == ()


def test_a_lost_file_of_ones_own_is_told(store: ModelRegistry, file: Path) -> None:
    spec = add(store, "mine", file)
    (store.home / "models" / "mine" / spec.file).unlink()
    for look in (store.read, store.pull):
        with pytest.raises(ModelMissingError, match="nearfar models add mine FILE"):
            look("mine")


def test_a_tampered_file_of_ones_own_is_not_read(store: ModelRegistry, file: Path) -> None:
    path = store.path(add(store, "mine", file).name)
    assert path
    path.write_bytes(path.read_bytes()[::-1])
    for look in (store.read, store.verify, store.pull):
        with pytest.raises(ChecksumError, match="nearfar models add mine FILE"):
            look("mine")
