"""Export a PyTorch depth network to one ONNX file, optionally with large weights in float16.

torch's TorchScript exporter is used: the newer one takes thirty times as long for the same graph
and needs another library. Afterwards constants are folded, and zero padding is merged into the
convolution that follows it.

Parameters and buffers keep their names from the state dict, so that
`nearfar.training.weights.read_onnx` can load them. Therefore batch normalization is not folded
here: runtimes fold it into the convolutions at load time. A weight in float16 is converted to
float32 by a Cast node, which runtimes evaluate once at load time.
"""

import os
import warnings
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from torch import nn

from nearfar.errors import UsageError
from nearfar.io.atomic import replacing

SMALLEST: Final = 8192
"""Number of values from which a tensor is stored in float16. Smaller ones are kernels of the first
and of depthwise layers: 2 % of the file of nearfar-lite, but rounding them too changed depth maps
five times as much (by 1e-3 of their spread in the median of 24 photos instead of 2e-4)."""

_LARGEST_ERROR: Final = 2.0**-10
"""Largest rounding error, relative to a tensor's largest weight. A tensor with a larger error
exceeds the range of float16 and stays in float32."""


def store_as_float16(graph: onnx.GraphProto, *, smallest: int = SMALLEST) -> None:
    """Store the large weights of a graph in float16, each followed by a Cast node to float32.

    Args:
        graph: modified in place. Vectors stay in float32.
        smallest: number of values from which a tensor is stored in float16.
    """
    casts: dict[str, onnx.NodeProto] = {}
    for tensor in graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or len(tensor.dims) < 2:
            continue
        values = numpy_helper.to_array(tensor)
        if values.size < smallest or (half := _round_to_half(values)) is None:
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(half, name))
        casts[name] = helper.make_node(
            "Cast", [name], [f"{name}/float32"], f"{name}/cast", to=TensorProto.FLOAT
        )
    nodes = [*graph.node]
    for node in nodes:
        node.input[:] = [casts[name].output[0] if name in casts else name for name in node.input]
    del graph.node[:]
    graph.node.extend([*casts.values(), *nodes])


def _round_to_half(values: NDArray[np.float32]) -> NDArray[np.float16] | None:
    """Return the values in float16, or None if the rounding error would be too large."""
    with np.errstate(over="ignore"):
        half = values.astype(np.float16)
    error = np.abs(values - half.astype(np.float32)).max()
    return half if error <= _LARGEST_ERROR * np.abs(values).max() else None


INPUT_NAME: Final = "image"
OUTPUT_NAME: Final = "inverse_depth"

CONSTANT_PREFIX: Final = "/"
"""Prefix of the names of tensors that are no parameters or buffers of the network."""

_IGNORED_WARNINGS: Final[tuple[tuple[type[Warning], str], ...]] = (
    # the exporter is deprecated: see the module's docstring for why it is used
    (DeprecationWarning, "You are using the legacy TorchScript-based ONNX export"),
    (DeprecationWarning, "The feature will be removed"),
    # it can't fold strided slices; `_fold_constants` does
    (UserWarning, "Constant folding - Only steps=1 can be constant folded"),
)


def export_onnx(
    network: nn.Module,
    path: str | os.PathLike[str],
    *,
    size_px: tuple[int, int] | None = None,
    multiple_of: int = 32,
    opset: int = 17,
    half: bool = False,
    metadata: Mapping[str, str] | None = None,
    overwrite: bool = True,
) -> None:
    """Write a network as ONNX: input `image` (n, 3, h, w), output `inverse_depth` (n, h, w).

    The batch size is dynamic. The file is written atomically, after ONNX's checker has passed.
    Unused parameters are removed.

    Args:
        network: (N, 3, h, w) float32 -> (N, h, w) float32; exported in evaluation mode, its mode
            is restored afterwards.
        path: of the new file.
        size_px: (width, height) of the input; None makes both dynamic.
        multiple_of: divisor of the input's sides when they are dynamic.
        opset: ONNX operator set version.
        half: store large weights in float16, see `nearfar.training.export`; the network
            still computes in float32.
        metadata: metadata properties of the file.
        overwrite: replace an existing file.

    Raises:
        UsageError: `network` does not accept this size, or its output is not (N, h, w).
        OutputExistsError: `path` exists and `overwrite` is False.
        WriteError: the file can't be written.
    """
    width, height = size_px or (3 * multiple_of, 2 * multiple_of)
    device = next((p.device for p in network.parameters()), torch.device("cpu"))
    image = torch.zeros(2, 3, height, width, device=device)
    with replacing(path, overwrite=overwrite) as temporary:
        with _evaluation_mode(network):
            _check_output(network, image)
            _trace(network, image, temporary, opset, free=size_px is None)
        model = onnx.load_model(temporary)
        _drop_parameters(model.graph)
        _fold_constants(model.graph, model.opset_import)
        _fold_pads(model.graph)
        _drop_unused(model.graph)
        _mark_constants(model.graph, network.state_dict().keys())
        if half:
            store_as_float16(model.graph)
        _declare_output(model.graph, ("n", "h", "w") if size_px is None else ("n", height, width))
        onnx.helper.set_model_props(model, dict(metadata or {}))
        onnx.checker.check_model(model, full_check=True)
        onnx.save_model(model, temporary)


@contextmanager
def _evaluation_mode(network: nn.Module) -> Iterator[None]:
    """Set a network to evaluation mode, and restore the mode of each module afterwards."""
    training = [part for part in network.modules() if part.training]
    network.eval()
    try:
        yield
    finally:
        for part in training:
            part.training = True


def _check_output(network: nn.Module, image: torch.Tensor) -> None:
    with torch.no_grad():
        shape = tuple(network(image).shape)
    expected = (image.shape[0], *image.shape[2:])
    if shape != expected:
        raise UsageError(
            f"the network's output for {tuple(image.shape)} has shape {shape}, not {expected}"
        )


def _trace(network: nn.Module, image: torch.Tensor, path: Path, opset: int, *, free: bool) -> None:
    axes = {INPUT_NAME: {0: "n"}, OUTPUT_NAME: {0: "n"}}
    if free:
        axes[INPUT_NAME] |= {2: "h", 3: "w"}
        axes[OUTPUT_NAME] |= {1: "h", 2: "w"}
    with warnings.catch_warnings():
        for category, message in _IGNORED_WARNINGS:
            warnings.filterwarnings("ignore", message, category)
        torch.onnx.export(
            network,
            (image,),
            path,
            dynamo=False,
            opset_version=opset,
            input_names=[INPUT_NAME],
            output_names=[OUTPUT_NAME],
            dynamic_axes=axes,
            training=torch.onnx.TrainingMode.PRESERVE,  # do not fold batch normalization
            # both keep the parameters' names; the second keeps one of several equal tensors, too
            do_constant_folding=False,
            keep_initializers_as_inputs=True,
        )


def _drop_parameters(graph: onnx.GraphProto) -> None:
    """Remove all graph inputs except the image."""
    images = [value for value in graph.input if value.name == INPUT_NAME]
    del graph.input[:]
    graph.input.extend(images)


def _fold_constants(graph: onnx.GraphProto, opsets: Any) -> None:
    """Evaluate all nodes that depend on no input, and store the results as initializers."""
    known = {""} | {tensor.name for tensor in graph.initializer}
    constant: list[onnx.NodeProto] = []
    rest: list[onnx.NodeProto] = []
    for node in graph.node:
        if known.issuperset(node.input):
            known.update(node.output)
            constant.append(node)
        else:
            rest.append(node)
    computed = {name for node in constant for name in node.output}
    wanted = sorted(computed & {name for node in rest for name in node.input})
    part = onnx.helper.make_graph(
        constant,
        "constants",
        [],
        [onnx.helper.make_empty_tensor_value_info(name) for name in wanted],
        graph.initializer,
    )
    model = onnx.helper.make_model(part, opset_imports=opsets)
    values = ReferenceEvaluator(model).run(wanted, {})
    graph.initializer.extend(
        numpy_helper.from_array(value, name) for name, value in zip(wanted, values, strict=True)
    )
    _replace_nodes(graph, rest)


def _fold_pads(graph: onnx.GraphProto) -> None:
    """Merge zero padding into the convolution that follows it."""
    constants = {tensor.name: tensor for tensor in graph.initializer}
    uses = Counter(name for node in graph.node for name in node.input)
    pads = {
        node.output[0]: node
        for node in graph.node
        if node.op_type == "Pad" and uses[node.output[0]] == 1 and _pads_zeros(node, constants)
    }
    folded: set[str] = set()
    for node in graph.node:
        if node.op_type != "Conv" or node.input[0] not in pads:
            continue
        pad = pads[node.input[0]]
        amounts = numpy_helper.to_array(constants[pad.input[1]]).tolist()
        rank = len(amounts) // 2
        padding = next(attribute for attribute in node.attribute if attribute.name == "pads")
        if any(amounts[:2] + amounts[rank : rank + 2]) or min(amounts) < 0:
            continue
        added = amounts[2:rank] + amounts[rank + 2 :]
        padding.ints[:] = [old + more for old, more in zip(padding.ints, added, strict=True)]
        folded.add(pad.output[0])
        node.input[0] = pad.input[0]
    _replace_nodes(graph, [node for node in graph.node if not folded.intersection(node.output)])


def _pads_zeros(node: onnx.NodeProto, constants: dict[str, onnx.TensorProto]) -> bool:
    mode = next((a.s for a in node.attribute if a.name == "mode"), b"constant")
    value = node.input[2] if len(node.input) > 2 else ""
    zero = not value or (value in constants and not numpy_helper.to_array(constants[value]).any())
    return mode == b"constant" and zero and len(node.input) <= 3 and node.input[1] in constants


def _drop_unused(graph: onnx.GraphProto) -> None:
    used = {name for node in graph.node for name in node.input}
    kept = [tensor for tensor in graph.initializer if tensor.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)


def _mark_constants(graph: onnx.GraphProto, own_names: Collection[str]) -> None:
    """Prefix the names of initializers that are not the network's with `CONSTANT_PREFIX`."""
    renamed = {
        tensor.name: CONSTANT_PREFIX + tensor.name
        for tensor in graph.initializer
        if tensor.name not in own_names and not tensor.name.startswith(CONSTANT_PREFIX)
    }
    for tensor in graph.initializer:
        tensor.name = renamed.get(tensor.name, tensor.name)
    for node in graph.node:
        node.input[:] = [renamed.get(name, name) for name in node.input]


def _declare_output(graph: onnx.GraphProto, shape: tuple[str | int, ...]) -> None:
    """Set the output shape to (n, h, w); for fixed sizes the exporter's dimensions are wrong."""
    output = onnx.helper.make_tensor_value_info(OUTPUT_NAME, onnx.TensorProto.FLOAT, shape)
    graph.output[0].CopyFrom(output)


def _replace_nodes(graph: onnx.GraphProto, nodes: list[onnx.NodeProto]) -> None:
    del graph.node[:]
    graph.node.extend(nodes)
