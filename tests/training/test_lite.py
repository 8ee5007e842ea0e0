from functools import cache
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import openvino
import pytest
import torch
from torch import nn

from nearfar.errors import CheckpointError, UsageError
from nearfar.runtimes.onnx import OnnxSession
from nearfar.runtimes.openvino import OpenvinoSession
from nearfar.training.export import export_onnx
from nearfar.training.nets.efficientnet_lite import Variant
from nearfar.training.nets.midas_small import count_macs_per_px
from nearfar.training.nets.nearfar_lite import (
    NEARFAR_LITE_INPUT,
    NEARFAR_LITE_OUTPUT,
    NearfarLite,
    load_nearfar_lite,
)
from nearfar.training.weights import write_safetensors
from tests.training.networks import random_pictures

MIDAS_SMALL_MACS_PER_PX = 70_200


@cache
def _network() -> NearfarLite:
    """Random weights everywhere, also where training starts from zero."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        network = NearfarLite("lite0", (24, 32, 40, 48), fine_width=16).eval()
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                nn.init.uniform_(module.weight, 0.6, 1.4)
                nn.init.normal_(module.bias, 0, 0.3)
            elif isinstance(module, nn.Conv2d) and not module.weight.any():
                nn.init.normal_(module.weight, 0, 0.1)
    return network


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("lite") / "lite.onnx"
    export_onnx(_network(), path)
    return path


@pytest.mark.parametrize(("count", "height", "width"), [(1, 32, 32), (2, 64, 96)])
def test_one_value_for_each_pixel(count: int, height: int, width: int) -> None:
    with torch.no_grad():
        depth = _network()(random_pictures(count, height, width))
    assert depth.shape == (count, height, width)
    assert depth.dtype == torch.float32
    assert depth.std() > 0


@pytest.mark.parametrize(("height", "width"), [(64, 100), (33, 64), (0, 64)])
def test_other_sizes_are_refused(height: int, width: int) -> None:
    with pytest.raises(UsageError, match=f"multiples of 32 px, not {width} x {height}"):
        _network()(torch.zeros(1, 3, height, width))


def test_other_shapes_of_network_are_refused() -> None:
    with pytest.raises(UsageError, match="four widths"):
        NearfarLite(widths=(16, 16, 16))
    with pytest.raises(UsageError, match="at least 1"):
        NearfarLite(units=0)


def test_export_matches_torch(exported: Path) -> None:
    session = onnxruntime.InferenceSession(exported, providers=["CPUExecutionProvider"])
    compiled = openvino.Core().compile_model(exported, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    for count, height, width in ((1, 192, 256), (2, 128, 96), (1, 96, 320), (3, 32, 32)):
        pictures = random_pictures(count, height, width)
        with torch.no_grad():
            expected = _network()(pictures).numpy()
        answers = (
            session.run(["inverse_depth"], {"image": pictures.numpy()})[0],
            compiled([pictures.numpy()])[0],
        )
        for answer in answers:
            assert answer.shape == expected.shape
            assert np.abs(answer - expected).max() < 1e-4 * np.abs(expected).max()


def test_the_graph_holds_only_what_8_bit_runtimes_know(exported: Path) -> None:
    kinds = {node.op_type for node in onnx.load_model(exported).graph.node}
    assert kinds == {
        "BatchNormalization",  # folded into the convolutions when a runtime loads the graph
        "Conv",
        "Clip",
        "Add",
        "Resize",
        "GlobalAveragePool",
        "DepthToSpace",
        "Squeeze",
    }


@pytest.mark.parametrize(
    ("variant", "widths", "expansion"),
    [
        ("lite2", (48, 64, 96, 128), 1),
        ("lite2", (64, 96, 128, 192), 2),
    ],
)
def test_at_most_a_quarter_of_the_work_of_midas_small(
    variant: Variant, widths: tuple[int, ...], expansion: int
) -> None:
    network = NearfarLite(variant, widths, expansion=expansion)
    macs = count_macs_per_px(network)
    assert macs <= MIDAS_SMALL_MACS_PER_PX / 4
    assert macs <= 17_500


def test_autocast_answers_in_single_precision() -> None:
    pictures = random_pictures(1, 32, 64)
    with torch.no_grad():
        expected = _network()(pictures)
        with torch.autocast("cpu", torch.bfloat16):
            depth = _network()(pictures)
    assert depth.dtype == torch.float32
    assert (depth - expected).abs().mean() < 0.05 * expected.std()
    assert not torch.equal(depth, depth.bfloat16().float())


def test_memory_order_does_not_matter() -> None:
    pictures = random_pictures(2, 32, 64)
    with torch.no_grad():
        expected = _network()(pictures)
        depth = _network()(pictures.to(memory_format=torch.channels_last))
    assert (depth - expected).abs().max() < 1e-4 * expected.abs().max()


def test_every_parameter_learns() -> None:
    torch.manual_seed(0)
    network = NearfarLite("lite0", (16, 16, 16, 16), fine_width=8)
    depth = network(random_pictures(2, 64, 64))
    assert 1e-3 < depth.std() < 3  # neither constant nor wild
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-3)
    for _ in range(2):  # what starts at zero holds back what lies before it, once
        optimizer.zero_grad()
        network(random_pictures(2, 64, 64)).square().sum().backward()
        optimizer.step()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_neighbouring_pixels_are_told_apart() -> None:
    """Edges stand between pixels, not between pairs of them."""
    picture = random_pictures(1, 64, 64)
    moved = picture.clone()
    moved[..., 33] += 3
    with torch.no_grad():
        change = (_network()(moved) - _network()(picture)).abs()
    odd, even = change[0, :, 33].mean(), change[0, :, 32].mean()
    assert abs(odd / even - 1) > 0.05


@pytest.mark.parametrize("kind", ["safetensors", "onnx", "content"])
def test_weights_come_back_from_a_file(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"lite.{kind}"
    if kind == "safetensors":
        write_safetensors(_network().state_dict(), path, _network().metadata)
    else:
        export_onnx(_network(), path, metadata=_network().metadata)
    network = load_nearfar_lite(path.read_bytes() if kind == "content" else path)
    picture = random_pictures(1, 32, 64)
    with torch.no_grad():
        assert torch.equal(network(picture), _network()(picture))
    assert network.metadata == _network().metadata
    assert not network.training


def test_training_goes_on_from_an_onnx_file(exported: Path, tmp_path: Path) -> None:
    """Normalisations are there as such, with their statistics, and learn."""
    export_onnx(_network(), tmp_path / "half.onnx", half=True, metadata=_network().metadata)
    network = load_nearfar_lite(tmp_path / "half.onnx").train()
    norm = network.decoder.laterals[0][1]  # type: ignore[index]
    assert isinstance(norm, nn.BatchNorm2d)
    assert norm.num_batches_tracked == 0
    mean = norm.running_mean
    assert mean is not None
    before = mean.clone()
    network(random_pictures(2, 64, 64)).square().sum().backward()
    assert not torch.equal(mean, before)
    assert all(it.grad is not None for it in network.parameters())


def test_half_the_bytes_give_the_same_map(exported: Path, tmp_path: Path) -> None:
    half = tmp_path / "half.onnx"
    export_onnx(_network(), half, half=True, metadata=_network().metadata)
    assert half.stat().st_size < 0.6 * exported.stat().st_size
    picture = random_pictures(2, 96, 128).numpy()
    expected = OnnxSession(exported).run(picture)
    for session in (OnnxSession(half), OpenvinoSession(half.read_bytes())):
        depth = session.run(picture)
        assert 0 < np.abs(depth - expected).max() < 1e-3 * np.ptp(expected)


@pytest.mark.parametrize(
    "change",
    [
        {"network": "other"},
        {"variant": "lite9"},
        {"widths": "a b"},
        {"widths": "16 16 16"},
        {"units": "0"},
        {"units": "3"},
        {"fine_width": "17"},
    ],
)
def test_a_file_that_says_something_else_is_refused(tmp_path: Path, change: dict[str, str]) -> None:
    path = tmp_path / "lite.safetensors"
    write_safetensors(_network().state_dict(), path, _network().metadata | change)
    with pytest.raises(CheckpointError) as caught:
        load_nearfar_lite(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_says_nothing_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "lite.safetensors"
    write_safetensors(_network().state_dict(), path)
    with pytest.raises(CheckpointError, match="has no metadata of a nearfar-lite network"):
        load_nearfar_lite(path)


def test_pictures_are_fed_as_the_encoder_was_trained() -> None:
    spec = NEARFAR_LITE_INPUT
    assert (spec.resize, spec.interpolation, spec.multiple_of) == ("lower_bound", "area", 32)
    normalised = (np.array([0, 127, 255]) / 255 - spec.mean) / spec.std
    assert normalised == pytest.approx([-127 / 128, 0, 1])
    assert (NEARFAR_LITE_OUTPUT.zero, NEARFAR_LITE_OUTPUT.interpolation) == ("free", "linear")
