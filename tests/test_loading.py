"""What `auto` loads, on a made-up catalogue."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

import nearfar
from nearfar.errors import ChecksumError, MissingExtraError, ModelMissingError, UsageError
from nearfar.models.catalog import Purpose
from nearfar.models.registry import ModelRegistry
from nearfar.runtimes import autotune, benchmark, table, telemetry
from nearfar.runtimes.autotune_cache import Candidate
from nearfar.runtimes.benchmark import Timing
from nearfar.runtimes.table import RuntimeRow
from tests.fakes import FakeSession
from tests.stores import bundled_store, spoil, two_networks

PHOTO = np.zeros((48, 64, 3), np.uint8)
SLOW_MS, FAST_MS = 10.0, 5.0


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelRegistry:
    monkeypatch.setenv("NEARFAR_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(table, "available", lambda: ("onnxruntime",))
    return bundled_store(tmp_path)


def make_fast(monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    def times(sessions: dict[str, FakeSession], *_: object, **__: object) -> dict[str, Timing]:
        ms = {name: FAST_MS if name == way else SLOW_MS for name in sessions}
        return {name: Timing(ms[name], ms[name], 3) for name in sessions}

    def cold(_: object, ran: Sequence[Candidate], *__: object) -> dict[Candidate, float]:
        return {each: FAST_MS if str(each) == way else SLOW_MS for each in ran}

    monkeypatch.setattr(benchmark, "interleaved", times)
    monkeypatch.setattr(autotune, "_cold_start_ms", cold)


@pytest.mark.parametrize("name", ["lite", "lite-int8"])
def test_auto_is_what_was_loaded(
    store: ModelRegistry, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    make_fast(monkeypatch, f"{name} in onnxruntime")
    for _ in range(2):
        estimator = nearfar.load(store=store)
        assert estimator.spec == store.spec(name)
        assert estimator(PHOTO).model == name


def test_the_purpose_says_which_network_auto_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table, "available", lambda: ("onnxruntime",))
    store = two_networks(tmp_path)
    assert nearfar.load(store=store).spec.name == "base", "one photo, unless told otherwise"
    assert nearfar.load(store=store, purpose="photo").spec.name == "base"
    assert nearfar.load(store=store, purpose="stream").spec.name == "lite"
    for purpose in get_args(Purpose):
        assert nearfar.load("lite", store=store, purpose=purpose).spec.name == "lite"
    (store.bundled / "base.onnx").unlink()
    assert nearfar.load(store=store, purpose="photo").spec.name == "lite"
    with pytest.raises(UsageError, match="purpose must be photo or stream"):
        nearfar.load(store=store, purpose="film")  # type: ignore[arg-type]


def test_a_name_is_exactly_that_model(
    store: ModelRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_fast(monkeypatch, "lite-int8 in onnxruntime")
    assert nearfar.load("lite", store=store).spec.name == "lite"
    make_fast(monkeypatch, "lite in onnxruntime")
    assert nearfar.load("lite-int8", store=store).spec.name == "lite-int8"


def test_without_its_int8_file_auto_is_the_model(store: ModelRegistry) -> None:
    (store.bundled / "lite-int8.onnx").unlink()
    assert nearfar.load(store=store).spec.name == "lite"


def test_with_its_int8_file_alone_auto_is_that(store: ModelRegistry) -> None:
    (store.bundled / "lite.onnx").unlink()
    assert nearfar.load(store=store).spec.name == "lite-int8"
    (store.bundled / "lite-int8.onnx").unlink()
    with pytest.raises(ModelMissingError):
        nearfar.load(store=store)


@pytest.mark.parametrize(("taken", "other"), [("lite", "lite-int8"), ("lite-int8", "lite")])
def test_only_what_is_loaded_is_read_and_always_verified(
    store: ModelRegistry, monkeypatch: pytest.MonkeyPatch, taken: str, other: str
) -> None:
    make_fast(monkeypatch, f"{taken} in onnxruntime")
    nearfar.load(store=store)
    spoil(store.bundled / f"{other}.onnx")
    assert nearfar.load(store=store).spec.name == taken
    spoil(store.bundled / f"{taken}.onnx")
    with pytest.raises(ChecksumError, match=f"is not {taken}:"):
        nearfar.load(store=store)


def test_openvino_is_not_imported_where_onnxruntime_is_known_to_be_faster(
    store: ModelRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table, "available", lambda: ("onnxruntime", "openvino"))
    row = table.RUNTIMES["openvino"]
    whole = RuntimeRow.session_class
    monkeypatch.setattr(
        RuntimeRow,
        "session_class",
        lambda each: (lambda *_, **__: FakeSession()) if each is row else whole(each),
    )
    monkeypatch.setattr(RuntimeRow, "offered", lambda _: ("cpu",))
    make_fast(monkeypatch, "lite-int8 in onnxruntime")
    nearfar.load(store=store)
    monkeypatch.setattr(RuntimeRow, "session_class", whole)
    monkeypatch.setattr(telemetry, "openvino", lambda: pytest.fail("openvino was imported"))
    assert nearfar.load(store=store).spec.name == "lite-int8"


def test_a_runtime_that_is_not_there_is_told(
    store: ModelRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(MissingExtraError, match=r"nearfar\[openvino\]"):
        nearfar.load(runtime="openvino", store=store)
