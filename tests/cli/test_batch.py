"""`nearfar batch`, as far as it goes without a cluster; the rest is in tests/scale."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nearfar.scale.batch import Run, Step
from nearfar.scale.run_folder import Row
from tests.cli.conftest import Run as Command


def test_missing_extra_is_one_line(
    run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    ran = run("batch", tmp_path, tmp_path / "out")
    assert ran.status == 1
    assert ran.err.splitlines()[-1] == "nearfar: ray is not installed: pip install 'nearfar[ray]'"
    assert not (tmp_path / "out").exists()


def test_source_of_nothing_is_bad_use(run: Command, tmp_path: Path) -> None:
    pytest.importorskip("ray")
    ran = run("batch", tmp_path / "nothing", tmp_path / "out", "--quiet")
    assert ran.status == 2
    assert ran.err.count("\n") == 1
    assert "nothing found" in ran.err


GOOD = Row("a.jpg", "m", "a-depth.png", 4, 3, 1.5)
ODD = replace(GOOD, warnings="no end mark")
BAD = Row("b.jpg", "m", error="b.jpg: empty")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Run]:
    """Runs that the command asked for; each does two parts."""
    runs: list[Run] = []

    def fake(run: Run) -> Iterator[Step]:
        runs.append(run)
        yield Step((GOOD,), True, None, "m")
        yield Step((ODD, BAD), False, 3, "m")
        yield Step((), True, 3, "m", 2, "x-depth.png")

    monkeypatch.setattr("nearfar.scale.batch.steps", fake)
    return runs


def test_sum_and_status(run: Command, asked: list[Run], tmp_path: Path) -> None:
    ran = run("batch", "photos", tmp_path)
    assert ran.status == 1
    assert ran.out == ""
    start, error, odd, left_out, total = ran.err.splitlines()
    assert start == "nearfar: starting Ray"
    assert error == "nearfar: b.jpg: empty"
    assert odd == "nearfar: warning: a.jpg: no end mark"
    assert left_out.startswith("nearfar: 2 pictures left out, named as results are, such as x-d")
    assert total.startswith("1 of 3 photos in ")
    assert total.endswith("1 were there already, 1 failed, named above")


def test_json_lines(run: Command, asked: list[Run], tmp_path: Path) -> None:
    ran = run("batch", "photos", tmp_path, "--json", "--quiet")
    rows = [json.loads(line) for line in ran.out.splitlines()]
    good: dict[str, Any] = {
        "path": "a.jpg",
        "model": "m",
        "depth_file": "a-depth.png",
        "width_px": 4,
        "height_px": 3,
        "ms": 1.5,
    }
    assert rows == [
        {**good, "kept": True},
        {**good, "warnings": "no end mark"},
        {"path": "b.jpg", "model": "m", "error": "b.jpg: empty"},
    ]
    assert ran.err == "nearfar: b.jpg: empty\n"


def test_options_reach_the_run(run: Command, asked: list[Run], tmp_path: Path) -> None:
    words = "--to parquet --workers 3 --part 9 --address auto --column jpg --threads 2"
    words += " -m nearfar-lite --runtime onnxruntime --input-size 320 --format exr --retry-failed"
    run("batch", "photos", tmp_path, *words.split(), "--force")
    (asked_run,) = asked
    options = asked_run.options
    assert (options.to, options.workers, options.part) == ("parquet", 3, 9)
    assert (options.address, options.column, asked_run.threads) == ("auto", "jpg", 2)
    assert (asked_run.estimating.input_size_px, asked_run.writing.format) == (320, "exr")
    assert (asked_run.force, asked_run.again) == (True, True)


def test_interruption_says_how_to_go_on(
    run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(_: Run) -> Iterator[Step]:
        yield Step((GOOD,), False, None, "m")
        raise KeyboardInterrupt

    monkeypatch.setattr("nearfar.scale.batch.steps", stopped)
    ran = run("batch", "photos", tmp_path, "--quiet")
    assert ran.status == 130
    assert "the same command continues from here" in ran.err
