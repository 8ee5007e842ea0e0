"""`nearfar models`: what there is, and how it comes and goes."""

import json
from pathlib import Path

import pytest

from nearfar.models.catalog import CATALOG
from tests.cli.conftest import Run
from tests.fakes import tiny_onnx


def test_list_marks_what_auto_takes(run: Run) -> None:
    lines = run("models", "list").out.splitlines()
    assert [line.split()[0] for line in lines if line.startswith("*")] == ["*"]
    assert next(line for line in lines if line.startswith("*")).split()[1] == "nearfar-lite"
    assert any("nearfar models pull midas-small" in line for line in lines)


def test_list_as_json(run: Run) -> None:
    rows = [json.loads(line) for line in run("models", "list", "--json").out.splitlines()]
    assert [row["name"] for row in rows] == [spec.name for spec in CATALOG]
    assert [row["name"] for row in rows if row["path"]] == ["nearfar-lite"]


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
