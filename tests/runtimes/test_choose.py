import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest

from nearfar.config import RuntimeName
from nearfar.errors import ChecksumError, InferenceError, MissingExtraError, ModelFileError
from nearfar.io.paths import cache_folder
from nearfar.models.registry import ModelRegistry
from nearfar.models.spec import ModelSpec
from nearfar.runtimes import autotune, benchmark
from nearfar.runtimes.autotune_cache import Candidate
from nearfar.runtimes.base import Runtime, Session
from nearfar.runtimes.benchmark import Timing
from tests.fakes import FakeSession, tiny_onnx
from tests.stores import bundled_store, spoil


def cache() -> Path:
    folder = cache_folder()
    assert folder is not None
    return folder


SHAPE: autotune.Shape = (1, 3, 64, 96)
ONNXRUNTIME, OPENVINO = Candidate("lite", "onnxruntime"), Candidate("lite", "openvino")
INT8, INT8_OPENVINO = Candidate("lite-int8", "onnxruntime"), Candidate("lite-int8", "openvino")
ALL = (ONNXRUNTIME, OPENVINO, INT8, INT8_OPENVINO)


class Machine:
    """Both runtimes and both networks, with times that the test decides."""

    def __init__(self, patch: pytest.MonkeyPatch, folder: Path) -> None:
        self.patch = patch
        self.store = bundled_store(folder)
        self.specs = self.store.candidates("auto", "photo")
        self.measured = 0
        self.read: list[str] = []
        self.fails: dict[str, Exception] = {}
        self.ms = dict.fromkeys(map(str, ALL), 10.0)
        self.releases = {"onnxruntime": "1", "openvino": "2"}
        patch.setattr(autotune, "OnnxSession", self._opener("onnxruntime"))
        patch.setattr(autotune, "OpenvinoSession", self._opener("openvino"))
        patch.setattr(autotune, "_release", self.releases.__getitem__)
        patch.setattr(benchmark, "interleaved", self._times)
        patch.setattr(self.store, "opened", self._opened)
        self.installed("onnxruntime", "openvino")

    def installed(self, *names: str) -> None:
        self.patch.setattr(autotune, "available", lambda: names)

    def takes(
        self, specs: tuple[ModelSpec, ...], runtime: RuntimeName = "auto", threads: int = 2
    ) -> Candidate:
        return autotune.take(self.store, specs, SHAPE, runtime=runtime, threads=threads)

    def _opener(self, runtime: str) -> Callable[..., FakeSession]:
        def opened(*_: object, **__: object) -> FakeSession:
            error = self.fails.get(f"{self.read[-1]} in {runtime}")
            if isinstance(error, ModelFileError):
                raise error
            assert error is None or isinstance(error, InferenceError)
            session = FakeSession(error=error)
            session.runtime = runtime
            return session

        return opened

    @contextmanager
    def _opened(self, name: str) -> Iterator[Path]:
        self.read.append(name)
        with ModelRegistry.opened(self.store, name) as path:
            yield path

    def _times(self, sessions: dict[str, FakeSession], *_: object, **__: object) -> object:
        self.measured += 1
        return {name: Timing(self.ms[name], self.ms[name], 3) for name in sessions}


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Machine:
    monkeypatch.setenv("NEARFAR_CACHE", str(tmp_path / "cache"))
    return Machine(monkeypatch, tmp_path)


@pytest.mark.parametrize("fast", ALL)
def test_the_fastest_is_taken_and_measured_once(machine: Machine, fast: Candidate) -> None:
    machine.ms[str(fast)] = 5
    assert machine.takes(machine.specs) == fast
    assert machine.measured == 1
    machine.read.clear()
    assert machine.takes(machine.specs) == fast
    assert machine.measured == 1
    assert machine.read == [], "what is known is known without reading a model"
    known = autotune.remembered(machine.specs, SHAPE, threads=2)
    assert known is not None
    assert {str(way): ms for way, ms in known.times_ms.items()} == machine.ms
    assert tuple(known.times_ms) == ALL


def test_a_named_model_is_that_file_in_the_faster_runtime(machine: Machine) -> None:
    machine.ms[str(OPENVINO)] = 5
    machine.ms[str(INT8)] = 1
    assert machine.takes(machine.store.candidates("lite", "photo")) == OPENVINO
    assert set(machine.read) == {"lite"}
    assert machine.takes(machine.store.candidates("lite-int8", "photo")) == INT8


def test_a_named_runtime_is_that_one_with_the_faster_network(machine: Machine) -> None:
    machine.ms[str(INT8_OPENVINO)] = 1
    assert machine.takes(machine.specs, "onnxruntime") == ONNXRUNTIME
    assert machine.takes(machine.specs, "openvino") == INT8_OPENVINO
    machine.ms[str(INT8)] = 1
    assert machine.takes(machine.specs, "onnxruntime") == ONNXRUNTIME, "it was measured before"
    assert machine.measured == 2


@pytest.mark.parametrize("runtime", ["auto", "onnxruntime"])
def test_without_openvino_int8_is_still_tried(machine: Machine, runtime: RuntimeName) -> None:
    machine.installed("onnxruntime")
    machine.ms[str(INT8)] = 5
    assert machine.takes(machine.specs, runtime) == INT8


def test_one_way_is_not_measured_and_nothing_is_written(machine: Machine) -> None:
    machine.installed("onnxruntime")
    assert machine.takes(machine.specs[:1]) == ONNXRUNTIME
    assert machine.takes(machine.specs[:1], "onnxruntime") == ONNXRUNTIME
    assert machine.takes(machine.specs, "openvino") == OPENVINO, "opening it tells what is missing"
    assert (machine.measured, machine.read) == (0, [])
    assert not cache().exists()


def test_what_changes_the_answer_is_measured_anew(machine: Machine) -> None:
    machine.takes(machine.specs)
    machine.takes(machine.specs, threads=1)
    autotune.take(machine.store, machine.specs, (1, 3, 480, 640), threads=2)
    machine.takes(machine.specs[:1])
    machine.releases["openvino"] = "3"
    machine.takes(machine.specs)
    assert machine.measured == 5


def test_another_name_for_the_same_file_has_no_answer_yet(machine: Machine) -> None:
    (lite,) = machine.store.candidates("lite", "photo")
    machine.takes((lite,))
    assert autotune.remembered((lite,), SHAPE, threads=2) is not None
    mine = replace(lite, name="mine")
    known = autotune.remembered((mine,), SHAPE, threads=2)
    assert known is None, "a way names the model that it opens"


def test_sizes_close_to_each_other_share_an_answer(machine: Machine) -> None:
    autotune.take(machine.store, machine.specs, (1, 3, 224, 288), threads=2)
    autotune.take(machine.store, machine.specs, (1, 3, 224, 320), threads=2)
    assert machine.measured == 1


@pytest.mark.parametrize("error", [ModelFileError("unknown operator"), InferenceError("unknown")])
def test_a_way_that_cannot_run_is_told_once(
    machine: Machine, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    machine.fails[str(OPENVINO)] = error
    machine.ms[str(INT8_OPENVINO)] = 5
    for _ in range(2):
        assert machine.takes(machine.specs) == INT8_OPENVINO
    assert caplog.text.count(f"does without lite in openvino, which can't run: {error}") == 1
    known = autotune.remembered(machine.specs, SHAPE, threads=2)
    assert known is not None
    assert known.times_ms[OPENVINO] is None


@pytest.mark.parametrize("error", [ModelFileError("unknown operator"), InferenceError("unknown")])
def test_a_first_way_that_cannot_run_is_an_error(machine: Machine, error: Exception) -> None:
    machine.fails[str(ONNXRUNTIME)] = error
    with pytest.raises(type(error), match="unknown"):
        machine.takes(machine.specs)
    assert autotune.remembered(machine.specs, SHAPE, threads=2) is None


def test_a_file_that_is_not_the_recorded_one_is_not_timed(machine: Machine) -> None:
    spoil(machine.store.bundled / "lite-int8.onnx")
    with pytest.raises(ChecksumError, match="lite-int8"):
        machine.takes(machine.specs)


def test_a_runtime_that_is_asked_for_is_given(machine: Machine) -> None:
    machine.read.append("lite")
    names: tuple[Runtime, ...] = ("onnxruntime", "openvino")
    for name in names:
        assert autotune.open_session(b"", name).runtime == name


def test_a_runtime_that_is_not_there_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(MissingExtraError, match=r"nearfar\[openvino\]"):
        autotune.open_session(tiny_onnx(), "openvino")


def test_for_real(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEARFAR_CACHE", str(tmp_path))
    store = bundled_store(tmp_path)
    specs = store.candidates("auto", "photo")
    way = autotune.take(store, specs, SHAPE, threads=1)
    known = autotune.remembered(specs, SHAPE, threads=1)
    assert known is not None
    assert known.taken == way
    assert tuple(known.times_ms) == autotune.ways(specs)
    assert all(known.times_ms.values())
    for name in autotune.available():
        session: Session = autotune.open_session(store.read("lite"), name)
        assert session.runtime == name
        assert session.run(np.zeros(SHAPE, np.float32)).shape == (1, 64, 96)


@pytest.mark.parametrize("runtime", autotune.available())
def test_the_installed_release_is_named(runtime: Runtime) -> None:
    assert f"{runtime}-{version(runtime)}.dist-info" in autotune._release(runtime)


def test_the_usual_shape_is_that_of_a_photo_of_four_to_three(tmp_path: Path) -> None:
    spec = bundled_store(tmp_path).spec("lite")
    assert autotune.usual_shape(spec) == (1, 3, 64, 96)
    assert autotune.usual_shape(spec, max_side_px=32) == (1, 3, 32, 32)
