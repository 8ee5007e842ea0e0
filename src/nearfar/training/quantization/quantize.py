"""A float network and photos -> the same network in int8, as true to it as asked.

Three choices are made by measurement, on photos that took no part in the calibration: which
range of the activations the 256 steps cover, and which layers stay in float, and how many.
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
"""To which older graphs are brought: scales of channels came with 13."""

MAX_DISAGREEMENT: Final = 0.05
"""Of the bundled network, this leaves two layers in float, which costs no time."""


@dataclass(frozen=True, eq=False)
class Quantized:
    """A network in int8, and how it came to be.

    Attributes:
        content: of the ONNX file.
        disagreement: with the float network, see `disagreement`; mean over the held-out photos.
        ranges: which range of the activations was best.
        tried: that range and the others -> disagreement with every layer in int8.
        layers: convolutions that may compute in int8.
        kept_float: names of those of them that do not.
        trials: networks that were tried to find these.
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
    """Quantize a network's convolutions, as `nearfar.training.quantization.qdq` writes them.

    Args:
        content: of an ONNX file, a network in float32.
        photos: to calibrate with, each (1, 3, h, w) float32 as the network is fed; consumed
            once, and one is held at a time.
        held_out: others, by which the choices are made; 4 to 16 suffice.
        bound: largest disagreement; layers stay in float until it is met.
        threads: of a run; the physical cores when not given.
        on_stage: told what is being done, for a person.

    Raises:
        ModelFileError: the file is damaged, or the network can't be run.
        UsageError: no photos, or a network without convolutions that could be quantized.
    """
    if not held_out:
        raise UsageError("there are no photos to judge int8 by: give a folder with more photos")
    model = _prepared(content)
    layers = list_layers(model)
    if not layers:
        raise UsageError(
            "nothing to quantize: this network has no convolution in float32 but its last"
        )
    on_stage("measuring activations")
    names = {name for layer in layers for name in (layer.input, layer.output)}
    activations = measure_activations(model, names, photos, threads=threads)
    reference = OnnxSession(content, threads=threads)
    truth = [reference.run(photo) for photo in held_out]

    def written(group: Sequence[Layer], ranges: RangeName) -> bytes:
        content: bytes = write_qdq(model, group, activations, ranges).SerializeToString()
        return content

    def error(group: Sequence[Layer], ranges: RangeName) -> float:
        session = OnnxSession(written(group, ranges), threads=threads)
        pairs = zip(truth, held_out, strict=True)
        return float(np.mean([disagreement(depth, session.run(photo)) for depth, photo in pairs]))

    on_stage("choosing ranges")
    tried: dict[RangeName, float] = {name: error(layers, name) for name in RANGES}
    ranges = min(RANGES, key=tried.__getitem__)
    on_stage("looking for layers that must stay in float")
    split = find_sensitive(layers, lambda group: error(group, ranges), bound)
    kept = {layer.name for layer in split.kept}
    return Quantized(
        written([layer for layer in layers if layer.name not in kept], ranges),
        split.error,
        ranges,
        tried,
        len(layers),
        tuple(layer.name for layer in split.kept),
        split.trials,
    )


def disagreement(reference: RawDepth, other: RawDepth) -> float:
    """Tell how far a map is from another, whatever its scale and shift.

    Mean absolute difference after least-squares alignment of `other`, over the mean absolute
    deviation of `reference`: 0 is the same map, 1 is no better than a constant.

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


def _prepared(content: bytes) -> onnx.ModelProto:
    """Compute constants, fold normalisations and padding into convolutions, name all nodes."""
    refuse_external(content)
    ort = telemetry.onnxruntime()
    try:
        model = onnx.load_model_from_string(content)
        opset = next(it.version for it in model.opset_import if it.domain in {"", "ai.onnx"})
        if opset < 13:
            model = version_converter.convert_version(model, OPSET)
        for node in model.graph.node:
            while node.input and not node.input[-1]:
                node.input.pop()  # onnxruntime folds no padding that has empty inputs
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
            del prepared.metadata_props[:]  # they tell of a network that training can go on from
    except Exception as error:  # the libraries' errors share no base of their own
        raise ModelFileError(
            f"not an ONNX network that can be quantized ({reason(error)})"
        ) from error
    return _tidied(prepared)


def _tidied(model: onnx.ModelProto) -> onnx.ModelProto:
    """Name every node, and declare only what is used."""
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
