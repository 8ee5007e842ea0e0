"""What a training run begins from."""

from pathlib import Path

import numpy as np
import pytest
import torch

from nearfar.errors import CheckpointError, ChecksumError
from nearfar.models.catalog import CATALOG
from nearfar.models.registry import ModelRegistry
from nearfar.models.spec import ModelSpec
from nearfar.runtimes.onnx import OnnxSession
from nearfar.training import start
from nearfar.training.export import export_onnx
from nearfar.training.nets.midas_small import MIDAS_SMALL_INPUT, MidasSmall
from nearfar.training.nets.nearfar_lite import NEARFAR_LITE_INPUT, NEARFAR_LITE_OUTPUT, NearfarLite
from nearfar.training.start import start_from
from nearfar.training.weights import write_safetensors
from tests.stores import bundled_store, spoil
from tests.training.networks import random_midas_small, random_pictures

FOLDED = "926df83858ceb32e35033e84357cc651af10eeaf3219b23b6eb3ffeba73ce7af"
"""SHA-256 of the last file from which no training goes on."""


@pytest.fixture(scope="module")
def lite() -> NearfarLite:
    torch.manual_seed(1)
    return NearfarLite("lite0", (8, 8, 8, 8), units=1, fine_width=4).eval()


@pytest.fixture
def file(lite: NearfarLite, tmp_path: Path) -> Path:
    path = tmp_path / "network.safetensors"
    write_safetensors(lite.state_dict(), path, lite.metadata)
    return path


def same(left: torch.nn.Module, right: torch.nn.Module) -> bool:
    first, second = left.state_dict(), right.state_dict()
    return first.keys() == second.keys() and all(
        torch.equal(value, second[name]) for name, value in first.items()
    )


def packed(network: torch.nn.Module, path: Path, metadata: dict[str, str]) -> Path:
    export_onnx(network, path, half=True, metadata=metadata)
    return path


def near(left: torch.nn.Module, right: torch.nn.Module) -> bool:
    """Say whether two networks have the same tensors, but for the rounding of float16."""
    first, second = left.state_dict(), right.state_dict()
    return first.keys() == second.keys() and all(
        torch.allclose(value, second[name], rtol=2**-11, atol=2**-24)
        for name, value in first.items()
    )


def test_a_model_begins_from_the_file_that_runs(
    lite: NearfarLite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = packed(lite, tmp_path / "lite.onnx", lite.metadata).read_bytes()
    store = bundled_store(tmp_path / "a", lite=content)
    begin = start_from("lite", store=store)
    assert near(begin.network, lite)
    assert not same(begin.network, lite), "large weights were stored in float16"
    assert begin.input == store.spec("lite").input
    assert begin.output == NEARFAR_LITE_OUTPUT
    assert begin.metadata == lite.metadata
    assert start_from("lite", store=store, fed_px=96).input.height_px == 96
    monkeypatch.setattr(start, "ModelRegistry", lambda: store)
    assert near(start_from("lite").network, lite)


def test_a_model_of_ones_own_begins_too(lite: NearfarLite, tmp_path: Path) -> None:
    store = bundled_store(tmp_path / "a")
    file = packed(lite, tmp_path / "lite.onnx", lite.metadata)
    store.add("mine", file, input=NEARFAR_LITE_INPUT, output=NEARFAR_LITE_OUTPUT)
    begin = start_from("mine", store=store)
    assert near(begin.network, lite)
    assert begin.input == NEARFAR_LITE_INPUT


def test_a_file_that_is_not_the_recorded_one_is_refused(lite: NearfarLite, tmp_path: Path) -> None:
    content = packed(lite, tmp_path / "lite.onnx", lite.metadata).read_bytes()
    store = bundled_store(tmp_path / "a", lite=content)
    spoil(store.bundled / "lite.onnx")
    with pytest.raises(ChecksumError, match="reinstall"):
        start_from("lite", store=store)


def test_a_model_that_holds_no_such_network_is_refused(tmp_path: Path) -> None:
    store = bundled_store(tmp_path / "a")
    with pytest.raises(
        CheckpointError, match=r"^lite-int8 has no metadata .* nearfar train wrote$"
    ):
        start_from("lite-int8", store=store)
    with pytest.raises(
        CheckpointError, match=r"^midas-small can.t be trained further.*: use nearfar"
    ):
        start_from("midas-small", store=ModelRegistry(tmp_path / "b"))


def test_files_are_taken_as_they_are(
    lite: NearfarLite, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert same(start_from(str(file)).network, lite)
    assert near(start_from(str(packed(lite, tmp_path / "n.onnx", lite.metadata))).network, lite)
    monkeypatch.chdir(tmp_path)
    file.rename("lite.safetensors")
    store = bundled_store(tmp_path / "a")
    assert same(start_from("./lite.safetensors", store=store).network, lite)
    with pytest.raises(CheckpointError, match=r"none\.pt"):
        start_from("none.pt", store=store)


def test_midas_small_begins_from_what_a_run_of_it_left(tmp_path: Path) -> None:
    midas = random_midas_small()
    torch.save(midas.state_dict(), tmp_path / "midas.pt")
    begin = start_from(str(tmp_path / "midas.pt"))
    assert same(begin.network, midas)
    assert begin.input == MIDAS_SMALL_INPUT
    again = start_from(str(packed(midas, tmp_path / "network.onnx", begin.metadata)))
    assert isinstance(again.network, MidasSmall)
    picture = random_pictures(1, 64, 96)
    with torch.no_grad():
        expected, depth = midas(picture), again.network(picture)
    assert (depth - expected).abs().max() < 1e-3 * (expected.max() - expected.min())


def test_imagenet_is_a_new_network() -> None:
    begin = start_from("imagenet", "lite0")
    assert isinstance(begin.network, NearfarLite)
    assert begin.metadata["variant"] == "lite0"


@pytest.mark.parametrize("spec", [it for it in CATALOG if not it.urls and it.int8])
def test_what_ships_can_be_trained_on(spec: ModelSpec) -> None:
    if spec.sha256 == FOLDED:
        pytest.skip("the file that ships is still of the form with nameless, folded weights")
    begin = start_from(spec.name, store=ModelRegistry())
    assert isinstance(begin.network, NearfarLite)
    assert begin.input == spec.input
    picture = random_pictures(1, 96, 128)
    with torch.no_grad():
        depth = begin.network.eval()(picture).numpy()
    expected = OnnxSession(ModelRegistry().read(spec.name)).run(picture.numpy())
    assert np.abs(depth - expected).max() < 1e-4 * np.ptp(expected)
