"""Write a network with int8 convolutions as an ONNX QDQ graph (QuantizeLinear, DequantizeLinear).

Activations are uint8 with a zero point, weights int8 per output channel without one, biases
int32. Two properties of the runtimes determine the details:

- On x86 without VNNI, int8 kernels add two products u8 * s8 in 16 bits, with saturation
  (`vpmaddubsw`). Weights are therefore limited to 64: 2 * 255 * 64 < 2^15. This costs one bit, and
  the same file gives the same map on every processor.
- onnxruntime (weight_bias_quantization.cc) quantizes every convolution whose input is dequantized
  with one scale for all channels, also one that should stay in float. For such a layer the input
  is therefore dequantized with one (equal) scale per channel.

onnxruntime's own quantizer is not used: it takes twenty times as long, which matters because a
hundred networks are written to find the layers that must stay in float; it has no bias correction;
and the parts needed here are not a documented interface.
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
"""Largest absolute int8 weight; see the module's docstring."""

_LARGEST_BIAS: Final = 2**30
_FUSED: Final = ("Relu", "Clip")
_WEIGHTED: Final = ("Conv", "ConvTranspose", "Gemm")


@dataclass(frozen=True, eq=False)
class Layer:
    """A convolution that can compute in int8.

    Attributes:
        name: of its node.
        input: name of its input tensor.
        output: name of the tensor that is quantized after it: the output of its ReLU, if any.
        weight: (out, in / groups, ...) float32.
        bias: (out,) float32.
        groups: number of channel groups.
    """

    name: str
    input: str
    output: str
    weight: NDArray[np.float32]
    bias: NDArray[np.float32]
    groups: int


def list_layers(model: onnx.ModelProto) -> tuple[Layer, ...]:
    """List the convolutions that can compute in int8, in execution order.

    The last one before the output is left out: 256 levels would be visible in the map.
    """
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    consumers: dict[str, list[onnx.NodeProto]] = {}
    for node in model.graph.node:
        for name in node.input:
            consumers.setdefault(name, []).append(node)
    last = _last(model.graph)
    layers = []
    for node in model.graph.node:
        if node.op_type != "Conv" or node.name in last or not {*node.input[1:]} <= {*constants}:
            continue
        weight = numpy_helper.to_array(constants[node.input[1]])
        bias = np.zeros(len(weight), np.float32)
        if len(node.input) > 2:
            bias = numpy_helper.to_array(constants[node.input[2]])
        after = consumers.get(node.output[0], [])
        fused = len(after) == 1 and after[0].op_type in _FUSED
        output = (after[0] if fused else node).output[0]
        groups = next((a.i for a in node.attribute if a.name == "group"), 1)
        layers.append(Layer(node.name, node.input[0], output, weight, bias, groups))
    return tuple(layers)


def _last(graph: onnx.GraphProto) -> set[str]:
    """Return the names of the convolutions that no other convolution follows."""
    producers = {name: node for node in graph.node for name in node.output}
    found, pending = set(), [output.name for output in graph.output]
    while pending:
        node = producers.get(pending.pop())
        if node is not None and node.op_type == "Conv":
            found.add(node.name)
        elif node is not None:
            pending.extend(node.input)
    return found


def write_qdq(
    model: onnx.ModelProto,
    layers: Collection[Layer],
    activations: Mapping[str, Activation],
    ranges: RangeName = "extremes",
) -> onnx.ModelProto:
    """Write a network with these layers in int8 and all others unchanged.

    The mean error of a channel that is caused by rounding its weights, (w - q) times the mean
    input, is corrected in its bias (Nagel et al., "Data-Free Quantization Through Weight
    Equalization and Bias Correction", ICCV 2019, section 4.2, with measured means).

    Args:
        model: of opset 13 or later.
        layers: from `list_layers(model)`.
        activations: of every layer's input and output.
        ranges: which of an activation's ranges the 256 levels cover.
    """
    quantized = onnx.ModelProto()
    quantized.CopyFrom(model)
    _Writer(quantized.graph, activations, ranges).write({layer.name: layer for layer in layers})
    return quantized


class _Writer:
    def __init__(
        self, graph: onnx.GraphProto, activations: Mapping[str, Activation], ranges: RangeName
    ) -> None:
        self._graph = graph
        self._activations = activations
        self._ranges: RangeName = ranges
        self._constants: list[onnx.TensorProto] = []

    def write(self, layers: Mapping[str, Layer]) -> None:
        rounded = {tensor for layer in layers.values() for tensor in (layer.input, layer.output)}
        made = {layer.output for layer in layers.values()}
        given = [value.name for value in self._graph.input if value.name in rounded]
        nodes = [node for name in given for node in self._quantize_tensor(name)]
        for node in [*self._graph.node]:
            read = [*node.input]
            if node.name in layers:
                before, node.input[:] = self._quantize_weights(layers[node.name])
                nodes += before
            elif node.op_type in _WEIGHTED:
                if read[0] in made:
                    nodes.append(self._dequantize_per_channel(read[0], node.name))
                    node.input[0] = nodes[-1].output[0]
            else:
                node.input[:] = [f"{name}/rounded" if name in rounded else name for name in read]
            nodes.append(node)
            for name in node.output:
                nodes += self._quantize_tensor(name) if name in rounded else ()
        self._store_nodes(nodes)

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
        """Return minimum and maximum, including zero, because padding must be exact."""
        low, high = getattr(self._activations[tensor], self._ranges)
        return min(low, 0.0), max(high, 0.0)

    def _quantize_tensor(self, tensor: str) -> tuple[onnx.NodeProto, onnx.NodeProto]:
        scale, zero = self._scale(tensor), self._zero(tensor)
        parameters = [
            self._constant(f"{tensor}/scale", scale),
            self._constant(f"{tensor}/zero", zero),
        ]
        return (
            helper.make_node("QuantizeLinear", [tensor, *parameters], [f"{tensor}/int8"]),
            helper.make_node(
                "DequantizeLinear", [f"{tensor}/int8", *parameters], [f"{tensor}/rounded"]
            ),
        )

    def _dequantize_per_channel(self, tensor: str, reader: str) -> onnx.NodeProto:
        """Dequantize for a layer in float: see the module's docstring."""
        channels = len(self._activations[tensor].mean)
        parameters = [
            self._constant(f"{reader}/scales", np.full(channels, self._scale(tensor))),
            self._constant(f"{reader}/zeros", np.full(channels, self._zero(tensor))),
        ]
        read = [f"{tensor}/int8", *parameters]
        return helper.make_node("DequantizeLinear", read, [f"{reader}/restored"], axis=1)

    def _quantize_weights(self, layer: Layer) -> tuple[list[onnx.NodeProto], list[str]]:
        """Quantize weight and bias; return their DequantizeLinear nodes and the layer's inputs."""
        weight, own, scale = layer.weight.astype(np.float64), layer.name, self._scale(layer.input)
        flat = weight.reshape(len(weight), -1)
        # a channel with nearly zero weights would need a bias of more than 32 bits
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

    def _store_nodes(self, nodes: list[onnx.NodeProto]) -> None:
        used = Counter(name for node in nodes for name in node.input)
        used.update(output.name for output in self._graph.output)
        nodes = [node for node in nodes if any(used[name] for name in node.output)]
        constants = [
            tensor for tensor in (*self._graph.initializer, *self._constants) if used[tensor.name]
        ]
        for field, values in (("node", nodes), ("initializer", constants), ("value_info", [])):
            self._graph.ClearField(field)
            getattr(self._graph, field).extend(values)
