"""The most operations a second that a runtime reaches here: big products and convolutions.

A multiply-add is two operations. Graphs are chains of one operator, so large that what lies
around it does not count.
"""

import time
from typing import Any, Final, Literal

import numpy as np

from benchmarks.folder_rate import bare
from nearfar.runtimes.table import Runtime

Precision = Literal["fp32", "int8"]
Kind = Literal["product", "convolution"]

KINDS: Final[tuple[Kind, ...]] = ("product", "convolution")

_LINKS: Final = 4
_SIDE: Final = 1024
"""Of the square matrices."""
_CHANNELS: Final = 256
_MAP_PX: Final = 48
_KERNEL: Final = 3
_SCALE: Final = 0.02
_OPSET: Final = 17

SHAPES: Final[dict[Kind, tuple[int, ...]]] = {
    "product": (_SIDE, _SIDE),
    "convolution": (1, _CHANNELS, _MAP_PX, _MAP_PX),
}
OPERATIONS: Final[dict[Kind, float]] = {
    "product": 2.0 * _LINKS * _SIDE**3,
    "convolution": 2.0 * _LINKS * (_CHANNELS * _KERNEL * _MAP_PX) ** 2,
}
"""Of one run."""


def gops(runtime: Runtime, precision: Precision, kind: Kind, seconds: float) -> float:
    """Measure the greatest rate of so many seconds, in 10^9 operations a second.

    Args:
        runtime: what computes, with its own defaults: all cores.
        precision: of the numbers.
        kind: of the operator.
        seconds: of trying; two runs before them are not counted.
    """
    run = bare(runtime, graph(kind, precision))
    values = np.random.default_rng(0).random(SHAPES[kind], np.float32)
    for _ in range(2):
        run(values)
    fastest_s, end_s = float("inf"), time.perf_counter() + seconds
    while (began_s := time.perf_counter()) < end_s:
        run(values)
        fastest_s = min(fastest_s, time.perf_counter() - began_s)
    return OPERATIONS[kind] / fastest_s / 1e9


def graph(kind: Kind, precision: Precision) -> bytes:
    """Make the ONNX file of a chain; int8 is written as `nearfar quantize` does, as QDQ.

    Args:
        kind: of the operator.
        precision: of the numbers between the links.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    shape = SHAPES[kind]
    nodes: list[Any] = []
    constants: dict[str, Any] = {}
    if precision == "int8":
        constants = {"scale": np.float32(_SCALE), "zero": np.uint8(0), "even": np.int8(0)}
    value = "x"
    for link in range(_LINKS):
        weights = _weights(kind, link)
        name = f"weights{link}"
        if precision == "fp32":
            constants[name] = weights
        else:
            constants[name] = np.rint(weights / _SCALE).astype(np.int8)
            value = _rounded(nodes, value)
            nodes.append(_node("DequantizeLinear", [name, "scale", "even"], f"{name}/float"))
            name = f"{name}/float"
        nodes.append(_operator(kind, value, name, f"link{link}"))
        value = f"link{link}"
    if precision == "int8":
        value = _rounded(nodes, value)
    nodes.append(_node("Identity", [value], "y"))
    values = [helper.make_tensor_value_info(n, TensorProto.FLOAT, shape) for n in ("x", "y")]
    made = helper.make_graph(
        nodes,
        "peak",
        values[:1],
        values[1:],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=9)
    onnx.checker.check_model(model)
    content: bytes = model.SerializeToString()
    return content


def _weights(kind: Kind, link: int) -> Any:
    shape = (_SIDE, _SIDE) if kind == "product" else (_CHANNELS, _CHANNELS, _KERNEL, _KERNEL)
    random = np.random.default_rng(link).standard_normal(shape, np.float32)
    return random * np.float32(1 / np.sqrt(np.prod(shape[1:])))


def _operator(kind: Kind, value: str, weights: str, output: str) -> Any:
    if kind == "product":
        return _node("MatMul", [value, weights], output)
    return _node("Conv", [value, weights], output, pads=[_KERNEL // 2] * 4)


def _rounded(nodes: list[Any], value: str) -> str:
    nodes.append(_node("QuantizeLinear", [value, "scale", "zero"], f"{value}/8"))
    nodes.append(_node("DequantizeLinear", [f"{value}/8", "scale", "zero"], f"{value}/rounded"))
    return f"{value}/rounded"


def _node(kind: str, inputs: list[str], output: str, **attributes: Any) -> Any:
    from onnx import helper

    return helper.make_node(kind, inputs, [output], output, **attributes)
