"""What a training run begins from."""

from pathlib import Path

import pytest
import torch

from nearfar.errors import CheckpointError, ChecksumError, ModelMissingError
from nearfar.training import start
from nearfar.training.checkpoint import write_safetensors
from nearfar.training.lite import NEARFAR_LITE_INPUT, NEARFAR_LITE_OUTPUT, NearfarLite
from nearfar.training.network import MIDAS_SMALL_INPUT, MidasSmall
from nearfar.training.start import start_from
from tests.stores import bundled_store, spoil


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


def test_a_model_begins_from_the_checkpoint_that_ships(
    lite: NearfarLite, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = bundled_store(tmp_path / "a", checkpoint=file.read_bytes())
    begin = start_from("lite", store=store)
    assert same(begin.network, lite)
    assert (begin.input, begin.output) == (NEARFAR_LITE_INPUT, NEARFAR_LITE_OUTPUT)
    assert begin.metadata == lite.metadata
    monkeypatch.setattr(start, "ModelRegistry", lambda: store)
    assert same(start_from("lite").network, lite)


def test_a_checkpoint_that_is_another_is_refused(file: Path, tmp_path: Path) -> None:
    store = bundled_store(tmp_path / "a", checkpoint=file.read_bytes())
    spoil(store.bundled / "lite.safetensors")
    with pytest.raises(ChecksumError, match="reinstall"):
        start_from("lite", store=store)


def test_a_model_without_a_checkpoint_is_refused(tmp_path: Path) -> None:
    store = bundled_store(tmp_path / "a")
    for name in ("lite", "lite-int8"):
        with pytest.raises(ModelMissingError, match=f"no checkpoint ships with {name}"):
            start_from(name, store=store)


def test_files_are_taken_as_they_are(
    lite: NearfarLite, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert same(start_from(str(file)).network, lite)
    monkeypatch.chdir(tmp_path)
    file.rename("lite.safetensors")
    store = bundled_store(tmp_path / "a")
    assert same(start_from("./lite.safetensors", store=store).network, lite)
    torch.save(MidasSmall().state_dict(), "midas.pt")
    begin = start_from("midas.pt", store=store)
    assert isinstance(begin.network, MidasSmall)
    assert begin.input == MIDAS_SMALL_INPUT
    with pytest.raises(CheckpointError, match=r"none\.pt"):
        start_from("none.pt", store=store)


def test_imagenet_is_a_new_network() -> None:
    begin = start_from("imagenet", "lite0")
    assert isinstance(begin.network, NearfarLite)
    assert begin.metadata["variant"] == "lite0"
