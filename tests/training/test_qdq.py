"""What is written for int8, on values worked out by hand."""

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from nearfar.runtimes.onnx import OnnxSession
from nearfar.runtimes.openvino import OpenvinoSession
from nearfar.training.quantization.activations import Activation
from nearfar.training.quantization.qdq import list_layers, write_qdq

Values = NDArray[np.float32]


def network(weight: Values, bias: Values, *, groups: int = 1) -> onnx.ModelProto:
    """A convolution with ReLU, and a last one."""
    values = {"w": weight, "b": bias, "v": np.ones((1, len(weight), 1, 1), np.float32)}
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["image", "w", "b"], ["linear"], "first", group=groups),
            helper.make_node("Relu", ["linear"], ["active"], "relu"),
            helper.make_node("Conv", ["active", "v"], ["depth"], "last"),
        ],
        "two",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 2, "h", "w"])],
        [helper.make_tensor_value_info("depth", TensorProto.FLOAT, ["n", 1, "h", "w"])],
        [numpy_helper.from_array(it, name) for name, it in values.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def activation(low: float, high: float, *mean: float) -> Activation:
    return Activation((low, high), (low, high), (low, high), np.array(mean))


def written(model: onnx.ModelProto, image: Activation) -> dict[str, NDArray[np.generic]]:
    """Write it; give the constants by name."""
    activations = {"image": image, "active": activation(0.5, 5.1, 0, 0)}
    int8 = write_qdq(model, list_layers(model), activations)
    onnx.checker.check_model(int8, full_check=True)
    return {it.name: numpy_helper.to_array(it) for it in int8.graph.initializer}


def test_last_convolution_is_no_layer() -> None:
    (layer,) = list_layers(network(np.ones((2, 2, 1, 1), np.float32), np.zeros(2, np.float32)))
    assert (layer.name, layer.input, layer.output) == ("first", "image", "active")


def test_depthwise_by_hand() -> None:
    """0.3 is 19.2 steps of 1/64: 0.2/64 of the mean is lost, 10 and 100 in the two channels."""
    weight = np.array([[[[1, 0.3]]], [[[-1, 0.3]]]], np.float32)
    model = network(weight, np.array([1, 2], np.float32), groups=2)
    constants = written(model, activation(-51, 204, 10, 100))
    assert constants["image/scale"] == pytest.approx(1)
    assert constants["image/zero"] == 51
    assert constants["active/scale"] == pytest.approx(0.02)  # zero is among the values
    assert constants["active/zero"] == 0
    assert constants["first/weight"].tolist() == [[[[64, 19]]], [[[-64, 19]]]]
    assert constants["first/weight/scale"] == pytest.approx([1 / 64] * 2)
    bias = constants["first/bias"].astype(float) * constants["first/bias/scale"].astype(float)
    assert bias == pytest.approx([1 + 10 * 0.2 / 64, 2 + 100 * 0.2 / 64], abs=1 / 128)


def test_each_channel_has_its_own_steps() -> None:
    weight = np.array([[[[32]], [[8]]], [[[0.5]], [[0.25]]]], np.float32)
    constants = written(network(weight, np.zeros(2, np.float32)), activation(0, 255, 1, 1))
    assert constants["first/weight"].ravel().tolist() == [64, 16, 64, 32]
    assert constants["first/weight/scale"].tolist() == [0.5, 1 / 128]


def test_dead_channel_keeps_its_bias() -> None:
    """Steps fit for weights of 1e-12 would need a bias of 47 bits."""
    weight = np.array([[[[1e-12]], [[0]]], [[[0]], [[0]]]], np.float32)
    constants = written(network(weight, np.array([3, 4], np.float32)), activation(0, 255, 1, 1))
    bias = constants["first/bias"].astype(float) * constants["first/bias/scale"].astype(float)
    assert bias == pytest.approx([3, 4], rel=1e-6)


def test_float_layer_amid_int8_is_run_in_float() -> None:
    """The layer's weights are 100, which meets only zeros, and 0.1, which int8 would lose."""
    kernels = {
        "first": [[1, 0, 0], [0, 0, 0]],
        "second": [[0, 100], [0.1, 0]],
        "third": [[1, 1], [1, 1]],
        "last": [[1, 1]],
    }
    tensors = ["image", "a", "b", "c", "depth"]
    nodes, read = [], "image"
    for name, made in zip(kernels, tensors[1:], strict=True):
        nodes.append(helper.make_node("Conv", [read, f"{name}/w"], [f"{made}/linear"], name))
        nodes.append(helper.make_node("Relu", [f"{made}/linear"], [made]))
        read = made
    graph = helper.make_graph(
        nodes,
        "four",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 3, "h", "w"])],
        [helper.make_tensor_value_info("depth", TensorProto.FLOAT, ["n", 1, "h", "w"])],
        [
            numpy_helper.from_array(np.array(it, np.float32)[..., None, None], f"{name}/w")
            for name, it in kernels.items()
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    activations = {"image": activation(0, 255, 1, 1, 1), "a": activation(0, 255, 1, 1)}
    activations |= {name: activation(0, 25.5, 1, 1) for name in tensors[2:]}
    layers = [layer for layer in list_layers(model) if layer.name != "second"]
    content = write_qdq(model, layers, activations).SerializeToString()
    photo = np.array([[[[50, 100, 200]], [[7, 8, 9]], [[0, 0, 0]]]], np.float32)
    for session in (OnnxSession(content), OpenvinoSession(content)):
        assert session.run(photo).ravel() == pytest.approx([10, 20, 40], abs=0.4)


def test_nothing_in_int8_is_the_network_itself() -> None:
    model = network(np.ones((2, 2, 1, 1), np.float32), np.zeros(2, np.float32))
    assert write_qdq(model, [], {}) == model
