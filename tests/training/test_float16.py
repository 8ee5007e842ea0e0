"""Large weights in float16: which are, and what a graph computes with them."""

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from nearfar.training.export import SMALLEST, store_as_float16

WEIGHT = np.random.default_rng(0).normal(0, 0.1, (128, 64, 1, 1)).astype(np.float32)


def network(weight: NDArray[np.float32], bias: NDArray[np.float32]) -> onnx.ModelProto:
    graph = helper.make_graph(
        [helper.make_node("Conv", ["x", "weight", "bias"], ["y"])],
        "one",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 64, "h", "w"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", len(weight), "h", "w"])],
        [numpy_helper.from_array(weight, "weight"), numpy_helper.from_array(bias, "bias")],
    )
    opsets = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def kinds(model: onnx.ModelProto) -> dict[str, int]:
    return {tensor.name: tensor.data_type for tensor in model.graph.initializer}


def test_it_computes_in_float32_with_rounded_weights() -> None:
    model = network(WEIGHT, np.full(128, 0.1, np.float32))
    store_as_float16(model.graph)
    onnx.checker.check_model(model, full_check=True)
    assert kinds(model) == {"weight": TensorProto.FLOAT16, "bias": TensorProto.FLOAT}
    session = onnxruntime.InferenceSession(model.SerializeToString())
    x = np.random.default_rng(1).normal(0, 1, (1, 64, 2, 2)).astype(np.float32)
    (y,) = session.run(None, {"x": x})
    rounded = WEIGHT[..., 0, 0].astype(np.float16).astype(np.float64)
    expected = np.einsum("oc,nchw->nohw", rounded, x) + np.float32(0.1)
    assert y.dtype == np.float32
    assert np.abs(y - expected).max() < 2e-6


def test_small_tensors_and_vectors_stay() -> None:
    assert WEIGHT.size == SMALLEST
    model = network(WEIGHT[:-1], np.zeros(127, np.float32))
    store_as_float16(model.graph)
    assert kinds(model) == {"weight": TensorProto.FLOAT, "bias": TensorProto.FLOAT}
    assert [node.op_type for node in model.graph.node] == ["Conv"]
    store_as_float16(model.graph, smallest=1)
    assert kinds(model) == {"weight": TensorProto.FLOAT16, "bias": TensorProto.FLOAT}


@pytest.mark.parametrize("factor", [1e7, 1e-7, np.nan])
def test_what_float16_can_not_hold_stays(factor: float) -> None:
    weight = WEIGHT * np.float32(factor)
    model = network(weight, np.zeros(128, np.float32))
    store_as_float16(model.graph)
    (stored, _) = model.graph.initializer
    assert np.array_equal(numpy_helper.to_array(stored), weight, equal_nan=True)


def test_a_few_small_weights_beside_large_ones_keep_nothing_in_float32() -> None:
    weight = WEIGHT.copy()
    weight[:3] *= 1e-9
    model = network(weight, np.zeros(128, np.float32))
    store_as_float16(model.graph)
    assert kinds(model)["weight"] == TensorProto.FLOAT16
