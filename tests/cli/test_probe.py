"""`nearfar probe`: reading depth at points."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run


def rows(out: str) -> list[dict[str, float]]:
    return [json.loads(line) for line in out.splitlines()]


def test_nearness_and_rank(run: Run, examples: Path) -> None:
    near, far = rows(run("probe", examples / "landscape.jpg", "300,900", "900,40", "--json").out)
    assert near["nearness"] > far["nearness"]
    assert near["nearer_than_percent"] > 80 > far["nearer_than_percent"]
    assert "metres" not in near


def test_two_distances_give_metres(run: Run, examples: Path) -> None:
    ran = run(
        "probe", examples / "landscape.jpg", "300,900=150cm", "300,600=5m", "300,700", "--json"
    )
    first, second, between = rows(ran.out)
    assert first["metres"] == pytest.approx(1.5, rel=0.1)
    assert second["metres"] == pytest.approx(5, rel=0.1)
    assert first["metres"] < between["metres"] < second["metres"]


def test_sentence(run: Run, examples: Path) -> None:
    ran = run("probe", examples / "landscape.jpg", "300,900=1.5", "300,600=5")
    assert ran.status == 0
    assert "nearer than" in ran.out
    assert " 1.50 m" in ran.out


@pytest.mark.parametrize(
    ("points", "sentence"),
    [
        (["9999,1"], "outside the picture"),
        (["1,1=2m"], "two"),
        (["300,900=5m", "300,600=1m"], "near"),
    ],
)
def test_points_that_make_no_sense(
    run: Run, examples: Path, points: list[str], sentence: str
) -> None:
    ran = run("probe", examples / "landscape.jpg", *points)
    assert ran.status != 0
    assert ran.out == ""
    assert sentence in ran.err
    assert ran.err.count("\n") == 1
