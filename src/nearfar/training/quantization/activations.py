"""Measure the value ranges of a network's tensors on photos."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

import numpy as np
import onnx
from numpy.typing import NDArray

from nearfar.errors import ModelFileError, UsageError
from nearfar.runtimes import cpu, telemetry
from nearfar.runtimes.base import Batch
from nearfar.runtimes.error_text import reason

RangeName: TypeAlias = Literal["extremes", "percentiles", "average"]
RANGES: Final[tuple[RangeName, ...]] = ("extremes", "percentiles", "average")

TAIL: Final = 1e-4
"""Share of a photo's values that `percentiles` cuts off at each end."""

_QUANTILE_SAMPLE: Final = 40_000
"""Number of values of a tensor from which its percentiles are computed."""


@dataclass(frozen=True, eq=False)
class Activation:
    """Value ranges of one tensor over all photos.

    Attributes:
        extremes: minimum and maximum over all photos.
        percentiles: the same without the `TAIL` of each photo.
        average: each photo's minimum and maximum, averaged over the photos.
        mean: (channels,) mean of each channel.
    """

    extremes: tuple[float, float]
    percentiles: tuple[float, float]
    average: tuple[float, float]
    mean: NDArray[np.float64]


def measure_activations(
    model: onnx.ModelProto,
    names: Iterable[str],
    photos: Iterable[Batch],
    *,
    threads: int | None = None,
) -> dict[str, Activation]:
    """Run a network on photos and measure some of its tensors.

    Only the tensors of one photo are held at a time.

    Args:
        model: with one input.
        names: of tensors (n, channels, ...); the input may be one of them.
        photos: (1, 3, h, w) float32 each; consumed once.
        threads: of the runtime; the number of physical cores if None.

    Raises:
        UsageError: there are no photos.
        ModelFileError: the network can't be run on them.
    """
    input_spec = model.graph.input[0].name
    inner = sorted({*names} - {input_spec})
    wanted = [input_spec, *inner]
    ranges: dict[str, list[NDArray[np.float64]]] = {name: [] for name in wanted}
    sums: dict[str, NDArray[np.float64]] = {}
    session = _open(model, inner, threads)
    for photo in photos:
        for name, values in zip(
            wanted, [photo, *_read(session, inner, input_spec, photo)], strict=True
        ):
            ranges[name].append(_value_range(values))
            axes = (0, *range(2, values.ndim))
            sums[name] = sums.get(name, 0) + values.mean(axis=axes, dtype=np.float64)
    if not sums:
        raise UsageError("there are no photos to calibrate with: use a folder with photos")
    return {name: _combine(np.stack(ranges[name]), sums[name]) for name in wanted}


def _open(model: onnx.ModelProto, inner: list[str], threads: int | None) -> Any:
    """Open the network with its inner tensors as additional outputs."""
    ort = telemetry.onnxruntime()
    extended = onnx.ModelProto()
    extended.CopyFrom(model)
    existing = {output.name for output in model.graph.output}
    extended.graph.output.extend(
        onnx.helper.make_empty_tensor_value_info(name) for name in inner if name not in existing
    )
    options = ort.SessionOptions()
    options.intra_op_num_threads = cpu.threads_or_physical(threads)
    options.log_severity_level = 4
    content = extended.SerializeToString()
    return ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def _read(
    session: Any, inner: list[str], input_spec: str, photo: Batch
) -> list[NDArray[np.float32]]:
    if not inner:
        return []  # an empty list would request all outputs
    try:
        found: list[NDArray[np.float32]] = session.run(inner, {input_spec: photo})
    except Exception as error:  # the library's errors share no base class of their own
        raise ModelFileError(f"the network can't be run on the photos ({reason(error)})") from error
    return found


def _value_range(values: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return (2, 2): minimum and maximum, of all values and without the tails."""
    flat = values.ravel()
    some = flat[:: max(1, flat.size // _QUANTILE_SAMPLE)]
    cut = np.quantile(some, (TAIL, 1 - TAIL))
    return np.array([[flat.min(), flat.max()], cut], np.float64)


def _combine(ranges: NDArray[np.float64], total: NDArray[np.float64]) -> Activation:
    """Combine (photos, 2, 2) ranges and (channels,) sums of means."""
    (lowest, highest), (lowest_cut, highest_cut) = ranges.transpose(1, 2, 0)
    return Activation(
        (float(lowest.min()), float(highest.max())),
        (float(lowest_cut.min()), float(highest_cut.max())),
        (float(lowest.mean()), float(highest.mean())),
        total / len(ranges),
    )
