"""Small graphs, and the comparison of torch with ONNX Runtime on them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from nearfar.runtimes.torch import TorchSession

Node = tuple[str, Sequence[Any], dict[str, Any]]
"""Operator, inputs (a name, or an array that becomes a constant), attributes."""


def values(*shape: int) -> NDArray[np.float32]:
    return np.random.default_rng(sum(shape)).normal(0, 1, shape).astype(np.float32)


def whole(*numbers: int) -> NDArray[np.int64]:
    return np.array(numbers, np.int64)


def model(nodes: Sequence[Node], *, opset: int = 17) -> bytes:
    """A chain: `x` is the picture, and `y0`, `y1`, ... what each node gives; the last goes out.

    A node with several outputs has them as `y0`, `y0b`, `y0c`.
    """
    constants: list[onnx.TensorProto] = []
    made: list[onnx.NodeProto] = []
    for i, (kind, given, attributes) in enumerate(nodes):
        names = []
        for value in given:
            if isinstance(value, str):
                names.append(value)
            else:
                names.append(f"c{len(constants)}")
                constants.append(numpy_helper.from_array(np.asarray(value), names[-1]))
        own = {key: value for key, value in attributes.items() if key not in {"outs", "domain"}}
        outs = [f"y{i}{suffix}" for suffix in ("", "b", "c")[: attributes.get("outs", 1)]]
        made.append(helper.make_node(kind, names, outs, domain=attributes.get("domain", ""), **own))
    image = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, "h", "w"])
    depth = helper.make_tensor_value_info(
        f"y{len(nodes) - 1}", TensorProto.FLOAT, ["n", "h2", "w2"]
    )
    graph = helper.make_graph(made, "net", [image], [depth], constants)
    imports = [helper.make_opsetid("", opset), helper.make_opsetid("com.microsoft", 1)]
    network = helper.make_model(graph, opset_imports=imports, ir_version=8)
    content: bytes = network.SerializeToString()
    return content


def to_maps(name: str) -> list[Node]:
    """(n, c, h, w) -> (n, h, w)."""
    return [("ReduceMean", [name], {"axes": [1], "keepdims": 0})]


def _onnxruntime(content: bytes, batch: NDArray[np.float32]) -> NDArray[np.float32]:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    answer: NDArray[np.float32] = session.run(None, {session.get_inputs()[0].name: batch})[0]
    return answer


def assert_same(content: bytes, batch: NDArray[np.float32], *, tolerance: float = 1e-4) -> None:
    expected = _onnxruntime(content, batch)
    answer = TorchSession(content).run(batch)
    assert answer.dtype == np.float32
    assert answer.shape == expected.shape
    assert np.isfinite(expected).all()
    assert float(np.abs(answer - expected).max()) <= tolerance * float(np.abs(expected).max())


MAPS = to_maps("y0")
