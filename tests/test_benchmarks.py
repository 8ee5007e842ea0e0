import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from benchmarks import bare, decode_size, paired, photos, refine, report, result, scripts

from nearfar.io.images import ImageFile
from nearfar.models.catalog import CATALOG
from nearfar.models.preprocess import target_size

COMMITTED = sorted(result.RESULTS.glob("*.json"))

MACHINE = {"cpu": "abacus", "cores": 2, "system": "Linux", "python": "3.11", "packages": {"a": "1"}}
TINY: dict[str, object] = {
    "name": "tiny",
    "title": "A tiny question",
    "question": "Which is faster?",
    "data": "Nothing.",
    "command": "python -m benchmarks.tiny",
    "machine": MACHINE,
    "ratios": [
        {"what": "time", "value": 1.4, "bound": 1.5},
        {"what": "rate", "value": 0.8, "bound": 0.85, "at_least": True},
        {"what": "delay", "value": -12.0, "bound": 60.0, "unit": " ms"},
        {"what": "other", "value": 123.4},
    ],
    "tables": [
        {
            "title": "Times",
            "columns": ["way", "ms"],
            "rows": [["one", {"median": 2.5, "min": 1.25, "max": 1234.5, "count": 9}], ["two", 7]],
        }
    ],
    "notes": ["Mind the gap."],
}


def _page(tmp_path: Path, *contents: dict[str, object]) -> str:
    for content in contents:
        (tmp_path / f"{content['name']}.json").write_text(json.dumps(content), encoding="utf-8")
    return report.page(report.read(tmp_path))


def test_page_of_a_tiny_result(tmp_path: Path) -> None:
    page = _page(tmp_path, TINY)

    assert "| time | 1.4 | at most 1.5 | kept |" in page
    assert "| rate | 0.8 | at least 0.85 | **missed** |" in page
    assert "| delay | -12 ms | at most 60 ms | kept |" in page
    assert "| other | 123 |  |  |" in page
    assert "| one | 2.5 (1.25 to 1,234) |\n| two | 7 |\n" in page
    assert "Mind the gap." in page
    assert "Repeat it: `python -m benchmarks.tiny`" in page
    assert "abacus, 2 cores, Linux, Python 3.11; a 1." in page


def test_promises_come_first_and_link_to_their_sections(tmp_path: Path) -> None:
    page = _page(tmp_path, TINY)

    promises, section = page.index("## What is promised"), page.index("## A tiny question")
    assert promises < section
    assert "| [A tiny question](#a-tiny-question) | rate | 0.8 |" in page[promises:section]
    assert "| other |" not in page[promises:section]


def test_page_without_bounds_has_no_column_for_them(tmp_path: Path) -> None:
    page = _page(tmp_path, TINY | {"ratios": [{"what": "other", "value": 2.0}]})

    assert "What is promised" not in page
    assert "| other | 2 |\n" in page


def test_page_has_its_order_whatever_the_names(tmp_path: Path) -> None:
    contents = [
        TINY | {"name": name, "title": name} for name in ("aaa", "refine", "cold_start", "tutorial")
    ]

    page = _page(tmp_path, *contents)

    titles = re.findall(r"^## (\w+)$", page, re.MULTILINE)
    assert titles == ["cold_start", "tutorial", "refine", "aaa"]


def test_results_hold_no_infinity() -> None:
    with pytest.raises(ValueError, match="finite"):
        result.Ratio(what="nothing over nothing", value=float("inf"))


def test_every_result_is_a_benchmarks_and_what_lacks_one_is_named() -> None:
    there = {path.stem for path in COMMITTED}
    page = report.PAGE.read_text(encoding="utf-8")
    line = page.partition("not measured yet:")[2].partition("\n")[0]

    assert there <= set(scripts.NAMES)
    assert set(re.findall(r"`(\w+)`", line)) == set(scripts.NAMES) - there


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.stem)
def test_every_result_has_its_section(path: Path) -> None:
    found = result.Result.model_validate_json(path.read_text(encoding="utf-8"))

    assert found.name == path.stem
    assert found.command.startswith(f"python -m benchmarks.{path.stem}")
    assert f"\n## {found.title}\n" in report.PAGE.read_text(encoding="utf-8")
    assert not re.search(r"(?<![\w.])/\w+/", path.read_text(encoding="utf-8")), "a path"


def test_page_is_what_the_results_generate() -> None:
    generated = report.page(report.read(result.RESULTS))

    assert report.PAGE.read_text(encoding="utf-8") == generated, "run `make docs`"


def test_a_larger_process_has_a_larger_peak(tmp_path: Path) -> None:
    ballast = bytearray(200 << 20)  # this process's own size must not count
    costs = paired.commands_in_turn(
        {
            "empty": [sys.executable, "-c", ""],
            "full": [sys.executable, "-c", "held = b'x' * (50 << 20)"],
        },
        tmp_path,
        rounds=1,
        warmup=0,
    )

    (empty,), (full,) = costs["empty"], costs["full"]
    assert 45 < full.peak_mib - empty.peak_mib < 60
    assert empty.peak_mib < 50
    assert len(ballast) == 200 << 20


def test_a_failed_command_tells_why(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"status 3: no luck"):
        paired.run_command(
            [sys.executable, "-c", "import sys; print('no luck', file=sys.stderr); sys.exit(3)"],
            tmp_path,
        )


def test_calls_go_in_turn() -> None:
    log: list[str] = []
    calls = {"a": lambda: log.append("a"), "b": lambda: log.append("b")}

    times = paired.calls_in_turn(calls, rounds=2, warmup=1)

    assert "".join(log) == "baabba"
    assert {name: len(row) for name, row in times.items()} == {"a": 2, "b": 2}


def test_spread() -> None:
    assert paired.spread([3, 1, 2, 9], 10) == result.Spread(median=25, min=10, max=90, count=4)


def test_bare_script_is_fed_what_nearfar_feeds(tmp_path: Path) -> None:
    (lite,) = (row for row in CATALOG if row.name == "nearfar-lite")

    assert target_size(640, 480, lite.input) == bare.FED_PX
    assert lite.input.mean == (127 / 255,) * 3
    assert lite.input.std == (128 / 255,) * 3
    with ImageFile(photos.photo(tmp_path / "photo.jpg")) as file:
        assert (file.width_px, file.height_px) == (640, 480)


def test_photos_differ_and_are_made_again_alike(tmp_path: Path) -> None:
    first = [path.read_bytes() for path in photos.many(tmp_path / "a", 11)]
    again = [path.read_bytes() for path in photos.many(tmp_path / "b", 11)]

    assert first == again
    assert len(set(first)) == 11


def test_maps_differ_in_units_of_the_mean_deviation() -> None:
    whole = np.array([[1, 3], [5, 7]], np.float32)  # 3, 1, 1 and 3 away from 4

    assert decode_size.off(whole, whole) == 0
    assert decode_size.off(whole + np.float32(1), whole) == 0.5
    assert decode_size.off(np.full_like(whole, 4), whole) == 1


def test_score_of_the_truth_itself_is_perfect() -> None:
    truth = np.ones((40, 60))
    truth[:, 30:] = 2
    truth[:5] = 0

    estimate = (truth * 3 + 7).astype(np.float32)  # scale and shift are free

    absrel, near_edges, f1 = refine.score(estimate, truth)
    assert absrel == pytest.approx(0, abs=1e-6)
    assert near_edges == pytest.approx(0, abs=1e-6)
    assert f1 == 1


def test_edges_are_those_within_four_pixels() -> None:
    truth = np.ones((20, 40))
    truth[:, 20:] = 2

    marked = refine.edges(truth, truth > 0)

    assert np.flatnonzero(marked[10]).tolist() == list(range(16, 24))


@pytest.mark.parametrize(("shift_px", "f1"), [(0, 1), (2, 1), (3, 0)])
def test_boundary_f1_forgives_two_pixels(shift_px: int, f1: float) -> None:
    truth, estimate = np.ones((20, 40)), np.ones((20, 40))
    truth[:, 20:] = 2
    estimate[:, 20 + shift_px :] = 2

    assert refine.boundary_f1(estimate, truth, truth > 0) == f1


def test_boundary_f1_of_near_and_far_swapped_is_nothing() -> None:
    truth, estimate = np.ones((20, 40)), np.ones((20, 40))
    truth[:, 20:] = 2
    estimate[:, :20] = 2

    assert refine.boundary_f1(estimate, truth, truth > 0) == 0
