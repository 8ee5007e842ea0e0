import logging
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import openvino
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nearfar.errors import OutputExistsError, UsageError, WriteError
from nearfar.training.export import export_onnx
from tests.training.networks import random_midas_small, random_pictures


@pytest.fixture(scope="module")
def free(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("export") / "free.onnx"
    export_onnx(random_midas_small(), path)
    return path


@pytest.fixture(scope="module")
def fixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("export") / "fixed.onnx"
    export_onnx(random_midas_small(), path, size_px=(96, 64))
    return path


def _in_torch(network: nn.Module, pictures: Tensor) -> NDArray[np.float32]:
    with torch.no_grad():
        answer: NDArray[np.float32] = network(pictures).numpy()
    return answer


def _in_onnxruntime(path: Path, pictures: Tensor) -> NDArray[np.float32]:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    answer: NDArray[np.float32] = session.run(["inverse_depth"], {"image": pictures.numpy()})[0]
    return answer


def _relative_error(answer: NDArray[np.float32], expected: NDArray[np.float32]) -> float:
    assert answer.shape == expected.shape
    assert expected.std() > 0
    return float(np.abs(answer - expected).max() / np.abs(expected).max())


@pytest.mark.parametrize(
    ("count", "height", "width"),
    [(1, 256, 256), (2, 192, 256), (1, 384, 224), (3, 32, 64), (1, 32, 32)],
)
def test_export_matches_torch(free: Path, count: int, height: int, width: int) -> None:
    pictures = random_pictures(count, height, width)
    expected = _in_torch(random_midas_small(), pictures)
    assert _relative_error(_in_onnxruntime(free, pictures), expected) < 1e-4


@pytest.mark.parametrize("count", [1, 3])
def test_fixed_export_matches_torch(fixed: Path, count: int) -> None:
    pictures = random_pictures(count, 64, 96)
    expected = _in_torch(random_midas_small(), pictures)
    assert _relative_error(_in_onnxruntime(fixed, pictures), expected) < 1e-4


def test_export_runs_in_openvino(free: Path) -> None:
    config = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.Core().compile_model(free, "CPU", config)
    for count, height, width in ((1, 64, 96), (2, 128, 64)):
        pictures = random_pictures(count, height, width)
        answer = compiled([pictures.numpy()])[0]
        assert _relative_error(answer, _in_torch(random_midas_small(), pictures)) < 1e-4


def _sides(value: onnx.ValueInfoProto) -> list[str | int]:
    return [side.dim_param or side.dim_value for side in value.type.tensor_type.shape.dim]


def test_one_input_and_one_output_with_free_sides(free: Path, fixed: Path) -> None:
    for path, height, width in ((free, "h", "w"), (fixed, 64, 96)):
        graph = onnx.load_model(path).graph
        assert [value.name for value in graph.input] == ["image"]
        assert [value.name for value in graph.output] == ["inverse_depth"]
        assert _sides(graph.input[0]) == ["n", 3, height, width]
        assert _sides(graph.output[0]) == ["n", height, width]


def test_the_graph_holds_only_what_runs(free: Path) -> None:
    model = onnx.load_model(free)
    kinds = {node.op_type for node in model.graph.node}
    assert kinds == {"Conv", "BatchNormalization", "Clip", "Relu", "Add", "Resize", "Squeeze"}
    names = " ".join(tensor.name for tensor in model.graph.initializer)
    assert "refinenet4.resConfUnit2" in names
    assert "refinenet4.resConfUnit1" not in names
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", 17)]


def test_a_file_that_says_it_is_one_size_takes_no_other(fixed: Path) -> None:
    with pytest.raises(Exception, match="invalid dimensions"):
        _in_onnxruntime(fixed, random_pictures(1, 32, 32))


def test_export_is_quiet(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with warnings.catch_warnings(record=True) as told, caplog.at_level(logging.DEBUG):
        warnings.simplefilter("always")
        export_onnx(_Small(), tmp_path / "net.onnx")
    assert told == []
    assert capfd.readouterr() == ("", "")
    assert caplog.messages == []


class _Small(nn.Module):
    """Pads in ways that fold into a convolution and ways that do not."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.second = nn.Conv2d(4, 4, 3)
        self.third = nn.Conv2d(4, 1, 3)

    def forward(self, image: Tensor) -> Tensor:
        x = self.norm(self.first(nn.functional.pad(image, (0, 1, 2, 0))))
        x = self.second(nn.functional.pad(x, (1, 1, 0, 0), value=0.5))
        x = self.third(nn.functional.pad(x, (1, 0, 1, 1), mode="replicate"))
        answer: Tensor = x.squeeze(1)
        return answer


def test_any_network_goes_out(tmp_path: Path) -> None:
    network = _Small()
    assert network.training
    export_onnx(network, tmp_path / "net.onnx", multiple_of=8, opset=18)
    assert network.training
    pictures = random_pictures(2, 16, 24)
    expected = _in_torch(network.eval(), pictures)
    assert _relative_error(_in_onnxruntime(tmp_path / "net.onnx", pictures), expected) < 1e-5
    kinds = [node.op_type for node in onnx.load_model(tmp_path / "net.onnx").graph.node]
    assert kinds.count("Pad") == 2


def test_parameters_keep_their_names(tmp_path: Path) -> None:
    """Also where two are equal, as those of fresh normalisations are."""
    network = _Small()
    export_onnx(network, tmp_path / "net.onnx", metadata={"made": "here"})
    model = onnx.load_model(tmp_path / "net.onnx")
    stored = {it.name: onnx.numpy_helper.to_array(it) for it in model.graph.initializer}
    own = {name: value for name, value in network.state_dict().items() if value.dim()}
    assert own.keys() == {name for name in stored if not name.startswith("/")}
    assert all(np.array_equal(value.numpy(), stored[name]) for name, value in own.items())
    assert {it.key: it.value for it in model.metadata_props} == {"made": "here"}


def test_each_part_stays_in_its_mode(tmp_path: Path) -> None:
    network = _Small()
    network.norm.eval()
    mean = network.norm.running_mean
    assert mean is not None
    before = mean.clone()
    export_onnx(network, tmp_path / "net.onnx")
    assert network.training
    assert network.third.training
    assert not network.norm.training
    assert torch.equal(mean, before)


def test_onnxruntime_folds_normalisations_and_casts(tmp_path: Path) -> None:
    network = nn.Sequential(nn.Conv2d(3, 128, 5, padding=2), nn.BatchNorm2d(128), _Mean())
    export_onnx(network, tmp_path / "net.onnx", half=True)
    assert {it.op_type for it in onnx.load_model(tmp_path / "net.onnx").graph.node} >= {
        "Cast",
        "BatchNormalization",
    }
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(tmp_path / "loaded.onnx")
    onnxruntime.InferenceSession(tmp_path / "net.onnx", options, ["CPUExecutionProvider"])
    loaded = onnx.load_model(tmp_path / "loaded.onnx").graph
    assert [it.op_type for it in loaded.node] == ["Conv", "ReduceMean"]
    assert {it.data_type for it in loaded.initializer} == {onnx.TensorProto.FLOAT}


class _Mean(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.mean(1)


def test_a_size_the_network_can_not_take_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="multiples of 32"):
        export_onnx(random_midas_small(), tmp_path / "net.onnx", size_px=(100, 64))
    assert list(tmp_path.iterdir()) == []


def test_a_network_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="output for"):
        export_onnx(nn.Conv2d(3, 1, 1), tmp_path / "net.onnx")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_there_is_kept_unless_told(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_text("mine")
    with pytest.raises(OutputExistsError):
        export_onnx(_Small(), path, overwrite=False)
    assert path.read_text() == "mine"
    export_onnx(_Small(), path)
    assert onnx.load_model(path).graph.input[0].name == "image"
    assert [p.name for p in tmp_path.iterdir()] == ["net.onnx"]


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(WriteError):
        export_onnx(_Small(), tmp_path / "nowhere" / "net.onnx")
