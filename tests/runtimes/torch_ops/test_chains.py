"""Operators that need each other, against ONNX Runtime."""

import numpy as np
import pytest
from onnx import TensorProto, numpy_helper

from tests.runtimes.torch_ops.graphs import Node, assert_same, model, to_maps, values, whole

RNG = np.random.default_rng(3)

CHAINS: dict[str, tuple[int, list[Node]]] = {
    # version of the operator set, and the nodes
    "roots": (
        17,
        [
            ("Exp", ["x"], {}),
            ("Sqrt", ["y0"], {}),
            ("Log", ["y1"], {}),
            ("Reciprocal", ["y0"], {}),
            ("Add", ["y2", "y3"], {}),
            *to_maps("y4"),
        ],
    ),
    "comparisons": (
        17,
        [
            ("Greater", ["x", np.float32(0)], {}),
            ("LessOrEqual", ["x", np.float32(1)], {}),
            ("And", ["y0", "y1"], {}),
            ("Less", ["x", np.float32(-1)], {}),
            ("Or", ["y2", "y3"], {}),
            ("GreaterOrEqual", ["x", np.float32(2)], {}),
            ("Not", ["y4"], {}),
            ("Equal", ["y5", "y6"], {}),
            ("Where", ["y7", "x", np.float32(9)], {}),
            *to_maps("y8"),
        ],
    ),
    **{
        f"squares-{mode}": (
            17,
            [
                ("Conv", ["x", values(12, 3, 1, 1)], {}),
                ("DepthToSpace", ["y0"], {"blocksize": 2, "mode": mode}),
                *to_maps("y1"),
            ],
        )
        for mode in ("DCR", "CRD")
    },
    "attention": (
        17,
        [
            ("Shape", ["x"], {}),
            ("Gather", ["y0", np.int64(0)], {}),
            ("Unsqueeze", ["y1", whole(0)], {}),
            ("Concat", ["y2", whole(3, -1)], {"axis": 0}),
            ("Reshape", ["x", "y3"], {}),
            ("Transpose", ["y4"], {"perm": [0, 2, 1]}),
            ("MatMul", ["y5", values(3, 3)], {}),
            ("MatMul", ["y6", "y4"], {}),
            ("Softmax", ["y7"], {"axis": -1}),
            ("MatMul", ["y8", "y5"], {}),
            ("Unsqueeze", ["y9", whole(-1, 1)], {}),
            ("Squeeze", ["y10", whole(1, -1)], {}),
        ],
    ),
    "gemm": (
        17,
        [
            ("Reshape", ["x", whole(0, -1)], {}),
            ("Gemm", ["y0", values(5, 144), values(5)], {"transB": 1, "alpha": 0.5, "beta": 2.0}),
            ("Flatten", ["y1"], {}),
            ("Unsqueeze", ["y2", whole(2)], {}),
        ],
    ),
    "gemm-transposed": (
        17,
        [
            ("Flatten", ["x"], {"axis": -1}),
            ("Gemm", ["y0", values(36, 5)], {"transA": 1}),
            ("Unsqueeze", ["y1", whole(0)], {}),
            ("Concat", ["y2", "y2"], {"axis": 0}),
        ],
    ),
    "shapes": (
        17,
        [
            ("Shape", ["x"], {"start": 2}),
            ("Div", ["y0", whole(4)], {}),
            (
                "ConstantOfShape",
                ["y1"],
                {"value": numpy_helper.from_array(np.array([2.5], np.float32))},
            ),
            ("Range", [np.int64(0), np.int64(3), np.int64(1)], {}),
            ("Cast", ["y3"], {"to": TensorProto.FLOAT}),
            ("Reshape", ["y4", whole(3, 1, 1)], {}),
            ("Add", ["y5", "y2"], {}),
            ("Shape", ["x"], {"end": 1}),
            ("Concat", ["y7", whole(1, 1, 1)], {"axis": 0}),
            ("Expand", ["y6", "y8"], {}),
            *to_maps("y9"),
        ],
    ),
    "split": (
        17,
        [
            ("Split", ["x", whole(1, 2)], {"axis": 1, "outs": 2}),
            ("Add", ["y0", "y0b"], {}),
            ("Split", ["y1"], {"axis": 3, "outs": 2}),
            ("Sub", ["y2", "y2b"], {}),
            *to_maps("y3"),
        ],
    ),
    "split-18": (
        18,
        [
            ("Split", ["x"], {"axis": 3, "num_outputs": 3, "outs": 3}),
            ("Add", ["y0", "y0b"], {}),
            ("ReduceMean", ["y1", whole(1)], {"keepdims": 0}),
        ],
    ),
    "pad-18": (
        18,
        [
            ("Pad", ["x", whole(1, 2, 3, 0), "", whole(3, -2)], {}),
            ("ReduceMean", ["y0", whole(1)], {"keepdims": 0}),
        ],
    ),
    "gelu-20": (
        20,
        [
            ("Gelu", ["x"], {}),
            ("Gelu", ["y0"], {"approximate": "tanh"}),
            ("ReduceMean", ["y1", whole(1)], {"keepdims": 0}),
        ],
    ),
    "old": (
        11,
        [
            ("Clip", ["x", np.float32(-1), np.float32(1)], {}),
            ("Softmax", ["y0"], {"axis": 2}),
            ("Unsqueeze", ["y1"], {"axes": [0]}),
            ("Squeeze", ["y2"], {"axes": [0]}),
            ("Split", ["y3"], {"axis": 1, "split": [2, 1], "outs": 2}),
            ("ReduceSum", ["y4"], {"axes": [1], "keepdims": 0}),
        ],
    ),
    "older": (
        9,
        [
            ("Clip", ["x"], {"min": -1.0, "max": 0.5}),
            ("Pad", ["y0"], {"pads": [0, 0, 1, 0, 0, 0, 0, 1], "value": 2.0}),
            ("Slice", ["y1"], {"axes": [2, 3], "starts": [1, 0], "ends": [5, -1]}),
            *to_maps("y2"),
        ],
    ),
    "constants": (
        17,
        [
            ("Constant", [], {"value_float": 0.5}),
            ("Constant", [], {"value_ints": [0, 3, -1, 8]}),
            ("Constant", [], {"value_floats": [1.0, -1.0] * 4}),
            ("Constant", [], {"value_int": 2}),
            ("Reshape", ["x", "y1"], {}),
            ("Mul", ["y4", "y2"], {}),
            ("Pow", ["y5", "y3"], {}),
            ("Add", ["y6", "y0"], {}),
            *to_maps("y7"),
        ],
    ),
    "quantized": (
        17,
        [
            ("QuantizeLinear", ["x", np.float32(0.03), np.uint8(100)], {}),
            ("DequantizeLinear", ["y0", np.float32(0.03), np.uint8(100)], {}),
            (
                "DequantizeLinear",
                [
                    RNG.integers(-127, 128, (4, 3, 3, 3)).astype(np.int8),
                    np.exp(values(4)),
                    np.zeros(4, np.int8),
                ],
                {"axis": 0},
            ),
            (
                "DequantizeLinear",
                [RNG.integers(-999, 999, 4).astype(np.int32), np.float32(0.1)],
                {},
            ),
            ("Conv", ["y1", "y2", "y3"], {}),
            ("QuantizeLinear", ["y4", np.exp(values(4)) * 9, np.zeros(4, np.int8)], {"axis": 1}),
            ("DequantizeLinear", ["y5", np.exp(values(4)) * 9, np.zeros(4, np.int8)], {"axis": 1}),
            *to_maps("y6"),
        ],
    ),
}


@pytest.mark.parametrize("name", CHAINS)
def test_operators_together_match_onnxruntime(name: str) -> None:
    opset, nodes = CHAINS[name]
    assert_same(model(nodes, opset=opset), values(2, 3, 6, 8))
