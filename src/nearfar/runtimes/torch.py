"""PyTorch as a runtime: it walks an ONNX graph, operator by operator.

It is here to compare with and to check against, not because it is fast. torch and onnx are
imported when a session is made.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nearfar.errors import InferenceError, ModelFileError, NearfarError, lacks_memory
from nearfar.models.onnx_file import refuse_external
from nearfar.optional import require
from nearfar.runtimes import cpu
from nearfar.runtimes.base import ModelIO, TensorInfo
from nearfar.runtimes.error_text import out_of_memory, reason

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import onnx
    from numpy.typing import NDArray
    from torch import Tensor

    from nearfar.runtimes.base import Batch, RawDepth

_STANDARD_DOMAINS: Final = ("", "ai.onnx")


@dataclass(frozen=True)
class _Step:
    """One operator of the graph, bound to its attributes.

    Attributes:
        label: operator and name, for messages.
        function: tensors in the order of `inputs` -> one tensor, or one for each output.
        inputs: names of values; "" is an optional input that is not given.
        outputs: names of values; "" is an output that nobody wants.
        last_uses: the values that no later step needs.
    """

    label: str
    function: Callable[..., Tensor | tuple[Tensor, ...]]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    last_uses: tuple[str, ...] = ()

    def __call__(self, values: Mapping[str, Any]) -> dict[str, Tensor]:
        try:
            result = self.function(*(values[name] for name in self.inputs))
        except Exception as error:  # torch raises nearly anything for a size that does not fit
            if lacks_memory(error):
                raise out_of_memory("torch", error) from error
            raise InferenceError(f"torch failed in {self.label}: {reason(error)}") from error
        results = result if isinstance(result, tuple) else (result,)
        return {name: value for name, value in zip(self.outputs, results, strict=False) if name}


class TorchSession:
    """A depth network as ONNX, run by PyTorch eagerly. Safe to call from several threads at once.

    Args:
        model: content of an ONNX file.
        threads: for all of torch in this process, since torch knows no other way; left as they
            are when not given.

    Raises:
        MissingExtraError: torch or onnx is not installed.
        ModelFileError: the file is damaged, or no depth network.
        InferenceError: the graph has an operator or an attribute that is not covered here; the
            message names it.
        UsageError: less than one thread.
    """

    runtime: str = "torch"

    def __init__(self, model: bytes, *, threads: int | None = None) -> None:
        torch = require("torch")
        require("onnx")
        refuse_external(model)
        try:
            graph, opset = _read(model)
            weights = _weights(graph)
            self._door = ModelIO(
                [_port(value) for value in graph.input if value.name not in weights],
                [_port(value) for value in graph.output],
            )
            steps = [_step(node, opset) for node in graph.node]
            with torch.inference_mode():
                self._constants, self._steps = _fold(
                    weights, steps, self._door.input.name, self._door.output.name
                )
        except NearfarError:
            raise
        except Exception as error:  # a damaged file fails in many ways, in two libraries
            raise ModelFileError(
                f"not an ONNX network that torch can load: {reason(error)}"
            ) from error
        if threads is not None:
            torch.set_num_threads(cpu.threads_or_physical(threads))

    def run(self, batch: Batch) -> RawDepth:
        """Run the network; see `Session.run`."""
        return self._door.through(batch, self._run)

    def _run(self, piece: Batch) -> NDArray[np.float32]:
        import torch

        values = dict(self._constants)
        with torch.inference_mode():
            image = torch.tensor(piece)
            values[self._door.input.name] = image.contiguous(memory_format=torch.channels_last)
            for step in self._steps:
                values.update(step(values))
                for name in step.last_uses:
                    del values[name]
            output = values[self._door.output.name].numpy()
        return np.ascontiguousarray(output)


def _read(model: bytes) -> tuple[onnx.GraphProto, int]:
    """The graph, and the version of its operators."""
    import onnx
    from onnx.inliner import inline_local_functions

    proto = onnx.load_model_from_string(model)
    if proto.functions:
        proto = inline_local_functions(proto)
    opsets = [entry.version for entry in proto.opset_import if entry.domain in _STANDARD_DOMAINS]
    if not opsets or not proto.graph.node:
        raise ModelFileError("not an ONNX network that torch can load: it has no graph")
    return proto.graph, opsets[0]


def _weights(graph: onnx.GraphProto) -> dict[str, Tensor]:
    from nearfar.runtimes.torch_ops.table import from_proto

    if graph.sparse_initializer:
        raise _unknown("sparse weights")
    return {proto.name: from_proto(proto) for proto in graph.initializer}


def _port(value: onnx.ValueInfoProto) -> TensorInfo:
    from onnx.helper import tensor_dtype_to_np_dtype

    tensor = value.type.tensor_type
    sides = tuple(
        side.dim_value if side.HasField("dim_value") else None for side in tensor.shape.dim
    )
    dtype = tensor_dtype_to_np_dtype(tensor.elem_type).name if tensor.elem_type else "no tensor"
    return TensorInfo(value.name, sides or None, dtype)


def _step(node: onnx.NodeProto, opset: int) -> _Step:
    """Bind a node to its row of the table."""
    from nearfar.runtimes.torch_ops.table import OPERATORS, attribute_value

    label = f"{node.op_type} {node.name!r}"
    bind = OPERATORS.get(node.op_type)
    if bind is None or node.domain not in _STANDARD_DOMAINS:
        domain = "" if node.domain in _STANDARD_DOMAINS else f"{node.domain}."
        raise _unknown(f"the operator {domain}{node.op_type}")
    accepted = inspect.signature(bind).parameters
    try:
        arguments: dict[str, Any] = {a.name: attribute_value(a) for a in node.attribute}
        unknown = sorted(arguments.keys() - accepted.keys())
        if unknown:
            raise NotImplementedError(f"the attribute {unknown[0]}")  # noqa: TRY301 - one message
        if any(node.output[1:]) and "outputs" not in accepted:
            raise NotImplementedError("a second output")  # noqa: TRY301 - one message
        context = {"opset": opset, "outputs": len(node.output)}
        function = bind(**arguments, **{k: v for k, v in context.items() if k in accepted})
    except NotImplementedError as error:
        raise _unknown(f"{label} with {error}") from error
    return _Step(label, function, tuple(node.input), tuple(node.output))


def _unknown(what: str) -> InferenceError:
    told = " ".join(what.split())
    return InferenceError(f"the torch runtime doesn't know {told}: use --runtime onnxruntime")


def _fold(
    weights: dict[str, Tensor], steps: list[_Step], fed: str, wanted: str
) -> tuple[dict[str, Any], tuple[_Step, ...]]:
    """Compute at once what no picture changes, and find where each value is used last."""
    import torch

    constants: dict[str, Any] = {"": None, **weights}
    known = {*constants, fed}
    kept: list[_Step] = []
    for step in steps:
        if not known.issuperset(step.inputs):
            raise ModelFileError(f"the graph is broken: {step.label} comes before its input")
        if all(name in constants for name in step.inputs):
            constants.update(step(constants))
        else:
            kept.append(step)
        known.update(step.outputs)
    if wanted not in known:
        raise ModelFileError("the graph is broken: nothing makes its output")
    for name, value in weights.items():
        if value.dim() == 4:  # a tenth faster on a CPU
            constants[name] = value.contiguous(memory_format=torch.channels_last)
    needed = {"", wanted, *(name for step in kept for name in step.inputs)}
    constants = {name: value for name, value in constants.items() if name in needed}
    alive = {wanted, *constants}
    for index in reversed(range(len(kept))):
        ends = {*kept[index].inputs, *kept[index].outputs} - alive
        kept[index] = replace(kept[index], last_uses=tuple(ends))
        alive |= ends
    return constants, tuple(kept)
