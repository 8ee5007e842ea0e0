"""What flows through a network of one operator, by hand."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from nearfar.training.quantization.activations import measure_activations


def network(operator: str) -> onnx.ModelProto:
    """`operator`, then a change of sign."""
    sides = ["n", "channels", "h", "w"]
    graph = helper.make_graph(
        [
            helper.make_node(operator, ["image"], ["inner"]),
            helper.make_node("Neg", ["inner"], ["y"]),
        ],
        "tiny",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, sides)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, sides)],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_ranges_and_means_by_hand() -> None:
    first = np.array([[[[-4, 2]], [[6, 8]]]], np.float32)
    second = np.array([[[[-2, -2]], [[0, 4]]]], np.float32)
    found = measure_activations(network("Relu"), ["inner"], iter([first, second]), threads=1)
    assert set(found) == {"image", "inner"}
    assert found["image"].extremes == pytest.approx((-4, 8))
    assert found["image"].average == pytest.approx((-3, 6))
    assert found["image"].mean.tolist() == [-1.5, 4.5]
    assert found["inner"].extremes == pytest.approx((0, 8))
    assert found["inner"].mean.tolist() == [0.5, 4.5]


def test_tails_are_cut() -> None:
    photo = np.linspace(0, 1, 30_000, dtype=np.float32).reshape(1, 1, 150, 200)
    photo[0, 0, 0, 0] = -1000
    found = measure_activations(network("Relu"), [], [photo])["image"]
    assert found.extremes == pytest.approx((-1000, 1))
    assert found.percentiles == pytest.approx((1e-4, 1 - 1e-4), abs=1e-4)
