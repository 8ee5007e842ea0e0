"""`nearfar quantize`: kept when it is worth it, and nothing left behind when it is not."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nearfar.cli import quantize as command
from nearfar.cli.quantize import Comparison, Speed
from nearfar.models.registry import ModelRegistry
from nearfar.models.spec import InputSpec, OutputSpec
from nearfar.runtimes import benchmark, table
from nearfar.runtimes.benchmark import Timing
from tests.cli.conftest import Ran, Run
from tests.training.toys import toy_onnx, toy_photos

DOOR = InputSpec(96, 64, 32, "lower_bound", "area", (0.5,) * 3, (0.25,) * 3)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for index, photo in enumerate(toy_photos(7)):
        pixels = np.clip(photo[0].transpose(1, 2, 0) * 64 + 128, 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{index}.png")
    return folder


@pytest.fixture(autouse=True)
def toy(tmp_path: Path) -> None:
    file = tmp_path / "toy.onnx"
    file.write_bytes(toy_onnx())
    output = OutputSpec("free", "linear")
    ModelRegistry().add("toy", file, input=DOOR, output=output, licence="mine", macs_per_px=50)


@pytest.fixture(autouse=True)
def timed(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """Times of this machine would differ from run to run."""
    times = {"float": 20.0, "int8": 10.0}

    def interleaved(sessions: dict[str, object], *_: object, **__: object) -> dict[str, Timing]:
        return {name: Timing(times[name.partition(" ")[0]], 0, 1) for name in sessions}

    monkeypatch.setattr(benchmark, "interleaved", interleaved)
    return times


def names() -> set[str]:
    return {spec.name for spec in ModelRegistry().specs()} - {
        row.name for row in ModelRegistry().catalog
    }


def refused(ran: Ran) -> str:
    """What was said; nothing may have stayed."""
    assert ran.status in {1, 2}
    assert ran.err.count("\n") == 1
    assert names() == {"toy"}
    assert not (ModelRegistry().home / "models" / "toy-int8").exists()
    return ran.err


def test_model_that_is_worth_it_is_entered(run: Run, photos: Path, tmp_path: Path) -> None:
    ran = run("quantize", "toy", "--calibrate", photos)
    assert (ran.status, ran.err) == (0, "")
    assert "2.00" in ran.out
    assert "4 convolutions" in ran.out
    store = ModelRegistry()
    spec = store.spec("toy-int8")
    assert (spec.input, spec.output, spec.macs_per_px) == (DOOR, OutputSpec("free", "linear"), 50)
    assert spec.licence == "mine"
    assert spec.origin.startswith("toy in int8")
    assert store.read("toy-int8") != store.read("toy")
    target = tmp_path / "depth.npy"
    for runtime in ("onnxruntime", "openvino"):
        again = run(
            "estimate", photos / "0.png", "-m", "toy-int8", "--runtime", runtime, "-o", target,
            "--force",
        )  # fmt: skip
        assert again.status == 0


def test_json_tells_everything(run: Run, photos: Path) -> None:
    ran = run("quantize", "toy", "--calibrate", photos, "--name", "small", "--json")
    (row,) = map(json.loads, ran.out.splitlines())
    assert (row["model"], row["name"], row["kept"], row["refused"]) == ("toy", "small", True, None)
    assert [speed["runtime"] for speed in row["speeds"]] == list(table.available())
    assert {speed["speedup"] for speed in row["speeds"]} == {2}
    assert row["bad_pixel"] is None
    assert row["disagreement"] < 0.05
    assert row["kept_float"] == []
    assert names() == {"toy", "small"}


def test_slower_in_every_runtime_is_refused(
    run: Run, photos: Path, timed: dict[str, float]
) -> None:
    timed["int8"] = 25
    assert "slower in every runtime (0.80" in refused(run("quantize", "toy", "--calibrate", photos))


def test_worse_than_the_bound_is_refused(
    run: Run, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "_bad_pixels", lambda *_: (10.0, 10.6))
    options = ("quantize", "toy", "--calibrate", photos, "--validate", photos)
    assert "10.60 % bad pixels, not 10.00 %" in refused(run(*options))
    assert run(*options, "--bound", "0.7").status == 0


def test_all_in_float_is_refused(run: Run, photos: Path) -> None:
    said = refused(run("quantize", "toy", "--calibrate", photos, "--disagreement", "0"))
    assert "no layer could be int8" in said


def test_truth_is_measured_before_and_after(run: Run, photos: Path, tmp_path: Path) -> None:
    rooms = tmp_path / "rooms"
    (rooms / "depth").mkdir(parents=True)
    photos.rename(rooms / "rgb")
    (rooms / "dataset.toml").write_text('kind = "depth"\n')
    ramp = np.linspace(1000, 4000, 96, dtype=np.uint16)
    for photo in (rooms / "rgb").iterdir():
        Image.fromarray(np.tile(ramp, (64, 1))).save(rooms / "depth" / photo.name)
    ran = run(
        "quantize", "toy", "--calibrate", rooms / "rgb", "--validate", rooms, "--bound", 5, "--json"
    )
    before, after = json.loads(ran.out)["bad_pixel"]
    assert 10 < before < 90
    assert after == pytest.approx(before, abs=5)


def test_bad_photo_is_named_and_left_out(run: Run, photos: Path) -> None:
    (photos / "3.png").write_bytes(b"no picture")
    ran = run("quantize", "toy", "--calibrate", photos)
    assert ran.status == 0
    assert ran.err.count("\n") == 1
    assert "3.png" in ran.err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--calibrate", "nowhere"), "nowhere"),
        (("--name", "auto"), "auto"),
        (("--name", "midas-small"), "midas-small"),
        (("--name", "toy"), "--force"),
        (("--samples", "1"), "--samples"),
        (("--bound", "-1"), "--bound"),
    ],
)
def test_bad_use_is_told_before_any_work(
    run: Run, photos: Path, options: tuple[str, str], said: str
) -> None:
    given = dict([("--calibrate", str(photos)), options])
    assert said in refused(run("quantize", "toy", *(word for it in given.items() for word in it)))


def test_empty_folder_is_told(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "0 photos" in refused(run("quantize", "toy", "--calibrate", tmp_path / "empty"))


def test_one_runtime_that_gains_is_enough() -> None:
    speeds = (Speed("onnxruntime", 10, 11), Speed("openvino", 10, 9))
    found = Comparison("a", "b", (2, 1), 0.01, None, speeds, "extremes", 3, ())
    assert found.judged(0.5, 0.05).refused is None
    assert "0.010" in (found.judged(0.5, 0.005).refused or "")
