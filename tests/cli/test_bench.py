import json
from pathlib import Path
from typing import cast

import pytest

from nearfar.cli import _bench_table
from nearfar.cli import bench as command
from nearfar.cli.bench import bench
from nearfar.errors import ChecksumError, UnknownModelError, UsageError
from nearfar.models.catalog import AUTO
from nearfar.models.registry import ModelRegistry
from nearfar.models.spec import InputSpec
from nearfar.runtimes import autotune, benchmark, table
from nearfar.runtimes.autotune_cache import Candidate
from nearfar.runtimes.benchmark import Timing
from tests.fakes import FakeSession, tiny_onnx
from tests.stores import bundled_store


@pytest.fixture(autouse=True)
def private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEARFAR_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NEARFAR_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(benchmark, "fp32_peak_gflops", lambda _: 100.0)


def add(tmp_path: Path, name: str, side_px: int | None = None) -> None:
    file = tmp_path / f"{name}.onnx"
    file.write_bytes(tiny_onnx(height_px=side_px, width_px=side_px))
    ModelRegistry().add(name, file, input=InputSpec(64, 64, 32, "stretch"))


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_every_model_in_every_runtime(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        autotune, "choose", lambda _, specs, *__, **___: autotune.candidates(specs)[0]
    )
    add(tmp_path, "mine")
    models = [spec.name for spec in ModelRegistry().installed()]
    runtimes = [
        each.runtime for each in autotune.candidates([ModelRegistry().spec("nearfar-lite")])
    ]
    assert bench(runtimes=runtimes, runs=3, size="96x64", json_lines=True) == 0
    rows = lines(capsys)
    assert {"nearfar-lite", "mine"} <= set(models)
    assert [(row["model"], row["runtime"]) for row in rows] == [
        (model, runtime) for model in models for runtime in runtimes
    ]
    assert {(row["width_px"], row["height_px"]) for row in rows if row["model"] == "mine"} == {
        (64, 64)
    }
    assert all(row["error"] is None and row["photos_per_s"] for row in rows)
    assert all(row["auto"] == (row["runtime"] == "onnxruntime") for row in rows)
    default = {
        purpose: (row["model"], row["runtime"])
        for row in rows
        for purpose in cast("list[str]", row["default"])
    }
    assert default == {
        purpose: (ModelRegistry().candidates("auto", purpose)[0].name, "onnxruntime")
        for purpose in AUTO
    }


def test_figures_by_hand(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """0.642 GMAC in 20 ms are 64.2 GFLOP/s of 100; 20 ms are twice as fast as 40 ms."""
    monkeypatch.setattr(autotune, "open_session", lambda *_, **__: FakeSession())
    monkeypatch.setattr(autotune, "choose", lambda *_, **__: Candidate("nearfar-lite", "openvino"))
    times = {"onnxruntime": Timing(40, 50, 30), "openvino": Timing(20, 25, 30)}
    monkeypatch.setattr(benchmark, "interleaved", lambda *_, **__: times)
    assert (
        bench(models=["nearfar-lite"], runtimes=["onnxruntime", "openvino"], json_lines=True) == 0
    )
    first, second = lines(capsys)
    assert second["gmac"] == pytest.approx(13_057 * 256 * 192 / 1e9)
    assert (first["of_peak"], second["of_peak"]) == pytest.approx((0.3209, 0.6418), rel=1e-3)
    assert (first["speedup"], second["speedup"]) == (1, 2)
    assert (second["median_ms"], second["p95_ms"], second["photos_per_s"]) == (20, 25, 50)
    assert (first["auto"], second["auto"]) == (False, True)
    assert first["default"] == []
    assert "stream" in cast("list[str]", second["default"])
    assert bench(models=["nearfar-lite"], runtimes=["onnxruntime", "openvino"]) == 0
    text = capsys.readouterr().out
    assert "fed 256 x 192 px, 0.64 GMAC" in text
    assert "openvino (auto)" in text
    assert "taken for many pictures when neither" in text
    assert "is named: nearfar-lite in openvino\n" in text
    assert "64%" in text
    assert "100 GFLOP/s" in text


def test_int8_may_be_the_default(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = bundled_store(tmp_path)
    monkeypatch.setattr(command, "ModelRegistry", lambda: store)
    times = {"onnxruntime": 9.0, "lite in onnxruntime": 9.0, "lite-int8 in onnxruntime": 3.0}

    def interleaved(sessions: dict[str, object], *_: object, **__: object) -> dict[str, Timing]:
        return {name: Timing(times[name], times[name], 3) for name in sessions}

    monkeypatch.setattr(benchmark, "interleaved", interleaved)
    monkeypatch.setattr(
        autotune, "_cold_start_ms", lambda _, ran, *__: {each: times[str(each)] for each in ran}
    )
    monkeypatch.setattr(table, "available", lambda: ("onnxruntime",))
    assert bench(json_lines=True) == 0
    rows = lines(capsys)
    assert [(row["model"], row["auto"], row["default"]) for row in rows] == [
        ("lite", True, []),
        ("lite-int8", True, ["photo", "stream"]),
    ]
    assert bench(models=["lite"]) == 0
    assert "is named: lite-int8 in onnxruntime\n" in capsys.readouterr().out


def test_what_is_taken_by_itself_is_no_question_for_other_models(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    add(tmp_path, "mine")
    assert bench(models=["mine"], runtimes=["onnxruntime"], runs=1) == 0
    assert "is named" not in capsys.readouterr().out
    monkeypatch.setattr(command, "ModelRegistry", lambda: ModelRegistry(catalog=()))
    assert bench(models=["mine"], runtimes=["onnxruntime"], runs=1) == 0


def test_a_model_that_fails_is_told_and_the_rest_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    add(tmp_path, "a-wrong-size", side_px=8)
    add(tmp_path, "right")
    models = ["a-wrong-size", "right"]
    assert bench(models=models, runtimes=["onnxruntime"], runs=1, json_lines=True) == 1
    wrong, right = lines(capsys)
    assert "takes 8 x 8 pixels" in str(wrong["error"])
    assert right["error"] is None
    assert bench(models=models, runtimes=["onnxruntime"], runs=1) == 1
    assert "onnxruntime: the network takes 8 x 8 pixels" in capsys.readouterr().out


def test_a_bar_shows_the_rounds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add(tmp_path, "mine")
    store = ModelRegistry()
    plan = _bench_table.Plan(store.spec("mine"), (("onnxruntime", "cpu"),), (64, 64), 2, 1, 100)
    rows = _bench_table.fill(plan, store, bar=True)
    assert rows[0].median_ms is not None
    assert rows[0].of_peak is None
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("size", ["", "640", "640x", "0x480", "640X480", "-1x5", "640x480x3"])
def test_a_size_that_is_none_is_refused(size: str) -> None:
    with pytest.raises(UsageError, match="WIDTHxHEIGHT"):
        bench(size=size)


def test_bad_use_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="--runs"):
        bench(runs=0)
    with pytest.raises(UsageError, match="threads"):
        bench(threads=0)
    with pytest.raises(UnknownModelError):
        bench(models=["none"])
    monkeypatch.setattr(command, "ModelRegistry", lambda: ModelRegistry(tmp_path, catalog=()))
    with pytest.raises(UsageError, match="no model is installed"):
        bench()


def test_a_damaged_model_is_not_run(tmp_path: Path) -> None:
    add(tmp_path, "mine")
    path = ModelRegistry().path("mine")
    assert path is not None
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[::-1])
    with pytest.raises(ChecksumError):
        bench(models=["mine"])
