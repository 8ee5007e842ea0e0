"""The interface of a runtime, and the input and output of a depth network's graph."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from nearfar.errors import InferenceError, ModelFileError
from nearfar.runtimes.table import CPU, Device

Batch = NDArray[np.float32]
"""(N, 3, h, w) float32, RGB, normalised as the model's `InputSpec` says."""

RawDepth = NDArray[np.float32]
"""(N, h, w) float32, as the network gave it."""


class Session(Protocol):
    """A loaded network. Safe to call from several threads at once."""

    runtime: str
    """Name of the runtime, with its device where that is not the CPU: `onnxruntime on cuda`."""

    def run(self, batch: Batch) -> RawDepth:
        """Run the network; a graph made for one picture gets them one by one.

        Args:
            batch: (N, 3, h, w) float32.

        Returns:
            (N, h, w) float32.

        Raises:
            InferenceError: the runtime refused, for instance a size the graph can't take.
            OutOfMemoryError: there was too little memory for the run.
        """
        ...


class SessionClass(Protocol):
    """The class of a runtime: calling it loads a network."""

    def __call__(
        self,
        model: bytes | Path,
        *,
        device: Device,
        threads: int | None,
        callers: int,
        cache_dir: Path | None,
    ) -> Session:
        """Load a network.

        Args:
            model: an ONNX file, or its content.
            device: a row of the runtime's devices.
            threads: of one run on the CPU; the physical cores when not given.
            callers: threads that call `run` at the same time.
            cache_dir: where compiled networks may be kept; None: nowhere.

        Raises:
            MissingExtraError: the runtime is not installed.
            DeviceError: the device is missing or does not start.
            ModelFileError: the file is damaged, or no depth network, or keeps weights elsewhere.
            OutOfMemoryError: there is too little memory for it.
            UsageError: less than one thread.
        """
        ...

    def providers(self) -> tuple[str, ...]:
        """Name what the installed library can run on, as `Device.provider` does."""
        ...


def label(runtime: str, device: str) -> str:
    """Name a runtime for a person, with its device where that is not the CPU."""
    return runtime if device == CPU else f"{runtime} on {device}"


@dataclass(frozen=True)
class TensorInfo:
    """One input or output of a graph.

    Attributes:
        name: in the graph.
        shape: None for a side that is free; None as a whole where the graph doesn't say.
        dtype: NumPy's name of the type of its numbers.
    """

    name: str
    shape: tuple[int | None, ...] | None
    dtype: str


class ModelIO:
    """The one input and the one output of a depth network.

    Args:
        inputs: of the graph.
        outputs: of the graph.

    Raises:
        ModelFileError: the graph doesn't take one (N, 3, h, w) float32, or doesn't give one map.
    """

    def __init__(self, inputs: Sequence[TensorInfo], outputs: Sequence[TensorInfo]) -> None:
        if len(inputs) != 1 or len(outputs) != 1:
            raise ModelFileError(
                f"a depth network has one input and one output, this one has {len(inputs)} and"
                f" {len(outputs)}: export it with the picture in and the depth map out"
            )
        self.input, self.output = inputs[0], outputs[0]
        taken = self.input.shape or (None, 3, None, None)
        if self.input.dtype != "float32" or len(taken) != 4 or taken[1] not in {3, None}:
            raise ModelFileError(
                f"a depth network takes (N, 3, h, w) float32, this one {_described(self.input)}:"
                " export it with that input"
            )
        given = self.output.shape
        if self.output.dtype != "float32" or (given is not None and not _is_map(given)):
            raise ModelFileError(
                f"a depth network gives (N, h, w) or (N, 1, h, w) float32, this one"
                f" {_described(self.output)}: export it with one map as output"
            )
        if taken[0] not in {1, None}:
            raise ModelFileError(
                f"this network takes exactly {taken[0]} pictures at a time:"
                " export it with a free batch or with one"
            )
        self._single = taken[0] == 1
        self._height_px, self._width_px = taken[2:]

    def run(self, batch: Batch, call: Callable[[Batch], NDArray[np.float32]]) -> RawDepth:
        """Run a batch; where the graph takes one picture at a time, one by one.

        Args:
            batch: (N, 3, h, w) float32.
            call: returns the graph's output for as many pictures as it takes at once.

        Returns:
            (N, h, w) float32.

        Raises:
            InferenceError: the graph does not take a batch of this form or size, or its output
                is not one map a picture.
        """
        parts = [_maps(call(piece), len(piece)) for piece in self._pieces(batch)]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _pieces(self, batch: Batch) -> Sequence[Batch]:
        if batch.ndim != 4 or batch.shape[1] != 3 or batch.dtype != np.float32 or not batch.size:
            raise InferenceError(
                f"a network is fed (N, 3, h, w) float32, not {batch.shape} {batch.dtype}"
            )
        height_px, width_px = batch.shape[2:]
        wanted = (self._width_px or width_px, self._height_px or height_px)
        if wanted != (width_px, height_px):
            raise InferenceError(
                f"the network takes {wanted[0]} x {wanted[1]} pixels, not {width_px} x {height_px}:"
                " add the model again with its own size"
            )
        whole = np.ascontiguousarray(batch)
        return np.split(whole, len(whole)) if self._single else (whole,)


def _maps(output: NDArray[np.float32], count: int) -> RawDepth:
    shape = output.shape
    if output.ndim == 4 and shape[1] == 1:
        output = output[:, 0]
    if output.ndim != 3 or len(output) != count:
        raise InferenceError(
            f"the network answered {count} pictures with an array {shape}:"
            " export it with one map a picture as output"
        )
    return output


def _is_map(shape: tuple[int | None, ...]) -> bool:
    return len(shape) == 3 or (len(shape) == 4 and shape[1] in {1, None})


def _described(tensor: TensorInfo) -> str:
    if tensor.shape is None:
        return tensor.dtype
    sides = ", ".join("free" if side is None else str(side) for side in tensor.shape)
    return f"({sides}) {tensor.dtype}"
