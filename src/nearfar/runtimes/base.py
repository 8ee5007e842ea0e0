"""The interface of a runtime, and the input and output of a depth network's graph."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from nearfar.camera import Camera
from nearfar.errors import InferenceError, ModelFileError
from nearfar.models.spec import GraphSpec
from nearfar.runtimes.table import CPU, Device

Batch = NDArray[np.float32]
"""(N, 3, h, w) float32, RGB, normalised as described by the model's `InputSpec`."""

RawDepth = NDArray[np.float32]
"""(N, h, w) float32, finite for valid networks; larger = nearer. See `models.family`."""

Feeds: TypeAlias = dict[str, NDArray[Any]]
"""Name of an input of the graph -> its value."""

Outputs: TypeAlias = dict[str, NDArray[Any]]
"""Name of an output of the graph -> its value."""


class Session(Protocol):
    """A loaded network. Safe to call from several threads at once."""

    runtime: str
    """Name of the runtime, with its device unless that is the CPU: `onnxruntime on cuda`."""

    def run(self, batch: Batch) -> RawDepth:
        """Run the network; a graph with a batch size of 1 is run once per picture.

        Args:
            batch: (N, 3, h, w) float32.

        Returns:
            (N, h, w) float32.

        Raises:
            InferenceError: the runtime failed, for instance because of a size that the graph does
                not support.
            OutOfMemoryError: there was too little memory for the run.
        """
        ...


class SessionClass(Protocol):
    """Type of a runtime's class: calling it loads a network."""

    def __call__(
        self,
        model: bytes | Path,
        *,
        device: Device,
        threads: int | None,
        callers: int,
        cache_dir: Path | None,
        graph: GraphSpec,
    ) -> Session:
        """Load a network.

        Args:
            model: an ONNX file, or its content.
            device: a row of the runtime's devices.
            threads: of one run on the CPU; default: the physical cores.
            callers: number of threads that call `run` at the same time.
            cache_dir: folder for compiled networks; None: they are not stored.
            graph: its family and the names of its tensors.

        Raises:
            MissingExtraError: the runtime is not installed.
            DeviceError: the device is missing or does not start.
            ModelFileError: the file is damaged, not a depth network, or keeps weights in other
                files.
            OutOfMemoryError: there is too little memory for it.
            UsageError: less than one thread.
        """
        ...

    def providers(self) -> tuple[str, ...]:
        """Return the providers of the installed library, named as in `Device.provider`."""
        ...


def label(runtime: str, device: str) -> str:
    """Return a runtime's readable name, with its device unless that is the CPU."""
    return runtime if device == CPU else f"{runtime} on {device}"


@runtime_checkable
class CameraSession(Session, Protocol):
    """A session whose network can use the camera of the pictures."""

    def for_camera(self, camera: Camera) -> Session:
        """Return a session of the same network for pictures of one camera.

        Args:
            camera: of the whole pictures, of any size; it is scaled to the network's input.
        """
        ...


class OneCamera:
    """A `Session` for pictures of one camera.

    Args:
        session: the network.
        camera: of the whole pictures.
    """

    def __init__(self, session: "GraphSession", camera: Camera) -> None:
        self.runtime = session.runtime
        self._session, self._camera = session, camera

    def run(self, batch: Batch) -> RawDepth:
        """Run the network; see `Session.run`."""
        return self._session.run_for(batch, self._camera)


class GraphSession(ABC):
    """Base class of the runtimes' sessions: runs the graph on pictures and returns maps.

    Args:
        graph: the graph's inputs, and the meaning of its outputs.
    """

    runtime: str

    def __init__(self, graph: "Graph") -> None:
        self._io = ModelIO(graph)

    @property
    def graph(self) -> "Graph":
        """The graph's inputs, and the meaning of its outputs."""
        return self._io.graph

    def run(self, batch: Batch) -> RawDepth:
        """Run the network; see `Session.run`."""
        return self._io.run(batch, self.run_graph)

    def run_for(self, batch: Batch, camera: Camera) -> RawDepth:
        """Run the network for pictures of one camera; see `Session.run`."""
        return self._io.run(batch, self.run_graph, camera)

    def for_camera(self, camera: Camera) -> Session:
        """Return a session of the same network for pictures of one camera."""
        return OneCamera(self, camera)

    @abstractmethod
    def run_graph(self, feeds: Feeds) -> Outputs:
        """Run the graph once.

        Raises:
            InferenceError: as of `Session.run`.
            OutOfMemoryError: as of `Session.run`.
        """


@dataclass(frozen=True)
class TensorInfo:
    """One input or output of a graph.

    Attributes:
        name: in the graph.
        shape: None for a free dimension; None as a whole if the graph does not declare it.
        dtype: NumPy's name of its data type.
    """

    name: str
    shape: tuple[int | None, ...] | None
    dtype: str

    def __str__(self) -> str:
        if self.shape is None:
            return self.dtype
        sides = ", ".join("free" if side is None else str(side) for side in self.shape)
        return f"({sides}) {self.dtype}"


class Graph(Protocol):
    """Interface to a graph's inputs and outputs; implemented by the families of `models.family`."""

    spec: GraphSpec
    """The family, and the names of inputs and outputs."""

    image: TensorInfo
    """The input that takes the pictures, (N, 3, h, w) float32."""

    outputs: tuple[str, ...]
    """Names of the outputs that are used."""

    def feeds(self, batch: Batch, camera: Camera | None) -> Feeds:
        """Return all inputs of the graph for a batch; the camera is that of the whole photo."""
        ...

    def read(self, outputs: Outputs, batch: Batch, camera: Camera | None) -> RawDepth:
        """Return one map per picture, (N, h, w) float32, larger = nearer.

        Raises:
            InferenceError: the outputs do not have the declared form.
        """
        ...


class ModelIO:
    """Runs a graph on batches, whole or picture by picture, and checks their form and size.

    Args:
        graph: the graph's inputs, and the meaning of its outputs.

    Raises:
        ModelFileError: the graph has a fixed batch size greater than 1.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        taken = graph.image.shape or (None, 3, None, None)
        if taken[0] not in {1, None}:
            raise ModelFileError(
                f"this network takes exactly {taken[0]} pictures at a time:"
                " export it with a free batch or with one"
            )
        self._single = taken[0] == 1
        self._height_px, self._width_px = taken[2:]

    def run(
        self, batch: Batch, call: Callable[[Feeds], Outputs], camera: Camera | None = None
    ) -> RawDepth:
        """Run a batch; a graph with a batch size of 1 is run once per picture.

        Args:
            batch: (N, 3, h, w) float32.
            call: function that runs the graph once.
            camera: of the whole pictures, if it is known.

        Returns:
            (N, h, w) float32.

        Raises:
            InferenceError: the graph does not support a batch of this form or size, or its output
                is not one map per picture.
        """
        parts = [
            self.graph.read(call(self.graph.feeds(piece, camera)), piece, camera)
            for piece in self._pieces(batch)
        ]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _pieces(self, batch: Batch) -> Sequence[Batch]:
        if batch.ndim != 4 or batch.shape[1] != 3 or batch.dtype != np.float32 or not batch.size:
            raise InferenceError(
                f"a network takes (N, 3, h, w) float32, not {batch.shape} {batch.dtype}"
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
