import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest

from nearfar.errors import (
    ChecksumError,
    DeviceError,
    InferenceError,
    MissingExtraError,
    ModelFileError,
    UsageError,
)
from nearfar.io.paths import cache_folder
from nearfar.models.registry import ModelRegistry
from nearfar.models.spec import ModelSpec
from nearfar.runtimes import autotune, benchmark, table
from nearfar.runtimes.autotune import MANY_PHOTOS
from nearfar.runtimes.autotune_cache import Candidate, Cost
from nearfar.runtimes.base import Session, label
from nearfar.runtimes.benchmark import Timing
from nearfar.runtimes.table import DeviceName, Runtime, RuntimeName, RuntimeRow
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
CUDA, INT8_CUDA = (each._replace(device="cuda") for each in (ONNXRUNTIME, INT8))


class Machine:
    """Both runtimes and both networks, with times and devices that the test decides."""

    def __init__(self, patch: pytest.MonkeyPatch, folder: Path) -> None:
        self.patch = patch
        self.store = bundled_store(folder)
        self.specs = self.store.candidates("auto", "photo")
        self.measured = 0
        self.cold_starts = 0
        self.read: list[str] = []
        self.opened: list[tuple[str, str]] = []
        self.offered: dict[str, tuple[str, ...]] = {"onnxruntime": ("cpu",), "openvino": ("cpu",)}
        self.fails: dict[str, Exception] = {}
        self.ms = dict.fromkeys(map(str, (*ALL, CUDA, INT8_CUDA)), 10.0)
        self.first_ms = dict.fromkeys(self.ms, 300.0)
        self.releases = {"onnxruntime": "1", "openvino": "2"}
        opener = self._opener
        patch.setattr(RuntimeRow, "session_class", lambda row: opener(row.name))
        patch.setattr(RuntimeRow, "offered", lambda row: self.offered[row.name])
        patch.setattr(autotune, "_release", self.releases.__getitem__)
        patch.setattr(benchmark, "interleaved", self._times)
        patch.setattr(benchmark, "cold_start_ms", self._cold_start_ms)
        patch.setattr(self.store, "opened", self._opened)
        self.installed("onnxruntime", "openvino")

    def installed(self, *names: str) -> None:
        self.patch.setattr(table, "available", lambda: names)

    def takes(
        self,
        specs: tuple[ModelSpec, ...],
        runtime: RuntimeName = "auto",
        threads: int = 2,
        *,
        device: DeviceName = "auto",
        photos: int = MANY_PHOTOS,
    ) -> Candidate:
        return autotune.choose(
            self.store,
            specs,
            SHAPE,
            runtime=runtime,
            device=device,
            threads=threads,
            expected_photos=photos,
        )

    def known(self, specs: tuple[ModelSpec, ...]) -> dict[Candidate, Cost | None]:
        found = autotune.remembered(specs, SHAPE, threads=2, expected_photos=MANY_PHOTOS)
        return dict(found.costs) if found else {}

    def _opener(self, runtime: str) -> Callable[..., FakeSession]:
        def opened(*_: object, device: table.Device, **__: object) -> FakeSession:
            self.opened.append((runtime, device.name))
            error = self.fails.get(f"{self.read[-1]} in {label(runtime, device.name)}")
            if isinstance(error, ModelFileError | DeviceError):
                raise error
            assert error is None or isinstance(error, InferenceError)
            session = FakeSession(error=error)
            session.runtime = label(runtime, device.name)
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

    def _cold_start_ms(self, path: Path, runtime: str, device: str, *_: object) -> float:
        self.cold_starts += 1
        assert path.read_bytes()
        return self.first_ms[f"{self.read[-1]} in {label(runtime, device)}"]


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
    known = machine.known(machine.specs)
    assert known == {each: Cost(machine.ms[str(each)]) for each in ALL}
    assert tuple(known) == ALL
    assert machine.cold_starts == 0, "loading does not count for many photos"


@pytest.mark.parametrize(
    ("photos", "taken"),
    [(1, ONNXRUNTIME), (20, ONNXRUNTIME), (50, OPENVINO), (MANY_PHOTOS, OPENVINO)],
)
def test_loading_counts_for_as_many_photos_as_are_expected(
    machine: Machine, photos: int, taken: Candidate
) -> None:
    """300 + (n - 1) * 10 ms against 450 + (n - 1) * 5 ms: equal at 31 photos."""
    machine.ms[str(OPENVINO)], machine.first_ms[str(OPENVINO)] = 5, 450
    lite = machine.specs[:1]
    assert machine.takes(lite, photos=photos) == taken
    assert machine.takes(lite, photos=photos) == taken
    assert machine.measured == 1
    assert machine.cold_starts == (0 if photos == MANY_PHOTOS else 4), "twice each"


def test_one_measurement_serves_every_small_number_of_photos(machine: Machine) -> None:
    machine.ms[str(OPENVINO)], machine.first_ms[str(OPENVINO)] = 5, 450
    lite = machine.specs[:1]
    assert machine.takes(lite, photos=1) == ONNXRUNTIME
    assert machine.takes(lite, photos=50) == OPENVINO
    assert machine.measured == 1


def test_where_a_cold_start_cannot_be_timed_the_runs_decide(
    machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    def refused(*_: object) -> float:
        raise InferenceError("no process more")

    machine.patch.setattr(benchmark, "cold_start_ms", refused)
    machine.ms[str(OPENVINO)] = 5
    assert machine.takes(machine.specs, photos=1) == OPENVINO
    assert caplog.messages == ["auto ignores the time of loading: no process more"]


def test_another_device_is_taken_only_where_it_is_a_tenth_faster(machine: Machine) -> None:
    machine.offered["onnxruntime"] = ("cpu", "cuda")
    machine.ms[str(CUDA)] = 9.1
    assert machine.takes(machine.specs) == ONNXRUNTIME
    assert tuple(machine.known(machine.specs)) == (
        *(ONNXRUNTIME, OPENVINO, CUDA),
        *(INT8, INT8_OPENVINO, INT8_CUDA),
    )
    machine.releases["onnxruntime"] = "onnxruntime_gpu"
    machine.ms[str(CUDA)] = 9.0
    assert machine.takes(machine.specs) == CUDA


def test_a_device_that_does_not_start_is_done_without_in_one_line(
    machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    machine.offered["onnxruntime"] = ("cpu", "cuda")
    machine.fails[str(CUDA)] = machine.fails[str(INT8_CUDA)] = DeviceError("no driver: get one")
    for _ in range(2):
        assert machine.takes(machine.specs) == ONNXRUNTIME
    assert caplog.messages == ["auto ignores cuda: no driver: get one"]
    assert machine.known(machine.specs)[CUDA] is None


def test_a_named_device_that_does_not_start_is_an_error(machine: Machine) -> None:
    machine.fails[str(CUDA)] = DeviceError("no driver: get one")
    with pytest.raises(DeviceError, match="no driver: get one"):
        machine.takes(machine.specs, device="cuda")
    assert machine.takes(machine.specs[:1], device="cuda") == CUDA, "opening it raises"


def test_a_named_device_leaves_the_runtimes_that_have_it(machine: Machine) -> None:
    machine.offered = {"onnxruntime": ("cpu", "cuda"), "openvino": ("cpu", "intel-gpu")}
    lite = machine.specs[:1]
    assert autotune.candidates(lite, device="cpu") == (ONNXRUNTIME, OPENVINO)
    assert autotune.candidates(lite, device="cuda") == (CUDA,)
    intel = OPENVINO._replace(device="intel-gpu")
    assert autotune.candidates(lite, device="intel-gpu") == (intel,)
    assert autotune.candidates(lite) == (ONNXRUNTIME, OPENVINO, CUDA, intel)
    machine.installed("onnxruntime")
    assert autotune.candidates(lite, device="intel-gpu") == (intel,), "opening it names the extra"
    with pytest.raises(UsageError, match="openvino has no device cuda, only cpu, intel-gpu"):
        autotune.candidates(lite, "openvino", "cuda")


def test_a_chosen_device_that_fails_later_gives_way_to_the_cpu_in_one_line(
    machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    machine.read.append("lite")
    machine.fails[str(CUDA)] = DeviceError("cuda failed to start: get a driver")
    assert autotune.open_chosen(b"", CUDA, device="auto").runtime == "onnxruntime"
    assert caplog.messages == ["the CPU is used instead: cuda failed to start: get a driver"]
    assert machine.opened == [("onnxruntime", "cuda"), ("onnxruntime", "cpu")]
    with pytest.raises(DeviceError, match="cuda failed to start: get a driver"):
        autotune.open_chosen(b"", CUDA, device="cuda")
    del machine.fails[str(CUDA)]
    assert autotune.open_chosen(b"", CUDA, device="auto").runtime == "onnxruntime on cuda"


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
    autotune.choose(machine.store, machine.specs, (1, 3, 480, 640), threads=2)
    machine.takes(machine.specs, photos=1)
    machine.takes(machine.specs, device="cpu")
    machine.takes(machine.specs[:1])
    machine.releases["openvino"] = "3"
    machine.takes(machine.specs)
    assert machine.measured == 7


def test_another_name_for_the_same_file_has_no_answer_yet(machine: Machine) -> None:
    (lite,) = machine.store.candidates("lite", "photo")
    machine.takes((lite,))
    assert machine.known((lite,))
    mine = replace(lite, name="mine")
    assert machine.known((mine,)) == {}, "a candidate names the model that it opens"


def test_sizes_close_to_each_other_share_an_answer(machine: Machine) -> None:
    autotune.choose(machine.store, machine.specs, (1, 3, 224, 288), threads=2)
    autotune.choose(machine.store, machine.specs, (1, 3, 224, 320), threads=2)
    assert machine.measured == 1


@pytest.mark.parametrize("error", [ModelFileError("unknown operator"), InferenceError("unknown")])
def test_a_way_that_cannot_run_is_told_once(
    machine: Machine, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    machine.fails[str(OPENVINO)] = error
    machine.ms[str(INT8_OPENVINO)] = 5
    for _ in range(2):
        assert machine.takes(machine.specs) == INT8_OPENVINO
    assert caplog.text.count(f"ignores lite in openvino, which can't run: {error}") == 1
    assert machine.known(machine.specs)[OPENVINO] is None


@pytest.mark.parametrize("error", [ModelFileError("unknown operator"), InferenceError("unknown")])
def test_a_first_way_that_cannot_run_is_an_error(machine: Machine, error: Exception) -> None:
    machine.fails[str(ONNXRUNTIME)] = error
    with pytest.raises(type(error), match="unknown"):
        machine.takes(machine.specs)
    assert machine.known(machine.specs) == {}


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
    way = autotune.choose(store, specs, SHAPE, threads=1)
    known = autotune.remembered(specs, SHAPE, threads=1)
    assert known is not None
    assert known.fastest(1) == way
    assert tuple(known.costs) == autotune.candidates(specs)
    for cost in known.costs.values():
        assert cost is not None
        assert cost.first_ms is not None
        assert cost.first_ms > cost.run_ms > 0
    for name in table.available():
        session: Session = autotune.open_session(store.read("lite"), name)
        assert session.runtime == name
        assert session.run(np.zeros(SHAPE, np.float32)).shape == (1, 64, 96)


@pytest.mark.parametrize("runtime", table.available())
def test_the_installed_release_is_named(runtime: Runtime) -> None:
    assert f"{runtime}-{version(runtime)}.dist-info" in autotune._release(runtime)


def test_the_usual_shape_is_that_of_a_photo_of_four_to_three(tmp_path: Path) -> None:
    spec = bundled_store(tmp_path).spec("lite")
    assert autotune.usual_shape(spec) == (1, 3, 64, 96)
    assert autotune.usual_shape(spec, input_size_px=32) == (1, 3, 32, 32)
