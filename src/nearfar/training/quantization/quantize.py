"""Quantize a float network to int8, with an error below a bound.

Three choices are measured on photos that are not used for calibration: which range of the
activations the 256 levels cover, which layers stay in float, and how many.
"""

import os
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import onnx
from onnx import version_converter

from nearfar.errors import ModelFileError, UsageError
from nearfar.io.paths import temporary_root
from nearfar.models.onnx_file import refuse_external
from nearfar.runtimes import telemetry
from nearfar.runtimes.base import Batch, RawDepth
from nearfar.runtimes.error_text import reason
from nearfar.runtimes.onnx import OnnxSession
from nearfar.training.quantization.activations import RANGES, RangeName, measure_activations
from nearfar.training.quantization.qdq import Layer, list_layers, write_qdq
from nearfar.training.quantization.sensitivity import find_sensitive

OPSET: Final = 17
"""Older graphs are converted to this opset: per-channel scales need 13."""

MAX_DISAGREEMENT: Final = 0.05
"""Default error bound. Two layers of the bundled network stay in float, which costs no time."""


@dataclass(frozen=True, eq=False)
class Quantized:
    """A network in int8, and how it was made.

    Attributes:
        content: of the ONNX file.
        disagreement: from the float network, see `disagreement`; mean over the held-out photos.
        ranges: the activation range with the smallest disagreement.
        tried: range -> disagreement with every layer in int8.
        layers: number of convolutions that can compute in int8.
        kept_float: names of those that stay in float.
        trials: number of tried networks.
    """

    content: bytes
    disagreement: float
    ranges: RangeName
    tried: dict[RangeName, float]
    layers: int
    kept_float: tuple[str, ...]
    trials: int


def quantize(
    content: bytes,
    photos: Iterable[Batch],
    held_out: Sequence[Batch],
    *,
    bound: float = MAX_DISAGREEMENT,
    threads: int | None = None,
    on_stage: Callable[[str], None] = lambda _: None,
) -> Quantized:
    """Quantize a network's convolutions to a QDQ graph.

    Args:
        content: of an ONNX file, a network in float32.
        photos: for calibration, (1, 3, h, w) float32 each, preprocessed for the network; consumed
            once, one at a time.
        held_out: other photos, on which the choices are measured; 4 to 16 are enough.
        bound: largest disagreement; layers stay in float until it is met.
        threads: of the runtime; the number of physical cores if None.
        on_stage: called with a short description of each stage.

    Raises:
        ModelFileError: the file is damaged, or the network can't be run.
        UsageError: there are no photos, or no convolution can be quantized.
    """
    if not held_out:
        raise UsageError("there are no photos to evaluate int8 on: use a folder with more photos")
    model = _prepare(content)
    layers = list_layers(model)
    if not layers:
        raise UsageError(
            "nothing to quantize: the only float32 convolution of this network is its last"
        )
    on_stage("measuring activations")
    names = {name for layer in layers for name in (layer.input, layer.output)}
    activations = measure_activations(model, names, photos, threads=threads)
    reference = OnnxSession(content, threads=threads)
    truth = [reference.run(photo) for photo in held_out]

    def serialize(group: Sequence[Layer], ranges: RangeName) -> bytes:
        content: bytes = write_qdq(model, group, activations, ranges).SerializeToString()
        return content

    def error(group: Sequence[Layer], ranges: RangeName) -> float:
        session = OnnxSession(serialize(group, ranges), threads=threads)
        pairs = zip(truth, held_out, strict=True)
        return float(np.mean([disagreement(depth, session.run(photo)) for depth, photo in pairs]))

    on_stage("choosing ranges")
    tried: dict[RangeName, float] = {name: error(layers, name) for name in RANGES}
    ranges = min(RANGES, key=tried.__getitem__)
    on_stage("searching for layers that must stay in float")
    result = find_sensitive(layers, lambda group: error(group, ranges), bound)
    kept = {layer.name for layer in result.kept}
    return Quantized(
        serialize([layer for layer in layers if layer.name not in kept], ranges),
        result.error,
        ranges,
        tried,
        len(layers),
        tuple(layer.name for layer in result.kept),
        result.trials,
    )


def disagreement(reference: RawDepth, other: RawDepth) -> float:
    """Return how much a map differs from another, regardless of scale and shift.

    The mean absolute difference after least-squares alignment of `other`, divided by the mean
    absolute deviation of `reference`: 0 for equal maps, 1 if `other` is no better than a constant.

    Args:
        reference: (N, h, w) float32.
        other: of the same shape.
    """
    truth, values = (array.ravel().astype(np.float64) for array in (reference, other))
    truth, values = truth - truth.mean(), values - values.mean()
    scale = _ratio(values @ truth, values @ values)
    return _ratio(np.abs(truth - scale * values).mean(), np.abs(truth).mean())


def _ratio(part: np.float64, whole: np.float64) -> float:
    return float(part / whole) if whole > 0 else 0.0


def _prepare(content: bytes) -> onnx.ModelProto:
    """Fold constants, batch normalization and padding into convolutions, and name all nodes."""
    refuse_external(content)
    ort = telemetry.onnxruntime()
    try:
        model = onnx.load_model_from_string(content)
        opset = next(it.version for it in model.opset_import if it.domain in {"", "ai.onnx"})
        if opset < 13:
            model = version_converter.convert_version(model, OPSET)
        for node in model.graph.node:
            while node.input and not node.input[-1]:
                node.input.pop()  # onnxruntime does not fold padding with empty inputs
        options = ort.SessionOptions()
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.log_severity_level = 4
        with tempfile.TemporaryDirectory(dir=temporary_root()) as folder:
            path = Path(folder) / "prepared.onnx"
            options.optimized_model_filepath = os.fspath(path)
            ort.InferenceSession(
                model.SerializeToString(), options, providers=["CPUExecutionProvider"]
            )
            prepared = onnx.load_model(path)
            del prepared.metadata_props[:]  # they describe a network that can be trained further
    except Exception as error:  # the libraries' errors share no base class of their own
        raise ModelFileError(
            f"not an ONNX network that can be quantized ({reason(error)})"
        ) from error
    return _clean_up(prepared)


def _clean_up(model: onnx.ModelProto) -> onnx.ModelProto:
    """Name every node, and remove unused opset imports and inputs."""
    graph = model.graph
    for index, node in enumerate(graph.node):
        node.name = node.name or f"{node.op_type}_{index}"
    domains = {node.domain for node in graph.node} | {""}
    used = [it for it in model.opset_import if it.domain in domains]
    model.ClearField("opset_import")
    model.opset_import.extend(used)
    constants = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in constants]
    graph.ClearField("input")
    graph.input.extend(inputs)
    return model
