import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import helper, numpy_helper

from nearfar.errors import CheckpointError, OutputExistsError, WriteError
from nearfar.training.nets.midas_small import MidasSmall
from nearfar.training.weights import (
    batch_counters,
    load_midas_small,
    load_strictly,
    read_onnx,
    read_safetensors,
    read_state_dict,
    write_safetensors,
)
from tests.training.networks import random_midas_small, random_pictures

TOUCHED = "touched"


class Runs:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.path,))


def _state() -> dict[str, torch.Tensor]:
    return dict(random_midas_small().state_dict())


@pytest.mark.parametrize("zipped", [True, False])
def test_an_official_checkpoint_loads(tmp_path: Path, zipped: bool) -> None:
    path = tmp_path / "midas.pt"
    torch.save(_state(), path, _use_new_zipfile_serialization=zipped)
    network = load_midas_small(path)
    picture = random_pictures(1, 32, 64)
    with torch.no_grad():
        assert torch.equal(network(picture), random_midas_small()(picture))
    assert not network.training


@pytest.mark.parametrize("wrapping", ["bare", "state_dict", "model"])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_wrapped_and_prefixed_files_are_read(tmp_path: Path, wrapping: str, prefix: str) -> None:
    state = {f"{prefix}a.weight": torch.ones(2), f"{prefix}b": torch.zeros(1)}
    content = state if wrapping == "bare" else {wrapping: state, "epoch": 3, "optimizer": {}}
    torch.save(content, tmp_path / "net.pt")
    read = read_state_dict(tmp_path / "net.pt")
    assert list(read) == ["a.weight", "b"]
    assert torch.equal(read["a.weight"], torch.ones(2))


def test_a_prefix_on_some_names_only_is_kept(tmp_path: Path) -> None:
    torch.save({"module.a": torch.ones(1), "b": torch.ones(1)}, tmp_path / "net.pt")
    assert list(read_state_dict(tmp_path / "net.pt")) == ["module.a", "b"]


def test_half_precision_weights_are_taken() -> None:
    network = torch.nn.Linear(2, 1)
    load_strictly(network, {"weight": torch.ones(1, 2).half(), "bias": torch.ones(1)}, "no")
    assert network.weight.dtype == torch.float32
    assert network.weight.tolist() == [[1, 1]]


def _foreign(state: dict[str, Any]) -> None:
    for i in range(5):
        state[f"backbone.block{i}"] = torch.zeros(1)


def _missing(state: dict[str, Any]) -> None:
    del state["scratch.refinenet4.resConfUnit1.conv1.weight"]


def _misshapen(state: dict[str, Any]) -> None:
    state["scratch.layer1_rn.weight"] = torch.zeros(64, 32, 1, 1)


def _complex(state: dict[str, Any]) -> None:
    state["scratch.layer1_rn.weight"] = torch.zeros(64, 32, 3, 3, dtype=torch.complex64)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (
            _foreign,
            r"5 unexpected \(backbone.block0, backbone.block1, backbone.block2 and 2 more\)",
        ),
        (_missing, r"1 missing \(scratch.refinenet4.resConfUnit1.conv1.weight\)"),
        (_misshapen, r"1 of the wrong shape \(scratch.layer1_rn.weight \(64, 32, 1, 1\) for \(64,"),
        (_complex, r"1 of the wrong dtype \(scratch.layer1_rn.weight torch.complex64\)"),
    ],
)
def test_foreign_tensors_are_named(tmp_path: Path, spoil: Any, told: str) -> None:
    state = _state()
    spoil(state)
    torch.save(state, tmp_path / "net.pt")
    with pytest.raises(CheckpointError, match=told) as caught:
        load_midas_small(tmp_path / "net.pt")
    assert "\n" not in str(caught.value)


def _text(path: Path) -> None:
    path.write_text("not a checkpoint")


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _folder(path: Path) -> None:
    path.mkdir()


def _nothing(path: Path) -> None:
    assert not path.exists()


def _code(path: Path) -> None:
    path.write_bytes(pickle.dumps(Runs(path.with_name(TOUCHED))))


def _code_in_a_checkpoint(path: Path) -> None:
    torch.save({"weight": Runs(path.with_name(TOUCHED))}, path)


def _whole_network(path: Path) -> None:
    torch.save(torch.nn.Linear(1, 1), path)


def _script(path: Path) -> None:
    torch.save({"weight": torch.ones(1)}, path)
    with zipfile.ZipFile(path, "a") as archive:  # by which torch knows a TorchScript archive
        archive.writestr(f"{path.stem}/constants.pkl", b"")


def _cut_off(path: Path) -> None:
    torch.save({"weight": torch.ones(1000)}, path)
    path.write_bytes(path.read_bytes()[:1000])


def _number(path: Path) -> None:
    torch.save(3, path)


def _no_tensors(path: Path) -> None:
    torch.save({"epoch": 3}, path)


def _no_names(path: Path) -> None:
    torch.save({0: torch.ones(1)}, path)


def _empty_state(path: Path) -> None:
    torch.save({"state_dict": {}}, path)


@pytest.mark.parametrize(
    "make",
    [
        _text,
        _empty,
        _folder,
        _nothing,
        _code,
        _code_in_a_checkpoint,
        _whole_network,
        _script,
        _cut_off,
        _number,
        _no_tensors,
        _no_names,
        _empty_state,
    ],
)
def test_foreign_checkpoint_is_refused(tmp_path: Path, make: Any) -> None:
    path = tmp_path / "net.pt"
    make(path)
    with pytest.raises(CheckpointError) as caught:
        load_midas_small(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    assert not (tmp_path / TOUCHED).exists()


def test_the_pickle_of_these_tests_does_run_code(tmp_path: Path) -> None:
    _code(tmp_path / "net.pt")
    pickle.loads((tmp_path / "net.pt").read_bytes())  # noqa: S301 - it is our own, and that is the point
    assert (tmp_path / TOUCHED).exists()


def test_nothing_is_loaded_unless_everything_fits() -> None:
    network = MidasSmall()
    before = network.scratch.layer1_rn.weight.clone()
    state = _state()
    _missing(state)
    with pytest.raises(CheckpointError):
        load_strictly(network, state, "no")
    assert torch.equal(network.scratch.layer1_rn.weight, before)


def test_damaged_checkpoints_never_raise_anything_else(tmp_path: Path) -> None:
    torch.save({"weight": torch.ones(3), "bias": torch.zeros(1)}, tmp_path / "good.pt")
    good = (tmp_path / "good.pt").read_bytes()
    path = tmp_path / "bad.pt"
    for place in range(0, len(good), 23):
        path.write_bytes(good[:place] + bytes([good[place] ^ 0x55]) + good[place + 1 :])
        try:
            read_state_dict(path)
        except CheckpointError:
            continue


def test_safetensors_give_back_what_they_were_given(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    strided = torch.arange(24.0).view(2, 3, 4).transpose(0, 2)
    state = {"a.weight": strided, "a.again": strided, "steps": torch.tensor(7)}
    write_safetensors(state, path, {"network": "toy"})
    read = read_state_dict(path)
    assert read.keys() == state.keys()
    assert all(torch.equal(read[name], tensor) for name, tensor in state.items())
    assert read["steps"].dtype == torch.int64
    assert read_safetensors(path)[1] == {"network": "toy"}
    write_safetensors({"module.b": torch.ones(1)}, path)
    assert list(read_state_dict(path)) == ["b"]
    assert read_safetensors(path)[1] == {}


def test_safetensors_keep_what_stands_unless_told(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    path.write_text("mine")
    with pytest.raises(OutputExistsError):
        write_safetensors({"a": torch.ones(1)}, path, overwrite=False)
    assert path.read_text() == "mine"
    with pytest.raises(WriteError):
        write_safetensors({"a": torch.ones(1)}, tmp_path / "nowhere" / "net.safetensors")
    assert [entry.name for entry in tmp_path.iterdir()] == ["net.safetensors"]


@pytest.mark.parametrize("make", [_text, _empty, _folder, _nothing, _code, _no_tensors])
@pytest.mark.parametrize("read", [read_state_dict, read_safetensors])
def test_foreign_safetensors_are_refused(tmp_path: Path, make: Any, read: Any) -> None:
    path = tmp_path / "net.safetensors"
    make(path)
    with pytest.raises(CheckpointError) as caught:
        read(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    assert not (tmp_path / TOUCHED).exists()


def test_cut_off_safetensors_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    write_safetensors({"a": torch.ones(1000)}, path)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(CheckpointError, match="truncated"):
        read_state_dict(path)


def test_safetensors_without_tensors_are_no_state_dict(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    write_safetensors({}, path)
    with pytest.raises(CheckpointError, match="no state dict"):
        read_state_dict(path)


def _onnx(state: dict[str, np.ndarray]) -> onnx.ModelProto:
    tensors = [numpy_helper.from_array(value, name) for name, value in state.items()]
    return helper.make_model(helper.make_graph([], "net", [], [], tensors))


def test_an_onnx_file_gives_parameters_and_texts(tmp_path: Path) -> None:
    weight, count = np.array([[0.1, 3]], np.float16), np.array([7], np.int64)
    model = _onnx({"a.weight": weight, "a.count": count, "/a/Constant": count})
    helper.set_model_props(model, {"network": "toy"})
    onnx.save_model(model, tmp_path / "net.onnx")
    for source in (tmp_path / "net.onnx", (tmp_path / "net.onnx").read_bytes()):
        state, said = read_onnx(source)
        assert list(state) == ["a.weight", "a.count"]
        assert state["a.weight"].dtype == torch.float32
        assert torch.equal(state["a.weight"], torch.from_numpy(weight.astype(np.float32)))
        assert torch.equal(state["a.count"], torch.tensor([7]))
        assert said == {"network": "toy"}
    assert list(read_state_dict(tmp_path / "net.onnx")) == ["a.weight", "a.count"]


@pytest.mark.parametrize("make", [_text, _folder, _nothing, _code, _no_tensors])
@pytest.mark.parametrize("read", [read_state_dict, read_onnx, load_midas_small])
def test_foreign_onnx_is_refused(tmp_path: Path, make: Any, read: Any) -> None:
    path = tmp_path / "net.onnx"
    make(path)
    with pytest.raises(CheckpointError) as caught:
        read(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / TOUCHED).exists()


def test_damaged_onnx_never_raises_anything_else() -> None:
    good = _onnx({"a": np.ones((2, 3), np.float32), "b": np.ones(1, np.int64)}).SerializeToString()

    def refused(place: int) -> bool:
        try:
            read_onnx(good[:place] + bytes([good[place] ^ 0x55]) + good[place + 1 :])
        except CheckpointError:
            return True
        return False

    assert 0 < sum(map(refused, range(len(good)))) < len(good)


def test_an_onnx_file_without_its_weights_is_refused(tmp_path: Path) -> None:
    model = _onnx({"a": np.ones((20, 30), np.float32)})
    onnx.save_model(
        model, tmp_path / "net.onnx", save_as_external_data=True, size_threshold=0, location="w"
    )
    with pytest.raises(CheckpointError, match="in a second file"):
        read_onnx(tmp_path / "net.onnx")


def test_what_onnx_does_not_hold_is_the_networks_own(tmp_path: Path) -> None:
    network = torch.nn.BatchNorm2d(2)
    state = {name: value + 1 for name, value in network.state_dict().items() if value.dim()}
    with pytest.raises(CheckpointError, match="1 missing"):
        load_strictly(network, state, "no")
    load_strictly(network, state, "no", optional=batch_counters(network))
    assert torch.equal(network.weight, torch.full((2,), 2.0))
    assert network.num_batches_tracked == 0
    with pytest.raises(CheckpointError, match=r"1 missing \(bias\)"):
        load_strictly(network, {"weight": state["weight"]}, "no", optional=_all_but_bias(network))


def _all_but_bias(network: torch.nn.Module) -> set[str]:
    return {*network.state_dict()} - {"bias"}
