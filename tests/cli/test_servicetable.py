import json
from pathlib import Path

import pytest

from nearfar.cli import _bench_service
from nearfar.cli._bench_service import Row, Setting
from nearfar.cli.bench import bench
from nearfar.errors import UsageError
from nearfar.io.images import ImageFile
from nearfar.runtimes import cpu


@pytest.fixture(autouse=True)
def private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEARFAR_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NEARFAR_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(cpu, "physical", lambda: 1)


def test_all_cores_are_used_by_every_setting() -> None:
    for count in (1, 2, 6, 16):
        tried = _bench_service.settings(count)
        assert tried[0] == Setting(count, 1), "the service's own choice comes first"
        assert len(set(tried)) == len(tried)
        assert {each.workers * each.threads for each in tried} <= {count, count // 4 * 4, 2 * count}
        assert Setting(1, count) in tried


def test_it_serves_and_marks_its_own_choice(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_bench_service, "_LONGEST_S", 0.1)
    monkeypatch.setattr(_bench_service, "_ROUNDS", 1)
    asked = {"models": ["nearfar-lite"], "runtimes": ["onnxruntime"], "size": "320x240"}
    assert bench(**asked, service=True, json_lines=True) == 0  # type: ignore[arg-type]
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {(row["model"], row["runtime"]) for row in rows} == {("nearfar-lite", "onnxruntime")}
    assert [(row["workers"], row["threads"]) for row in rows if row["default"]] == [(1, 1)]
    best = max(rows, key=lambda row: row["photos_per_s"])
    assert [row for row in rows if row["fastest"]] == [best]
    assert all(0 < row["median_ms"] <= row["p95_ms"] for row in rows)


def test_the_table_says_which_options_are_faster(capsys: pytest.CaptureFixture[str]) -> None:
    own = Row("lite", "onnxruntime", 2, 1, 10.0, 90.0, 99.0, default=True)
    better = Row("lite", "onnxruntime", 1, 2, 12.5, 80.0, 85.0, fastest=True)

    _bench_service.show([own, better], (640, 480))

    printed = capsys.readouterr().out
    assert "2 workers (the physical cores), 1 thread a run" in printed
    assert "1.25 times as fast here: nearfar serve --workers 1 --threads 2" in printed


def test_the_picture_is_a_jpeg_of_the_size_and_always_the_same() -> None:
    photo = _bench_service.sample((96, 64))

    with ImageFile(photo) as file:
        assert (file.width_px, file.height_px) == (96, 64)
    assert photo == _bench_service.sample((96, 64))
    with pytest.raises(UsageError, match="--size"):
        _bench_service.sample((20_000, 20_000))


@pytest.mark.parametrize("other", [{"runs": 3}, {"threads": 2}])
def test_what_does_not_go_together_is_refused(other: dict[str, int]) -> None:
    with pytest.raises(UsageError, match="--service tries"):
        bench(service=True, **other)  # type: ignore[arg-type]
