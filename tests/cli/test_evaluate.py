"""`nearfar evaluate`, with a tiny network."""

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from nearfar.models.registry import ModelRegistry
from nearfar.models.spec import InputSpec
from tests.cli.conftest import Run
from tests.evaluation.made import write_folder, write_photo
from tests.fakes import tiny_onnx


@pytest.fixture(autouse=True)
def models(tmp_path: Path) -> None:
    """Two networks that call bright near; one sees the photo very small."""
    file = tmp_path / "tiny.onnx"
    file.write_bytes(tiny_onnx())
    for name, width_px, height_px in (("bright", 128, 96), ("coarse", 32, 32)):
        spec = InputSpec(width_px, height_px, 32, "stretch", "area", (0.5,) * 3, (0.2,) * 3)
        ModelRegistry().add(name, file, input=spec)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "made")


def test_table(run: Run, data: Path) -> None:
    ran = run("evaluate", data, "-m", "bright", "-m", "coarse")
    assert (ran.status, ran.err) == (0, "")
    assert "midas" in ran.out
    heading, bright, coarse = (
        next(line.split() for line in ran.out.splitlines() if word in line)
        for word in ("AbsRel", "bright", "coarse")
    )
    assert {"pictures", "delta1", "delta3", "SILog"} <= set(heading)
    assert bright[:3] == ["made", "bright", "3"]
    assert coarse[:3] == ["made", "coarse", "3"]
    assert float(bright[3]) < float(coarse[3])


def test_json_lines(run: Run, data: Path) -> None:
    ran = run("evaluate", data, "-m", "bright", "-m", "coarse", "--json", "--protocol", "affine")
    rows = [json.loads(line) for line in ran.out.splitlines()]
    assert [row["model"] for row in rows] == ["bright", "coarse"]
    assert [(row["protocol"], row["pictures"], row["failed"]) for row in rows] == [
        ("affine", 3, 0)
    ] * 2
    assert rows[0]["ordinal"] < 5
    assert rows[1]["ordinal"] > rows[0]["ordinal"]
    assert "temporal" not in rows[0]


def test_csv_has_a_line_a_picture(run: Run, data: Path, tmp_path: Path) -> None:
    target = tmp_path / "a.csv"
    assert run("evaluate", data, "-m", "bright", "--csv", target, "--limit", 2).status == 0
    with target.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["picture"] for row in rows] == ["p0", "p1"]
    assert {row["dataset"] for row in rows} == {"made"}
    assert float(rows[0]["abs_rel"]) > 0
    assert rows[0]["temporal"] == ""
    ran = run("evaluate", data, "-m", "bright", "--csv", target)
    assert ran.status == 1
    assert "--force" in ran.err
    assert run("evaluate", data, "-m", "bright", "--csv", target, "--force").status == 0
    assert len(target.read_text().splitlines()) == 4


def test_sheets_of_the_best_and_the_worst(run: Run, data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "sheets"
    assert run("evaluate", data, "-m", "bright", "--sheets", folder).status == 0
    assert sorted(path.name for path in folder.iterdir()) == [
        "made-bright-best.jpg",
        "made-bright-worst.jpg",
    ]
    best, worst = (
        cv2.imread(str(folder / f"made-bright-{kind}.jpg")) for kind in ("best", "worst")
    )
    assert best is not None
    assert worst is not None
    assert best.shape == worst.shape
    assert np.abs(best.astype(int) - worst).max() > 50


def test_clip_and_cap(run: Run, data: Path) -> None:
    row = json.loads(run("evaluate", data, "-m", "bright", "--clip", "--json").out)
    assert 0 < row["temporal"] < 1
    capped = json.loads(run("evaluate", data, "-m", "bright", "--cap-m", 2, "--json").out)
    assert capped["bad_pixel"] > row["bad_pixel"]


def test_two_sets_of_one_name_are_told_apart(run: Run, tmp_path: Path) -> None:
    sets = [write_folder(tmp_path / parent / "val", 1) for parent in ("a", "b")]
    out = run("evaluate", *sets, "-m", "bright", "--json").out
    assert [json.loads(line)["dataset"] for line in out.splitlines()] == ["a/val", "b/val"]


def test_bad_pictures_are_named_and_the_rest_is_measured(run: Run, data: Path) -> None:
    (data / "depth" / "p1.png").write_bytes(b"no depth")
    write_photo(data / "rgb" / "alone.png")
    ran = run("evaluate", data, "-m", "bright", "--json")
    assert ran.status == 1
    assert "p1.png" in ran.err
    assert "alone.png" in ran.err
    row = json.loads(ran.out)
    assert (row["pictures"], row["failed"]) == (2, 2)


@pytest.mark.parametrize(
    ("options", "status", "word"),
    [
        (("--limit", "0"), 2, "--limit"),
        (("--cap-m", "-1"), 2, "--cap-m"),
        (("--protocol", "both"), 2, "protocol"),
        (("-m", "nobody"), 2, "nobody"),
        (("--reader", "diw"), 1, "DIW_test.csv"),
    ],
)
def test_bad_use_is_one_line(
    run: Run, data: Path, options: tuple[str, ...], status: int, word: str
) -> None:
    ran = run("evaluate", data, *options)
    assert ran.status == status
    assert word in ran.err
    assert ran.err.count("\n") == 1


def test_missing_data_set(run: Run, tmp_path: Path) -> None:
    assert run("evaluate", tmp_path / "none").status == 1
