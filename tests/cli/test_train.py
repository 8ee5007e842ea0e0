"""`nearfar train`: from a folder of pairs to a model."""

import io
import sys
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from rich.progress import TimeRemainingColumn

from nearfar.cli._progress import bar
from nearfar.training.options import TrainOptions
from nearfar.training.weights import read_onnx, read_safetensors
from tests.cli.conftest import Run
from tests.training.pairsets import write_set


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    return write_set(tmp_path / "mine", 6, (64, 48)).root


def test_a_terminal_shows_losses_and_the_time_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nearfar.cli import _train_run
    from nearfar.training.trainer import Progress, Validation

    output = io.StringIO()
    console = Console(file=output, width=200, force_terminal=True)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    shown = bar("steps/s")
    monkeypatch.setattr(_train_run, "bar", lambda _: shown)
    settings = _train_run.TrainRun(
        tmp_path, [], (), "imagenet", "lite0", TrainOptions(), 4, 64, None, quiet=False
    )
    sheet = np.zeros((1, 1, 3), np.uint8)
    with settings._reporting() as report:
        for step, score in ((1, 0.5), (2, 0.25), (3, 0.75)):
            report(Progress(step, 8, 1 / step, 12.5, 60.0, Validation(score, {}, sheet)))
        console.print(shown.get_renderable())
    text = output.getvalue()
    assert "3/8" in text
    assert "loss 0.333, 12.5 pictures/s, validation 0.750, best 0.250" in text
    assert any(isinstance(column, TimeRemainingColumn) for column in shown.columns)


@pytest.mark.slow
def test_trained_network_is_a_model_at_once(
    run: Run, pairs: Path, tmp_path: Path, examples: Path
) -> None:
    tokens = (
        "train", f"{pairs}=2", "--out", "mine-lite", "--init", "imagenet", "--val", pairs,
        "--runs", tmp_path / "runs", "--epochs", 1, "--batch", 4, "--short-side", 48,
        "--network", "lite0",
    )  # fmt: skip
    ran = run(*tokens)
    assert ran.status == 0, ran.err
    folder = tmp_path / "runs" / "mine-lite"
    names = {path.name for path in folder.iterdir()}
    assert {"network.onnx", "network.safetensors", "card.md", "curves.png", "snapshot.pt"} <= names
    card = (folder / "card.md").read_text("utf-8")
    assert "SHA-256" in card
    assert "mine: 6 pictures" in card
    assert "mine/bad_pixel" in card
    target = tmp_path / "cat.npy"
    assert run("estimate", examples / "pet.jpg", "-m", "mine-lite", "-o", target).status == 0
    assert run(*tokens).status == 1  # the name is taken
    again = run(*tokens, "--resume", "--force")
    assert again.status == 0
    fine = run(
        "train", pairs, "--out", "finer", "--init", folder / "network.onnx",
        "--runs", tmp_path / "runs", "--epochs", 0.5, "--short-side", 48, "--freeze-stages", 4,
        "--val", pairs, "--blend",
    )  # fmt: skip
    assert fine.status == 0, fine.err
    assert "45% trained weights, the rest initial ones: " in fine.err
    onnx = read_onnx(tmp_path / "runs" / "finer" / "network.onnx")
    tensors = read_safetensors(tmp_path / "runs" / "finer" / "network.safetensors")
    assert onnx[1] == tensors[1]
    assert onnx[0].keys() == {it for it in tensors[0] if not it.endswith("num_batches_tracked")}


def test_bad_pairs_are_named_and_left_out(run: Run, pairs: Path, tmp_path: Path) -> None:
    (pairs / "depth" / "000.png").write_bytes(b"no depth")
    (pairs / "depth" / "001.png").unlink()
    ran = run(
        "train", pairs, "--out", "mine", "--runs", tmp_path / "runs", "--epochs", 0.1,
        "--short-side", 48, "--network", "lite0",
    )  # fmt: skip
    assert ran.status == 0, ran.err
    assert "left out: " in ran.err
    assert "000.png" in ran.err
    assert "001.png: no depth file" in ran.err


@pytest.mark.parametrize(
    ("tokens", "sentence"),
    [
        (("--out", "Not A Name"), "can't be a model's name"),
        (("--out", "nearfar-lite"), "already"),
        (("--out", "x", "--init", "none.pt"), "none.pt"),
        (("--out", "x", "--init", "midas-small"), "midas-small can't be trained further"),
        (("--out", "x", "--epochs", "0"), "epochs must be more than 0"),
        (("--out", "x", "--epochs", "0.1", "--short-side", "48", "--blend"), "add --val"),
    ],
)
def test_bad_use_is_one_line(
    run: Run, pairs: Path, tmp_path: Path, tokens: tuple[str, ...], sentence: str
) -> None:
    ran = run("train", pairs, "--runs", tmp_path / "runs", "--quiet", *tokens)
    assert ran.status != 0
    assert sentence in ran.err
    assert ran.err.count("\n") == 1


def test_folder_without_pairs_is_told(run: Run, tmp_path: Path) -> None:
    ran = run("train", tmp_path, "--out", "x", "--runs", tmp_path / "runs")
    assert ran.status == 1
    assert "dataset.toml" in ran.err
    assert run("train", f"{tmp_path}=many", "--out", "x").status == 2
