import json
import logging
from pathlib import Path

import pytest

from nearfar.io.paths import cache_folder
from nearfar.runtimes import autotune_cache
from nearfar.runtimes.autotune_cache import Candidate, Cost, Measurements


def choices() -> Path:
    return cache() / "measurements.json"


def cache() -> Path:
    folder = cache_folder()
    assert folder is not None
    return folder


CHOICE = Measurements(
    {
        Candidate("lite", "onnxruntime"): Cost(10.0, 300.0),
        Candidate("lite-int8", "openvino", "intel-gpu"): None,
    }
)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEARFAR_CACHE", str(tmp_path / "cache"))


def test_what_is_kept_is_recalled() -> None:
    assert autotune_cache.load("a") is None
    assert not cache().exists()
    autotune_cache.store("a", CHOICE)
    other = Measurements({Candidate("lite", "openvino"): Cost(2.5)})
    autotune_cache.store("b", other)
    assert (autotune_cache.load("a"), autotune_cache.load("b")) == (CHOICE, other)
    autotune_cache.store("a", other)
    assert autotune_cache.load("a") == other


@pytest.mark.parametrize(
    "content",
    [
        *("", "{", "[]", '{"a": 1}', '{"a": {}}', '{"a": {"lite": 1}}', "\x00"),
        *('{"a": {"lite abacus cpu": [1, 2]}}', '{"a": {"lite openvino cpu": null}}'),
        *('{"a": {"lite openvino cpu": [1]}}', '{"a": {"lite openvino cpu": [null, 1]}}'),
        *('{"a": {"lite openvino cpu": ["y", 1]}}', '{"a": {"lite openvino": [1, 2]}}'),
    ],
)
def test_a_damaged_memory_is_told_and_made_anew(
    caplog: pytest.LogCaptureFixture, content: str
) -> None:
    cache().mkdir()
    choices().write_text(content)
    with caplog.at_level(logging.WARNING):
        assert autotune_cache.load("a") is None
    assert "can't be read" in caplog.text
    autotune_cache.store("a", CHOICE)
    assert autotune_cache.load("a") == CHOICE


def test_a_memory_that_cannot_be_written_is_told(caplog: pytest.LogCaptureFixture) -> None:
    cache().touch()  # a file where the folder should be
    autotune_cache.store("a", CHOICE)
    assert "be stored" in caplog.text


def test_the_memory_does_not_grow_for_ever() -> None:
    for number in range(70):
        autotune_cache.store(str(number), CHOICE)
    assert list(json.loads(choices().read_text())) == [str(number) for number in range(6, 70)]


def test_the_cache_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NEARFAR_CACHE", str(tmp_path / "here"))
    assert cache() == tmp_path / "here"
    monkeypatch.delenv("NEARFAR_CACHE")
    assert cache().name == "nearfar"
