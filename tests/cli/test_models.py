"""`nearfar models`: what there is, and how it comes and goes."""

import json
from pathlib import Path

import pytest

from nearfar.cli import models
from nearfar.models.catalog import CATALOG
from nearfar.runtimes import autotune, table
from nearfar.runtimes.autotune_cache import Candidate, Cost, Measurements
from tests.cli.conftest import Run
from tests.fakes import tiny_onnx
from tests.stores import bundled_store, two_networks


def rows(run: Run) -> list[dict[str, object]]:
    return [json.loads(line) for line in run("models", "list", "--json").out.splitlines()]


def states(run: Run) -> list[str]:
    """What the list says of each model, between its size and its licence."""
    lines = run("models", "list").out.splitlines()
    return [line.partition(" MB  ")[2].rpartition("  ")[0].rstrip() for line in lines]


def test_list_has_what_ships_and_what_can_be_pulled(run: Run) -> None:
    found = rows(run)
    assert [row["name"] for row in found] == [spec.name for spec in CATALOG]
    here = {row["name"] for row in found if row["path"]}
    assert here == {spec.name for spec in CATALOG if not spec.urls}
    assert "nearfar-lite" in here
    assert "nearfar models pull midas-small" in run("models", "list").out


def test_list_marks_what_auto_takes(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEARFAR_CACHE", str(tmp_path / "cache"))
    store = bundled_store(tmp_path)
    monkeypatch.setattr(models, "ModelRegistry", lambda: store)
    undecided, decided = {"photo": None, "stream": None}, {"photo": True, "stream": True}
    neither = {"photo": False, "stream": False}
    assert states(run) == ["installed, auto for photo? and stream?"] * 2
    assert [row["auto"] for row in rows(run)] == [undecided, undecided]
    choice = Measurements(
        {
            Candidate("lite", "onnxruntime"): Cost(2.0),
            Candidate("lite-int8", "onnxruntime"): Cost(1.0),
        }
    )
    monkeypatch.setattr(autotune, "remembered", lambda *_, **__: choice)
    assert states(run) == ["installed", "installed, auto for photo and stream"]
    assert [row["auto"] for row in rows(run)] == [neither, decided]
    monkeypatch.setattr(autotune, "remembered", lambda *_, **__: None)
    (store.bundled / "lite-int8.onnx").unlink()
    monkeypatch.setattr(table, "available", lambda: ("onnxruntime",))
    assert states(run) == ["installed, auto for photo and stream", "lost: see nearfar doctor"]
    (store.bundled / "lite.onnx").unlink()
    assert states(run) == ["lost: see nearfar doctor"] * 2
    assert [row["auto"] for row in rows(run)] == [{}, {}]


def test_list_tells_the_model_of_photos_from_that_of_streams(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = two_networks(tmp_path)
    monkeypatch.setattr(models, "ModelRegistry", lambda: store)
    assert states(run) == [
        "nearfar models pull fine",
        "installed, auto for photo",
        "installed, auto for stream",
    ]


def test_show_tells_what_goes_with_a_model(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = bundled_store(tmp_path)
    monkeypatch.setattr(models, "ModelRegistry", lambda: store)
    shown = dict(line.split(maxsplit=1) for line in run("models", "show", "lite").out.splitlines())
    assert shown["int8"] == "lite-int8"
    assert shown["input.width_px"] == "64"
    assert "int8" not in run("models", "show", "lite-int8").out.replace("lite-int8", "")


def test_own_model_is_added_used_and_removed(run: Run, tmp_path: Path, examples: Path) -> None:
    file = tmp_path / "net.onnx"
    file.write_bytes(tiny_onnx())
    ran = run("models", "add", "mine", file, "--width", 64, "--height", 64, "--licence", "MIT")
    assert (ran.status, ran.err) == (0, "")
    assert "mine" in run("models", "list").out
    assert "MIT" in run("models", "show", "mine").out
    assert run("models", "verify", "mine").out.startswith("mine: right")
    target = tmp_path / "cat.npz"
    assert run("estimate", examples / "pet.jpg", "-m", "mine", "-o", target).status == 0
    assert run("models", "remove", "mine").status == 0
    assert run("models", "show", "mine").status == 2


def test_graph_that_is_no_depth_network_is_refused(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "net.onnx"
    file.write_bytes(b"\x08\x08 no graph")
    ran = run("models", "add", "mine", file)
    assert ran.status == 1
    assert ran.err.count("\n") == 1
    assert "mine" not in run("models", "list").out


def test_missing_file_is_one_line(run: Run, tmp_path: Path) -> None:
    ran = run("models", "add", "mine", tmp_path / "none.onnx")
    assert ran.status == 1
    assert "none.onnx" in ran.err
    assert ran.err.count("\n") == 1


def test_pull_offline_says_how_else(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEARFAR_OFFLINE", "1")
    ran = run("models", "pull", "midas-small")
    assert ran.status == 1
    assert "nearfar models add midas-small" in ran.err


def test_estimate_with_a_model_that_is_not_here(run: Run, examples: Path) -> None:
    ran = run("estimate", examples / "pet.jpg", "-m", "midas-small")
    assert ran.status == 1
    assert "nearfar models pull midas-small" in ran.err


def test_wrong_file_for_an_official_name_is_refused(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "model-small.onnx"
    file.write_bytes(tiny_onnx())
    ran = run("models", "add", "midas-small", file)
    assert ran.status == 1
    assert "official" in ran.err
