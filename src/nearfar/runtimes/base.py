"""What a runtime must do, and what goes into and comes out of a depth network's graph."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nearfar.errors import InferenceError, ModelFileError

Runtime: TypeAlias = Literal["onnxruntime", "openvino"]

Batch = NDArray[np.float32]
"""(N, 3, h, w) float32, RGB, normalised as the model's `InputSpec` says."""

RawDepth = NDArray[np.float32]
"""(N, h, w) float32, as the network gave it."""


class Session(Protocol):
    """A loaded network. Safe to call from several threads at once."""

    runtime: str
    """Name of the runtime: onnxruntime or openvino."""

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


@dataclass(frozen=True)
class TensorInfo:
    """One input or output of a graph.

    Attributes:
        name: as the graph has it.
        shape: None for a side that is free; None as a whole where the graph doesn't say.
        dtype: NumPy's name of its numbers.
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
                f"a depth network takes (N, 3, h, w) float32, this one {_told(self.input)}:"
                " export it with that input"
            )
        given = self.output.shape
        if self.output.dtype != "float32" or (given is not None and not _is_map(given)):
            raise ModelFileError(
                f"a depth network gives (N, h, w) or (N, 1, h, w) float32, this one"
                f" {_told(self.output)}: export it with one map as output"
            )
        if taken[0] not in {1, None}:
            raise ModelFileError(
                f"this network takes exactly {taken[0]} pictures at a time:"
                " export it with a free batch or with one"
            )
        self._single = taken[0] == 1
        self._height_px, self._width_px = taken[2:]

    def through(self, batch: Batch, run: Callable[[Batch], NDArray[np.float32]]) -> RawDepth:
        """Run a batch; where the graph takes one picture at a time, one by one.

        Args:
            batch: (N, 3, h, w) float32.
            run: gives the graph's output for what it can take at once.

        Returns:
            (N, h, w) float32.

        Raises:
            InferenceError: `batch` is not of the form or size the graph takes, or the answer is
                not one map a picture.
        """
        parts = [_maps(run(piece), len(piece)) for piece in self._pieces(batch)]
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


def _told(port: TensorInfo) -> str:
    if port.shape is None:
        return port.dtype
    return (
        f"({', '.join('free' if side is None else str(side) for side in port.shape)}) {port.dtype}"
    )
