import json
import logging
import sys
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from nearfar.choices import RuntimeName
from nearfar.errors import MissingExtraError, ModelFileError
from nearfar.runtimes import cache, choose, measure
from nearfar.runtimes.measure import Timing
from nearfar.runtimes.session import Session
from tests.fakes import FakeSession, tiny_onnx

SHA256 = "ab" * 32


class FakeOnnx(FakeSession):
    runtime = "onnxruntime"
    ms: ClassVar[float] = 10.0


class FakeOpenvino(FakeSession):
    runtime = "openvino"
    ms: ClassVar[float] = 10.0
    fails: ClassVar[bool] = False

    def __init__(self) -> None:
        super().__init__()
        if self.fails:
            raise ModelFileError("an operator that is not known")


class Machine:
    """Both runtimes, with times that the test decides."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.measured = 0
        self.patch = patch
        patch.setattr(choose, "OnnxSession", lambda _, **__: FakeOnnx())
        patch.setattr(choose, "OpenvinoSession", lambda _, **__: FakeOpenvino())
        patch.setattr(measure, "interleaved", lambda sessions, *_, **__: self._times(sessions))
        self.installed("onnxruntime", "openvino")
        self.versions = {"onnxruntime": "1", "openvino": "2"}
        patch.setattr("importlib.metadata.version", lambda name: self.versions[name])

    def installed(self, *names: str) -> None:
        self.patch.setattr(choose, "available", lambda: names)

    def takes(self, *, onnxruntime_ms: float, openvino_ms: float) -> None:
        self.patch.setattr(FakeOnnx, "ms", onnxruntime_ms)
        self.patch.setattr(FakeOpenvino, "ms", openvino_ms)

    def _times(self, sessions: dict[str, FakeOnnx | FakeOpenvino]) -> dict[str, Timing]:
        self.measured += 1
        return {name: Timing(session.ms, session.ms, 3) for name, session in sessions.items()}


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Machine:
    monkeypatch.setenv("NEARFAR_CACHE", str(tmp_path / "cache"))
    return Machine(monkeypatch)


def opened(threads: int | None = 2, shape: choose.Shape = choose.SAMPLE_SHAPE) -> Session:
    return choose.open_session(b"", SHA256, threads=threads, sample_shape=shape)


@pytest.mark.parametrize(
    ("openvino_ms", "taken"), [(8.9, "openvino"), (9.1, "onnxruntime"), (20.0, "onnxruntime")]
)
def test_openvino_is_taken_where_it_is_a_tenth_faster(
    machine: Machine, openvino_ms: float, taken: str
) -> None:
    machine.takes(onnxruntime_ms=10, openvino_ms=openvino_ms)
    assert opened().runtime == taken
    assert opened().runtime == taken
    assert machine.measured == 1
    choice = choose.remembered(SHA256, threads=2)
    assert choice is not None
    assert (choice.onnxruntime_ms, choice.openvino_ms) == (10, openvino_ms)


def test_without_openvino_nothing_is_measured_or_written(machine: Machine) -> None:
    machine.installed("onnxruntime")
    assert opened().runtime == "onnxruntime"
    assert machine.measured == 0
    assert not cache.folder().exists()


def test_what_changes_the_answer_is_measured_anew(machine: Machine) -> None:
    opened()
    opened(threads=1)
    opened(shape=(1, 3, 480, 640))
    choose.open_session(b"", "cd" * 32, threads=2)
    machine.versions["openvino"] = "3"
    opened()
    assert machine.measured == 5


def test_sizes_close_to_each_other_share_an_answer(machine: Machine) -> None:
    opened(shape=(1, 3, 224, 288))
    opened(shape=(1, 3, 224, 320))
    assert machine.measured == 1


def test_a_model_that_openvino_cannot_run_is_told_once(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(FakeOpenvino, "fails", True)
    for _ in range(2):
        assert opened().runtime == "onnxruntime"
    assert caplog.text.count("an operator that is not known") == 1
    choice = choose.remembered(SHA256, threads=2)
    assert choice is not None
    assert choice.openvino_ms is None


@pytest.mark.parametrize("content", ["", "{", "[]", '{"a": 1}', '{"a": {"runtime": "x"}}', "\x00"])
def test_a_damaged_memory_is_told_and_made_anew(
    machine: Machine, caplog: pytest.LogCaptureFixture, content: str
) -> None:
    cache.folder().mkdir()
    (cache.folder() / "runtimes.json").write_text(content)
    machine.takes(onnxruntime_ms=10, openvino_ms=5)
    with caplog.at_level(logging.WARNING):
        assert opened().runtime == "openvino"
    assert "can't be read" in caplog.text
    assert opened().runtime == "openvino"
    assert machine.measured == 1


def test_a_memory_that_cannot_be_written_is_told(
    machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    cache.folder().touch()  # a file where the folder should be
    assert opened().runtime == "onnxruntime"
    assert "not remembered" in caplog.text


def test_the_memory_does_not_grow_for_ever(machine: Machine) -> None:
    for number in range(70):
        choose.open_session(b"", f"{number:064x}", threads=2)
    content = json.loads((cache.folder() / "runtimes.json").read_text())
    assert len(content) == 64
    assert f"{69:064x}" in list(content)[-1]


def test_a_runtime_that_is_asked_for_is_given(machine: Machine) -> None:
    machine.takes(onnxruntime_ms=10, openvino_ms=5)
    for name in ("onnxruntime", "openvino"):
        assert choose.open_session(b"", SHA256, runtime=name).runtime == name
    assert machine.measured == 0


@pytest.mark.parametrize("name", ["openvino", "torch"])
def test_a_runtime_that_is_not_there_names_its_extra(
    name: RuntimeName, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtraError, match=rf"nearfar\[{name}\]"):
        choose.open_session(tiny_onnx(), SHA256, runtime=name)


def test_for_real(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEARFAR_CACHE", str(tmp_path))
    for name in choose.available():
        session = choose.open_session(tiny_onnx(), SHA256, runtime=name)
        assert session.runtime == name
    first = choose.open_session(tiny_onnx(), SHA256, sample_shape=(1, 3, 8, 8))
    known = choose.remembered(SHA256, sample_shape=(1, 3, 8, 8))
    assert first.run(np.zeros((1, 3, 8, 8), np.float32)).shape == (1, 8, 8)
    assert (known is not None) == ("openvino" in choose.available())
    assert known is None or known.runtime == first.runtime


def test_the_cache_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NEARFAR_CACHE", str(tmp_path / "here"))
    assert cache.folder() == tmp_path / "here"
    monkeypatch.delenv("NEARFAR_CACHE")
    assert cache.folder().name == "nearfar"
