"""A network whose convolutions compute in int8, written as plain ONNX (QuantizeLinear and back).

Activations are uint8 with a zero point, weights int8 per output channel without one, biases
int32. Two things that runtimes do decide the rest:

- On x86 without VNNI, int8 kernels add two products u8 * s8 in 16 bits, with saturation
  (`vpmaddubsw`). Weights therefore stay within 64: 2 * 255 * 64 < 2^15. One bit is lost, and
  the same file gives the same map on every processor.
- onnxruntime (weight_bias_quantization.cc) makes int8, with one scale for all channels, of
  every convolution whose input is dequantized by a single scale, also of one that was left in
  float. The latter gets its input dequantized by as many equal scales as there are channels.

onnxruntime's own quantizer is not used: it takes twenty times as long, which matters where
a network is written a hundred times to find the layers that must stay float, it has no bias
correction, and what is needed of it is not part of its documented interface.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from nearfar.training.quantization.activations import Activation, RangeName

LARGEST_WEIGHT: Final = 64
"""See the top of this file."""

_LARGEST_BIAS: Final = 2**30
_FUSED: Final = ("Relu", "Clip")
_WEIGHTED: Final = ("Conv", "ConvTranspose", "Gemm")


@dataclass(frozen=True, eq=False)
class Layer:
    """A convolution that can compute in int8.

    Attributes:
        name: of its node.
        input: the tensor it reads.
        output: the tensor that is rounded after it: behind its ReLU, where it has one.
        weight: (out, in / groups, ...) float32.
        bias: (out,) float32.
        groups: of channels.
    """

    name: str
    input: str
    output: str
    weight: NDArray[np.float32]
    bias: NDArray[np.float32]
    groups: int


def list_layers(model: onnx.ModelProto) -> tuple[Layer, ...]:
    """List the convolutions that can compute in int8, in the order in which they run.

    The last one before the answer is not among them: 256 steps would be seen in the map.
    """
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    readers: dict[str, list[onnx.NodeProto]] = {}
    for node in model.graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    last = _last(model.graph)
    layers = []
    for node in model.graph.node:
        if node.op_type != "Conv" or node.name in last or not {*node.input[1:]} <= {*constants}:
            continue
        weight = numpy_helper.to_array(constants[node.input[1]])
        bias = np.zeros(len(weight), np.float32)
        if len(node.input) > 2:
            bias = numpy_helper.to_array(constants[node.input[2]])
        after = readers.get(node.output[0], [])
        fused = len(after) == 1 and after[0].op_type in _FUSED
        output = (after[0] if fused else node).output[0]
        groups = next((a.i for a in node.attribute if a.name == "group"), 1)
        layers.append(Layer(node.name, node.input[0], output, weight, bias, groups))
    return tuple(layers)


def _last(graph: onnx.GraphProto) -> set[str]:
    """Name the convolutions between which and the answer there is no other."""
    makers = {name: node for node in graph.node for name in node.output}
    found, to_see = set(), [output.name for output in graph.output]
    while to_see:
        node = makers.get(to_see.pop())
        if node is not None and node.op_type == "Conv":
            found.add(node.name)
        elif node is not None:
            to_see.extend(node.input)
    return found


def write_qdq(
    model: onnx.ModelProto,
    layers: Collection[Layer],
    activations: Mapping[str, Activation],
    ranges: RangeName = "extremes",
) -> onnx.ModelProto:
    """Write a network with these layers in int8 and everything else as it is.

    What rounding the weights of a channel adds to its mean is taken off its bias: (w - q) times
    the mean input (Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias
    Correction", ICCV 2019, section 4.2, with measured means).

    Args:
        model: of opset 13 at least.
        layers: of `list_layers(model)`.
        activations: of every layer's input and output.
        ranges: which of an activation's ranges 256 steps shall cover.
    """
    written = onnx.ModelProto()
    written.CopyFrom(model)
    _Writer(written.graph, activations, ranges).write({layer.name: layer for layer in layers})
    return written


class _Writer:
    def __init__(
        self, graph: onnx.GraphProto, activations: Mapping[str, Activation], ranges: RangeName
    ) -> None:
        self._graph = graph
        self._activations = activations
        self._ranges: RangeName = ranges
        self._constants: list[onnx.TensorProto] = []

    def write(self, layers: Mapping[str, Layer]) -> None:
        rounded = {tensor for it in layers.values() for tensor in (it.input, it.output)}
        made = {it.output for it in layers.values()}
        given = [value.name for value in self._graph.input if value.name in rounded]
        nodes = [node for name in given for node in self._round(name)]
        for node in [*self._graph.node]:
            read = [*node.input]
            if node.name in layers:
                before, node.input[:] = self._weigh(layers[node.name])
                nodes += before
            elif node.op_type in _WEIGHTED:
                if read[0] in made:
                    nodes.append(self._restore(read[0], node.name))
                    node.input[0] = nodes[-1].output[0]
            else:
                node.input[:] = [f"{name}/rounded" if name in rounded else name for name in read]
            nodes.append(node)
            for name in node.output:
                nodes += self._round(name) if name in rounded else ()
        self._finish(nodes)

    def _constant(self, name: str, value: Any) -> str:
        self._constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def _scale(self, tensor: str) -> np.float32:
        low, high = self._range(tensor)
        scale: np.float32 = np.float32((high - low) / 255 if high > low else 1)
        return scale

    def _zero(self, tensor: str) -> np.uint8:
        steps = np.rint(-self._range(tensor)[0] / self._scale(tensor))
        zero: np.uint8 = np.clip(steps, 0, 255).astype(np.uint8)
        return zero

    def _range(self, tensor: str) -> tuple[float, float]:
        """Give the ends, zero among them: what is padded with must be exact."""
        low, high = getattr(self._activations[tensor], self._ranges)
        return min(low, 0.0), max(high, 0.0)

    def _round(self, tensor: str) -> tuple[onnx.NodeProto, onnx.NodeProto]:
        scale, zero = self._scale(tensor), self._zero(tensor)
        how = [self._constant(f"{tensor}/scale", scale), self._constant(f"{tensor}/zero", zero)]
        return (
            helper.make_node("QuantizeLinear", [tensor, *how], [f"{tensor}/int8"]),
            helper.make_node("DequantizeLinear", [f"{tensor}/int8", *how], [f"{tensor}/rounded"]),
        )

    def _restore(self, tensor: str, reader: str) -> onnx.NodeProto:
        """Dequantize for a layer in float: see the top of this file."""
        channels = len(self._activations[tensor].mean)
        how = [
            self._constant(f"{reader}/scales", np.full(channels, self._scale(tensor))),
            self._constant(f"{reader}/zeros", np.full(channels, self._zero(tensor))),
        ]
        read = [f"{tensor}/int8", *how]
        return helper.make_node("DequantizeLinear", read, [f"{reader}/restored"], axis=1)

    def _weigh(self, layer: Layer) -> tuple[list[onnx.NodeProto], list[str]]:
        """Round a layer's weight and bias; give the nodes that restore them, and its inputs."""
        weight, own, scale = layer.weight.astype(np.float64), layer.name, self._scale(layer.input)
        flat = weight.reshape(len(weight), -1)
        # a channel that is all but dead would need a bias of more than 32 bits
        steps = np.maximum(
            np.abs(flat).max(1) / LARGEST_WEIGHT, np.abs(layer.bias) / (scale * _LARGEST_BIAS)
        )
        steps = np.where(steps > 0, steps, 1).astype(np.float32)
        whole = np.clip(np.rint(flat / steps[:, None]), -LARGEST_WEIGHT, LARGEST_WEIGHT)
        lost = (flat - whole * steps[:, None]).reshape(*weight.shape[:2], -1).sum(2)
        mean = self._activations[layer.input].mean.reshape(layer.groups, -1)
        group = np.arange(len(weight)) * layer.groups // len(weight)
        bias = layer.bias + (lost * mean[group]).sum(1)
        bias_steps = scale * steps
        parts = {
            "weight": (whole.reshape(weight.shape).astype(np.int8), steps, np.int8),
            "bias": (
                np.clip(np.rint(bias / bias_steps), -(2**31) + 1, 2**31 - 1).astype(np.int32),
                bias_steps,
                np.int32,
            ),
        }
        nodes = []
        for part, (values, part_steps, kind) in parts.items():
            read = [
                self._constant(f"{own}/{part}", values),
                self._constant(f"{own}/{part}/scale", part_steps),
                self._constant(f"{own}/{part}/zero", np.zeros(len(steps), kind)),
            ]
            made = [f"{own}/{part}/restored"]
            nodes.append(helper.make_node("DequantizeLinear", read, made, axis=0))
        return nodes, [f"{layer.input}/rounded", *(node.output[0] for node in nodes)]

    def _finish(self, nodes: list[onnx.NodeProto]) -> None:
        used = Counter(name for node in nodes for name in node.input)
        used.update(output.name for output in self._graph.output)
        nodes = [node for node in nodes if any(used[name] for name in node.output)]
        constants = [it for it in (*self._graph.initializer, *self._constants) if used[it.name]]
        for field, values in (("node", nodes), ("initializer", constants), ("value_info", [])):
            self._graph.ClearField(field)
            getattr(self._graph, field).extend(values)
