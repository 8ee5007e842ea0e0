"""What values flow through a network: measured on photos, a photo at a time."""

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
"""Part of a photo's values that `percentiles` cuts off at either end."""

_LOOKED_AT: Final = 40_000
"""Values of a tensor that its percentiles are taken of."""


@dataclass(frozen=True, eq=False)
class Activation:
    """The values of one tensor over all photos.

    Attributes:
        extremes: least and greatest value of all.
        percentiles: the same, of what `TAIL` leaves of each photo.
        average: each photo's least and greatest value, averaged over the photos.
        mean: (channels,) of each channel.
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
    """Run a network over photos and measure some of its tensors.

    Only the tensors of one photo are held at a time.

    Args:
        model: with one input.
        names: of tensors (n, channels, ...); may have the input among them.
        photos: each (1, 3, h, w) float32; consumed once.
        threads: of a run; the physical cores when not given.

    Raises:
        UsageError: there are no photos.
        ModelFileError: the network can't be run on them.
    """
    input_spec = model.graph.input[0].name
    inner = sorted({*names} - {input_spec})
    wanted = [input_spec, *inner]
    ends: dict[str, list[NDArray[np.float64]]] = {name: [] for name in wanted}
    sums: dict[str, NDArray[np.float64]] = {}
    session = _open(model, inner, threads)
    for photo in photos:
        for name, values in zip(
            wanted, [photo, *_read(session, inner, input_spec, photo)], strict=True
        ):
            ends[name].append(_ends(values))
            axes = (0, *range(2, values.ndim))
            sums[name] = sums.get(name, 0) + values.mean(axis=axes, dtype=np.float64)
    if not sums:
        raise UsageError("there are no photos to calibrate with: give a folder of some")
    return {name: _summed_up(np.stack(ends[name]), sums[name]) for name in wanted}


def _open(model: onnx.ModelProto, inner: list[str], threads: int | None) -> Any:
    """Open the network with its inner tensors as further outputs."""
    ort = telemetry.onnxruntime()
    opened = onnx.ModelProto()
    opened.CopyFrom(model)
    there = {output.name for output in model.graph.output}
    opened.graph.output.extend(
        onnx.helper.make_empty_tensor_value_info(name) for name in inner if name not in there
    )
    options = ort.SessionOptions()
    options.intra_op_num_threads = cpu.threads_or_physical(threads)
    options.log_severity_level = 4
    content = opened.SerializeToString()
    return ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def _read(
    session: Any, inner: list[str], input_spec: str, photo: Batch
) -> list[NDArray[np.float32]]:
    if not inner:
        return []  # none asked for would mean all outputs
    try:
        found: list[NDArray[np.float32]] = session.run(inner, {input_spec: photo})
    except Exception as error:  # the library's errors share no base of their own
        raise ModelFileError(f"the network can't be run on the photos ({reason(error)})") from error
    return found


def _ends(values: NDArray[np.float32]) -> NDArray[np.float64]:
    """Give (2, 2): least and greatest, of all values and without the tails."""
    flat = values.ravel()
    some = flat[:: max(1, flat.size // _LOOKED_AT)]
    cut = np.quantile(some, (TAIL, 1 - TAIL))
    return np.array([[flat.min(), flat.max()], cut], np.float64)


def _summed_up(ends: NDArray[np.float64], total: NDArray[np.float64]) -> Activation:
    """Sum up (photos, 2, 2) ends and (channels,) sums of means."""
    (least, greatest), (least_cut, greatest_cut) = ends.transpose(1, 2, 0)
    return Activation(
        (float(least.min()), float(greatest.max())),
        (float(least_cut.min()), float(greatest_cut.max())),
        (float(least.mean()), float(greatest.mean())),
        total / len(ends),
    )
