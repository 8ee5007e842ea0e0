"""ONNX operators in torch: one table from operator to a function over tensors.

Each row is bound once, with the node's attributes as keywords (named as in the ONNX operator
specification) and, where the meaning depends on it, the version of the operator set. What it
gives takes the node's inputs and returns its output. What can't be done is refused by
`NotImplementedError` while it is bound.
"""

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any, Final, TypeAlias

import numpy as np
import onnx
import torch
import torch.nn.functional as F  # noqa: N812 - the name that everyone gives it
from onnx import numpy_helper
from torch import Tensor

from nearfar.runtimes.torch_ops import layers, shapes
from nearfar.runtimes.torch_ops.resize import resize
from nearfar.runtimes.torch_ops.shapes import Function, integers

Binder: TypeAlias = Callable[..., Function]
"""Attributes as keywords -> the bound operator."""


def from_proto(proto: onnx.TensorProto) -> Tensor:
    """A tensor of the file, copied into torch."""
    return torch.from_numpy(np.array(numpy_helper.to_array(proto)))


def attribute_value(attribute: onnx.AttributeProto) -> Any:
    """As Python: numbers, text, lists of them, or a tensor."""
    value = onnx.helper.get_attribute_value(attribute)
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, onnx.TensorProto):
        return from_proto(value)
    if isinstance(value, onnx.GraphProto):
        raise NotImplementedError("a graph inside")
    return value


def _plain(function: Function) -> Binder:
    """An operator without attributes."""
    return lambda: function


def _dtype(code: int) -> torch.dtype:
    try:
        return torch.from_numpy(np.empty(0, onnx.helper.tensor_dtype_to_np_dtype(code))).dtype
    except (TypeError, KeyError) as error:
        name = onnx.TensorProto.DataType.Name(code)
        raise NotImplementedError(f"the type {name}") from error


def _constant(
    *,
    value: Tensor | None = None,
    value_float: float | None = None,
    value_floats: Sequence[float] | None = None,
    value_int: int | None = None,
    value_ints: Sequence[int] | None = None,
) -> Function:
    if value is None:
        floats = value_float if value_float is not None else value_floats
        whole = value_int if value_int is not None else value_ints
        value = torch.tensor(whole) if floats is None else torch.tensor(floats, dtype=torch.float32)
    return lambda: value


def _cast(*, to: int, saturate: int = 1) -> Function:
    del saturate  # of 8-bit floats, which `_dtype` refuses
    dtype = _dtype(to)
    return lambda x: x.to(dtype)


def _div(a: Tensor, b: Tensor) -> Tensor:
    return torch.div(a, b, rounding_mode=None if a.is_floating_point() else "trunc")


def _mod(*, fmod: int = 0) -> Function:
    return torch.fmod if fmod else torch.remainder


def _clip(*, min: float | None = None, max: float | None = None) -> Function:
    def run(x: Tensor, low: Tensor | None = None, high: Tensor | None = None) -> Tensor:
        below = min if low is None else low.item()
        above = max if high is None else high.item()
        return x if below is None and above is None else torch.clamp(x, below, above)

    return run


def _gelu(*, approximate: str = "none") -> Function:
    return lambda x: F.gelu(x, approximate=approximate)


def _hard_sigmoid(*, alpha: float = 0.2, beta: float = 0.5) -> Function:
    return lambda x: (x * alpha + beta).clamp(0, 1)


def _leaky_relu(*, alpha: float = 0.01) -> Function:
    return lambda x: F.leaky_relu(x, alpha)


def _reduce(function: Callable[[Tensor, list[int], bool], Tensor]) -> Binder:
    def bind(
        *, axes: Sequence[int] | None = None, keepdims: int = 1, noop_with_empty_axes: int = 0
    ) -> Function:
        def run(x: Tensor, given: Tensor | None = None) -> Tensor:
            over = integers(axes if given is None else given)
            if not over and noop_with_empty_axes:
                return x
            return function(x, over or list(range(x.dim())), bool(keepdims))

        return run

    return bind


def _of_many(function: Callable[[Tensor, Tensor], Tensor]) -> Binder:
    """An operator that takes any number of inputs, two by two."""
    return _plain(lambda *parts: reduce(function, parts))


def _quantize(*, axis: int = 1, saturate: int = 1) -> Function:
    del saturate  # of 8-bit floats

    def run(x: Tensor, scale: Tensor, zero: Tensor | None = None) -> Tensor:
        zero = torch.zeros((), dtype=torch.uint8) if zero is None else zero
        limits = torch.iinfo(zero.dtype)
        steps = torch.round(x / _along(scale, x, axis)) + _along(zero, x, axis)
        return steps.clamp(limits.min, limits.max).to(zero.dtype)

    return run


def _dequantize(*, axis: int = 1) -> Function:
    def run(x: Tensor, scale: Tensor, zero: Tensor | None = None) -> Tensor:
        steps = x.to(scale.dtype)
        if zero is not None:
            steps = steps - _along(zero, x, axis).to(scale.dtype)
        return steps * _along(scale, x, axis)

    return run


def _along(values: Tensor, x: Tensor, axis: int) -> Tensor:
    """One value, or one for each place on an axis of `x`, so that it broadcasts."""
    if values.numel() == 1:
        return values.reshape(())
    return values.reshape([-1 if i == axis % x.dim() else 1 for i in range(x.dim())])


OPERATORS: Final[dict[str, Binder]] = {
    "Abs": _plain(torch.abs),
    "Add": _plain(torch.add),
    "And": _plain(torch.logical_and),
    "AveragePool": layers.average_pool,
    "BatchNormalization": layers.batch_norm,
    "Cast": _cast,
    "Ceil": _plain(torch.ceil),
    "Clip": _clip,
    "Concat": shapes.concat,
    "Constant": _constant,
    "ConstantOfShape": shapes.constant_of_shape,
    "Conv": layers.conv,
    "ConvTranspose": layers.conv_transpose,
    "Cos": _plain(torch.cos),
    "DepthToSpace": shapes.depth_to_space,
    "DequantizeLinear": _dequantize,
    "Div": _plain(_div),
    "Equal": _plain(torch.eq),
    "Erf": _plain(torch.erf),
    "Exp": _plain(torch.exp),
    "Expand": _plain(shapes.expand),
    "Flatten": shapes.flatten,
    "Floor": _plain(torch.floor),
    "Gather": shapes.gather,
    "Gelu": _gelu,
    "Gemm": layers.gemm,
    "GlobalAveragePool": layers.over_space(torch.mean),
    "GlobalMaxPool": layers.over_space(torch.amax),
    "Greater": _plain(torch.gt),
    "GreaterOrEqual": _plain(torch.ge),
    "HardSigmoid": _hard_sigmoid,
    "HardSwish": _plain(F.hardswish),
    "Identity": _plain(lambda x: x),
    "InstanceNormalization": layers.instance_norm,
    "LayerNormalization": layers.layer_norm,
    "LeakyRelu": _leaky_relu,
    "Less": _plain(torch.lt),
    "LessOrEqual": _plain(torch.le),
    "Log": _plain(torch.log),
    "MatMul": _plain(torch.matmul),
    "Max": _of_many(torch.maximum),
    "MaxPool": layers.max_pool,
    "Min": _of_many(torch.minimum),
    "Mod": _mod,
    "Mul": _plain(torch.mul),
    "Neg": _plain(torch.neg),
    "Not": _plain(torch.logical_not),
    "Or": _plain(torch.logical_or),
    "Pad": layers.pad,
    "Pow": _plain(lambda x, y: torch.pow(x, y).to(x.dtype)),
    "QuantizeLinear": _quantize,
    "Range": _plain(lambda start, end, step: torch.arange(start.item(), end.item(), step.item())),
    "Reciprocal": _plain(torch.reciprocal),
    "ReduceMax": _reduce(torch.amax),
    "ReduceMean": _reduce(torch.mean),
    "ReduceMin": _reduce(torch.amin),
    "ReduceSum": _reduce(torch.sum),
    "Relu": _plain(torch.relu),
    "Reshape": shapes.reshape,
    "Resize": resize,
    "Round": _plain(torch.round),
    "Shape": shapes.shape,
    "Sigmoid": _plain(torch.sigmoid),
    "Sin": _plain(torch.sin),
    "Slice": shapes.cut,
    "Softmax": layers.softmax,
    "Softplus": _plain(F.softplus),
    "Split": shapes.split,
    "Sqrt": _plain(torch.sqrt),
    "Squeeze": shapes.squeeze,
    "Sub": _plain(torch.sub),
    "Tanh": _plain(torch.tanh),
    "Tile": _plain(lambda x, repeats: x.repeat(integers(repeats))),
    "Transpose": shapes.transpose,
    "Unsqueeze": shapes.unsqueeze,
    "Where": _plain(torch.where),
}
"""ONNX operator -> what binds it."""
