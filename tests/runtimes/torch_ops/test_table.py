"""Each operator against ONNX Runtime on the same small graph."""

import numpy as np
import pytest
from onnx import TensorProto

from tests.runtimes.torch_ops.graphs import MAPS, Node, assert_same, model, values, whole

SINGLE: dict[str, Node] = {
    # each is run on (2, 3, 6, 8), and its channels are averaged
    **{
        kind: (kind, ["x"], {})
        for kind in (
            *("Abs", "Ceil", "Cos", "Erf", "Exp", "Floor", "HardSwish", "Identity", "Neg"),
            *("Relu", "Round", "Sigmoid", "Sin", "Softplus", "Tanh", "HardSigmoid", "LeakyRelu"),
        )
    },
    "HardSigmoid-attributes": ("HardSigmoid", ["x"], {"alpha": 1 / 6, "beta": 0.4}),
    "LeakyRelu-attributes": ("LeakyRelu", ["x"], {"alpha": 0.3}),
    "Clip": ("Clip", ["x", np.float32(-0.5), np.float32(0.7)], {}),
    "Clip-above": ("Clip", ["x", "", np.float32(0.7)], {}),
    "Clip-open": ("Clip", ["x"], {}),
    "Mul": ("Mul", ["x", values(3, 1, 1)], {}),
    "Add": ("Add", [values(8), "x"], {}),
    "Sub": ("Sub", ["x", values(6, 8)], {}),
    "Div": ("Div", ["x", np.exp(values(1, 3, 1, 1))], {}),
    "Max": ("Max", ["x", np.float32(0.2), values(8)], {}),
    "Min": ("Min", ["x", np.float32(0.2), values(8)], {}),
    "Mod": ("Mod", ["x", np.float32(0.7)], {"fmod": 1}),
    "Pow": ("Pow", ["x", np.float32(3)], {}),
    "Pow-whole": ("Pow", ["x", np.int64(2)], {}),
    "Softmax": ("Softmax", ["x"], {}),
    "Softmax-axis": ("Softmax", ["x"], {"axis": 1}),
    "Tile": ("Tile", ["x", whole(1, 2, 1, 3)], {}),
    "Expand": ("Expand", ["x", whole(1, 3, 1, 1)], {}),
    "Conv": (
        "Conv",
        ["x", values(4, 3, 3, 3), values(4)],
        {"pads": [1, 0, 2, 1], "strides": [2, 1]},
    ),
    "Conv-even": ("Conv", ["x", values(6, 1, 3, 3)], {"pads": [1, 1, 1, 1], "group": 3}),
    "Conv-dilated": ("Conv", ["x", values(4, 3, 3, 3)], {"dilations": [2, 2]}),
    "Conv-upper": (
        "Conv",
        ["x", values(4, 3, 5, 5)],
        {"auto_pad": "SAME_UPPER", "strides": [2, 2]},
    ),
    "Conv-lower": ("Conv", ["x", values(4, 3, 2, 2)], {"auto_pad": "SAME_LOWER"}),
    "Conv-valid": ("Conv", ["x", values(4, 3, 2, 2)], {"auto_pad": "VALID"}),
    "ConvTranspose": ("ConvTranspose", ["x", values(3, 4, 2, 2), values(4)], {"strides": [2, 2]}),
    "ConvTranspose-pads": (
        "ConvTranspose",
        ["x", values(3, 4, 3, 3)],
        {"strides": [2, 2], "pads": [1, 0, 1, 2], "output_padding": [1, 0]},
    ),
    "ConvTranspose-groups": (
        "ConvTranspose",
        ["x", values(3, 2, 3, 3)],
        {"group": 3, "dilations": [2, 1]},
    ),
    "MaxPool": (
        "MaxPool",
        ["x"],
        {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 0, 1]},
    ),
    "MaxPool-same": ("MaxPool", ["x"], {"kernel_shape": [2, 2], "auto_pad": "SAME_UPPER"}),
    "AveragePool": ("AveragePool", ["x"], {"kernel_shape": [2, 2], "strides": [2, 2]}),
    "AveragePool-pads": ("AveragePool", ["x"], {"kernel_shape": [3, 3], "pads": [0, 1, 1, 1]}),
    "AveragePool-zeros": (
        "AveragePool",
        ["x"],
        {"kernel_shape": [3, 3], "pads": [0, 1, 1, 1], "count_include_pad": 1},
    ),
    "GlobalAveragePool": ("GlobalAveragePool", ["x"], {}),
    "GlobalMaxPool": ("GlobalMaxPool", ["x"], {}),
    "BatchNormalization": (
        "BatchNormalization",
        ["x", values(3), values(3), values(3), np.exp(values(3))],
        {"epsilon": 1e-3},
    ),
    "InstanceNormalization": ("InstanceNormalization", ["x", values(3), values(3)], {}),
    "LayerNormalization": (
        "LayerNormalization",
        ["x", values(8), values(8)],
        {"axis": -1, "epsilon": 1e-6},
    ),
    "LayerNormalization-plain": ("LayerNormalization", ["x", values(6, 8)], {"axis": 2}),
    "LayerNormalization-broadcast": ("LayerNormalization", ["x", values(8)], {"axis": 1}),
    "Pad": ("Pad", ["x", whole(0, 0, 1, 2, 0, 0, 3, 0), np.float32(0.5)], {}),
    "Pad-negative": ("Pad", ["x", whole(0, 0, -1, 2, 0, 0, 3, -2)], {}),
    "Pad-channels": ("Pad", ["x", whole(0, 1, 0, 0, 0, 2, 0, 0)], {}),
    "Pad-reflect": ("Pad", ["x", whole(0, 0, 1, 2, 0, 0, 3, 0)], {"mode": "reflect"}),
    "Pad-edge": ("Pad", ["x", whole(0, 0, 1, 2, 0, 0, 3, 0)], {"mode": "edge"}),
    "Slice": ("Slice", ["x", whole(1, -5), whole(2**62, -1), whole(2, 3)], {}),
    "Slice-steps": (
        "Slice",
        ["x", whole(5, 0), whole(-(2**63), 7), whole(2, 3), whole(-2, 3)],
        {},
    ),
    "Slice-all-axes": ("Slice", ["x", whole(0, 1, 2, 3), whole(9, 9, 9, 9)], {}),
    "Gather": ("Gather", ["x", whole(2, 0, -1)], {"axis": 2}),
    "Concat": ("Concat", ["x", "x"], {"axis": -2}),
    "ReduceMax": ("ReduceMax", ["x"], {"axes": [-1]}),
    "ReduceMin": ("ReduceMin", ["x"], {"axes": [2, 3]}),
    "ReduceSum": ("ReduceSum", ["x", whole(2)], {}),
    "ReduceSum-nothing": ("ReduceSum", ["x"], {"noop_with_empty_axes": 1}),
    "Cast": ("Cast", ["x"], {"to": TensorProto.FLOAT}),
}


@pytest.mark.parametrize("name", SINGLE)
def test_operator_matches_onnxruntime(name: str) -> None:
    assert_same(model([SINGLE[name], *MAPS]), values(2, 3, 6, 8))
