"""`nearfar export`: a PyTorch checkpoint becomes a model."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from nearfar.io import hashing
from nearfar.training.nets.midas_small import MidasSmall
from nearfar.training.nets.nearfar_lite import NearfarLite, load_nearfar_lite
from nearfar.training.weights import write_safetensors
from tests.cli.conftest import Run


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("export") / "Midas_Random.pt"
    torch.save(MidasSmall().state_dict(), path)
    return path


def test_exported_checkpoint_is_a_model(run: Run, checkpoint: Path, examples: Path) -> None:
    ran = run("export", checkpoint, "--force")
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.splitlines()[0] == str(checkpoint.with_suffix(".onnx"))
    row = next(
        row
        for row in map(json.loads, run("models", "list", "--json").out.splitlines())
        if row["name"] == "midas_random"
    )
    assert row["input"]["resize"] == "upper_bound"
    assert row["macs_per_px"] == pytest.approx(70_200, rel=0.01)
    target = checkpoint.with_name("cat.npy")
    ran = run("estimate", examples / "pet.jpg", "-m", "midas_random", "-o", target, "--force")
    assert ran.status == 0
    assert np.load(target).shape == (300, 451)


def test_fixed_size_is_what_is_fed(run: Run, checkpoint: Path, examples: Path) -> None:
    target = checkpoint.with_name("fixed.onnx")
    ran = run("export", checkpoint, "-o", target, "--name", "fixed", "--size", "128x96", "--force")
    assert ran.status == 0
    shown = run("models", "show", "fixed").out
    assert "stretch" in shown
    assert (
        run(
            "estimate",
            examples / "pet.jpg",
            "-m",
            "fixed",
            "-o",
            checkpoint.with_name("f.npy"),
            "--force",
        ).status
        == 0
    )


def test_a_network_of_a_run_goes_out_in_half_the_bytes(run: Run, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = NearfarLite("lite0", (8, 8, 8, 8), units=1, fine_width=4).eval()
    source, target = tmp_path / "network.safetensors", tmp_path / "packed.onnx"
    write_safetensors(network.state_dict(), source, network.metadata)
    ran = run("export", source, "-o", target, "--half", "--no-add")
    assert (ran.status, ran.err) == (0, "")
    digest, size_bytes = hashing.of_file(target)
    first, second = ran.out.splitlines()
    assert first == str(target)
    assert second.startswith(f"{digest}  {size_bytes} bytes, ")
    assert size_bytes < 0.55 * source.stat().st_size
    assert load_nearfar_lite(target).metadata == network.metadata
    assert "network" not in run("models", "list", "--json").out.replace("own network", "")
    assert run("export", target, "-o", tmp_path / "whole.onnx", "--name", "whole").status == 0
    assert (tmp_path / "whole.onnx").stat().st_size > 1.8 * size_bytes
    assert "lower_bound" in run("models", "show", "whole").out


def test_existing_file_is_kept(run: Run, checkpoint: Path) -> None:
    target = checkpoint.with_name("mine.onnx")
    target.write_bytes(b"mine")
    assert run("export", checkpoint, "-o", target).status == 1
    assert target.read_bytes() == b"mine"


def test_foreign_checkpoint_is_one_line(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "other.pt"
    torch.save({"conv.weight": torch.zeros(3)}, path)
    ran = run("export", path)
    assert ran.status == 1
    assert "conv.weight" in ran.err
    assert ran.err.count("\n") == 1
    assert not path.with_suffix(".onnx").exists()
