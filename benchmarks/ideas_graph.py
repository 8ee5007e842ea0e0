"""Ideas inside the network and at its doors: buffers, layouts, the last resizing, int8."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks import photos
from benchmarks.cold_start import MODEL
from benchmarks.idea import Idea
from nearfar.estimator import Estimator
from nearfar.io.images import Image, read_image
from nearfar.loading import load
from nearfar.models.registry import ModelRegistry
from nearfar.runtimes import telemetry
from nearfar.runtimes.base import Batch
from nearfar.runtimes.cpu import physical

_PHOTO_PX: Final = (1280, 720)
_CALIBRATING: Final = 6


def ideas(folder: Path) -> Iterator[Idea]:
    """Give them one by one.

    Args:
        folder: for the photos.
    """
    estimator = load(MODEL, runtime="onnxruntime")
    content = ModelRegistry().read(MODEL)
    photo = read_image(photos.photo(folder / "photo.jpg", _PHOTO_PX))
    batch = estimator.prepare(photo)
    usual = _runs(_open(content), batch)
    yield Idea(
        "buffers of inputs and outputs bound once (IO binding)",
        used=False,
        with_it=_bound(_open(content), batch),
        without=usual,
        remark="the network alone; input and output stay where they are",
    )
    yield Idea(
        "onnxruntime's blocked layout of channels (NCHWc), not plain NCHW",
        used=True,
        with_it=usual,
        without=_runs(_open(content, level="ORT_ENABLE_EXTENDED"), batch),
        remark="part of all its optimisations, against all but the layout's",
    )
    yield _nhwc(estimator, content, photo)
    yield _outside(content, batch)
    yield from _int8(estimator, content, batch, folder)


def _open(content: bytes, level: str = "ORT_ENABLE_ALL") -> Any:
    ort = telemetry.onnxruntime()
    options = ort.SessionOptions()
    options.graph_optimization_level = getattr(ort.GraphOptimizationLevel, level)
    options.intra_op_num_threads = physical()
    options.log_severity_level = 4
    options.add_session_config_entry("session.force_spinning_stop", "1")
    return ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def _runs(session: Any, batch: NDArray[Any]) -> Callable[[], Any]:
    name = session.get_inputs()[0].name
    return lambda: session.run(None, {name: batch})[0]


def _bound(session: Any, batch: Batch) -> Callable[[], object]:
    ort = telemetry.onnxruntime()
    binding = session.io_binding()
    image = ort.OrtValue.ortvalue_from_numpy(batch)
    answer = ort.OrtValue.ortvalue_from_numpy(np.empty_like(_runs(session, batch)()))
    binding.bind_ortvalue_input(session.get_inputs()[0].name, image)
    binding.bind_ortvalue_output(session.get_outputs()[0].name, answer)
    return lambda: session.run_with_iobinding(binding)


def _nhwc(estimator: Estimator, content: bytes, photo: Image) -> Idea:
    """Feed the resized photo's bytes as they are; the graph transposes and normalises."""
    spec = estimator.spec.input
    size_px = estimator.fed_px((photo.shape[1], photo.shape[0]))
    inside = _open(fed_with_bytes(content, spec.mean, spec.std))
    outside = _open(content)
    name = outside.get_inputs()[0].name

    def bytes_fed() -> object:
        small = cv2.resize(photo, size_px, interpolation=cv2.INTER_AREA)
        return inside.run(None, {"pixels": small[None]})

    return Idea(
        "normalise and transpose (NHWC to NCHW) inside the graph",
        used=False,
        with_it=bytes_fed,
        without=lambda: outside.run(None, {name: estimator.prepare(photo)}),
        remark="resizing included; the graph would then differ from what others feed",
    )


def fed_with_bytes(content: bytes, mean: tuple[float, ...], std: tuple[float, ...]) -> bytes:
    """Put what `prepare` does after resizing before a graph, which then takes (1, h, w, 3) uint8.

    Args:
        content: of an ONNX file.
        mean: see `InputSpec`.
        std: see `InputSpec`.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    model = onnx.load_model_from_string(content)
    graph, input_spec = model.graph, model.graph.input[0].name
    shape = (1, 3, 1, 1)
    factor = (1 / (255 * np.array(std, np.float64))).astype(np.float32).reshape(shape)
    shift = (np.array(mean, np.float64) / np.array(std)).astype(np.float32).reshape(shape)
    graph.initializer.extend(
        [numpy_helper.from_array(factor, "factor"), numpy_helper.from_array(shift, "shift")]
    )
    first = [
        helper.make_node("Transpose", ["pixels"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Cast", ["planes"], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["numbers", "factor"], ["scaled"]),
        helper.make_node("Sub", ["scaled", "shift"], [input_spec]),
    ]
    rest = list(graph.node)
    del graph.node[:], graph.input[:]
    graph.node.extend([*first, *rest])
    sides: list[str | int | None] = ["n", "h", "w", 3]
    graph.input.append(helper.make_tensor_value_info("pixels", TensorProto.UINT8, sides))
    made: bytes = model.SerializeToString()
    return made


def _outside(content: bytes, batch: Batch) -> Idea:
    """Leave the coarse half of the answer's sum at its own size, and enlarge it with OpenCV."""
    short = _open(without_last_resize(content))
    name = short.get_inputs()[0].name
    usual = _runs(_open(content), batch)
    size_px = _PHOTO_PX

    def with_opencv() -> object:
        fine, coarse = short.run(None, {name: batch})
        enlarged = cv2.resize(np.squeeze(coarse), fine.shape[:1:-1], interpolation=cv2.INTER_LINEAR)
        return cv2.resize(np.squeeze(fine) + enlarged, size_px, interpolation=cv2.INTER_LINEAR)

    return Idea(
        "the last resizing outside the graph, by OpenCV",
        used=False,
        with_it=with_opencv,
        without=lambda: cv2.resize(usual()[0], size_px, interpolation=cv2.INTER_LINEAR),
        remark="up to a map of the photo's size, both times",
    )


def without_last_resize(content: bytes) -> bytes:
    """Cut the graph before its last Resize and the sum behind it.

    Args:
        content: of an ONNX file that ends in Resize, Add, Squeeze, as nearfar-lite does.

    Returns:
        the graph that gives the two summands, the one that is enlarged as the second.

    Raises:
        ValueError: it ends otherwise.
    """
    import onnx
    from onnx import TensorProto, helper

    model = onnx.load_model_from_string(content)
    graph = model.graph
    resize = [node for node in graph.node if node.op_type == "Resize"][-1]
    tail = [node for node in graph.node if set(node.input) & {resize.output[0]}]
    if [node.op_type for node in tail] != ["Add"] or graph.node[-1].op_type != "Squeeze":
        raise ValueError("the graph does not end in Resize, Add, Squeeze")
    (other,) = (name for name in tail[0].input if name != resize.output[0])
    dropped = {resize.output[0], tail[0].output[0], graph.node[-1].output[0]}
    kept = [node for node in graph.node if not dropped & set(node.output)]
    del graph.node[:], graph.output[:]
    graph.node.extend(kept)
    graph.output.extend(
        helper.make_tensor_value_info(name, TensorProto.FLOAT, None)
        for name in (other, resize.input[0])
    )
    made: bytes = model.SerializeToString()
    return made


def _int8(estimator: Estimator, content: bytes, batch: Batch, folder: Path) -> Iterator[Idea]:
    from nearfar.training.quantization.quantize import disagreement, quantize

    pictures = [read_image(path) for path in photos.many(folder / "few", _CALIBRATING)]
    batches = [estimator.prepare(picture) for picture in pictures]
    plain = _runs(_open(content), batch)
    ships = _open(ModelRegistry().read(f"{MODEL}-int8"))
    every = _open(quantize(content, batches, batches[:2], bound=float("inf")).content)
    all_kinds = _open(quantized_throughout(content, batches, folder))

    def off(session: Any) -> str:
        return f"{100 * disagreement(plain(), _runs(session, batch)()):.1f} % from the map in float"

    yield Idea("int8 as it ships", True, _runs(ships, batch), plain, off(ships))
    yield Idea(
        "int8 in every convolution but the last, too",
        used=False,
        with_it=_runs(every, batch),
        without=_runs(ships, batch),
        remark=off(every),
    )
    yield Idea(
        "int8 also between convolutions: sums, resizing and all, through the whole decoder",
        used=False,
        with_it=_runs(all_kinds, batch),
        without=_runs(ships, batch),
        remark=off(all_kinds),
    )


def quantized_throughout(content: bytes, batches: list[Batch], folder: Path) -> bytes:
    """Quantize all that onnxruntime's own tool can, by the least and the greatest values.

    Args:
        content: of an ONNX file.
        batches: to calibrate with.
        folder: for its files.
    """
    telemetry.onnxruntime()
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_static

    source, target = folder / "float.onnx", folder / "throughout.onnx"
    source.write_bytes(content)
    input_spec = _open(content).get_inputs()[0].name

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._left = iter(batches)

        def get_next(self) -> dict[str, Batch] | None:
            batch = next(self._left, None)
            return None if batch is None else {input_spec: batch}

    quantize_static(
        source, target, Reader(), quant_format=QuantFormat.QDQ, per_channel=True, reduce_range=True
    )
    return target.read_bytes()
