"""OpenVINO on the CPU or an Intel GPU: often the fastest on Intel. An optional extra."""

import logging
import os
import threading
from dataclasses import astuple
from pathlib import Path
from typing import Any, Final

import numpy as np

from nearfar.errors import DeviceError, ModelFileError, lacks_memory
from nearfar.models.family import Choose, bind
from nearfar.models.onnx_file import refuse_external
from nearfar.models.spec import PLAIN_GRAPH, GraphSpec
from nearfar.runtimes import cpu, telemetry
from nearfar.runtimes.base import Feeds, GraphSession, Outputs, TensorInfo, label
from nearfar.runtimes.error_text import failure, out_of_memory, reason
from nearfar.runtimes.table import CPU, RUNTIMES, Device

_CPU: Final = RUNTIMES["openvino"].device(CPU)

_log = logging.getLogger(__name__)


class OpenvinoSession(GraphSession):
    """A network in OpenVINO. Safe to call from several threads: each has its own infer request.

    Height and width stay dynamic. A graph compiled for one size was measured to be 4 % faster at
    288 x 224 and no faster at 640 x 480, for 0.4 s and 30 MB per size.

    Args:
        model: an ONNX file, or its content.
        device: a device of the runtime's row.
        threads: of one run on the CPU; default: the physical cores.
        callers: number of threads that call `run` at the same time; further ones wait.
        cache_dir: folder for compiled networks, which halve the time to load; it is created if
            necessary. None: they are not stored. OpenVINO ignores truncated files.
        graph: see `OnnxSession`.

    Raises:
        MissingExtraError: openvino is not installed.
        DeviceError: the device is missing or does not start.
        ModelFileError: the file is damaged, not a depth network, or keeps weights in other files.
        OutOfMemoryError: there is too little memory for it.
        UsageError: less than one thread.
    """

    def __init__(
        self,
        model: bytes | Path,
        *,
        device: Device = _CPU,
        threads: int | None = None,
        callers: int = 1,
        cache_dir: Path | None = None,
        graph: GraphSpec | Choose = PLAIN_GRAPH,
    ) -> None:
        content = model if isinstance(model, bytes) else model.read_bytes()
        refuse_external(content)
        ov = telemetry.openvino()
        config: dict[str, Any] = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "f32",
            "NUM_STREAMS": callers,
        }
        threads = cpu.threads_or_physical(threads)
        if device == _CPU:
            config["INFERENCE_NUM_THREADS"] = threads * callers
        if cache_dir is not None and _usable(cache_dir):
            config["CACHE_DIR"] = str(cache_dir)
        try:
            # compile the bytes themselves: a cached network is then not parsed
            self._compiled = ov.Core().compile_model(content, device.provider, config, weights=b"")
        except (RuntimeError, ValueError, MemoryError) as error:
            if device != _CPU:
                raise DeviceError(
                    f"{device.name} failed to start in openvino ({reason(error)}): {device.remedy}"
                ) from error
            if lacks_memory(error):
                raise out_of_memory("openvino", error) from error
            raise ModelFileError(
                f"not an ONNX network that openvino can load ({reason(error)}):"
                " get the file again, or export it again"
            ) from error
        self.runtime: str = label("openvino", device.name)
        names = () if callable(graph) else astuple(graph)
        inputs = [_tensor_info(port, names) for port in self._compiled.inputs]
        outputs = [_tensor_info(port, names) for port in self._compiled.outputs]
        super().__init__(bind(graph, inputs, outputs))
        self._thread = threading.local()

    @staticmethod
    def providers() -> tuple[str, ...]:
        """Return OpenVINO's devices, without the number that distinguishes several of one type."""
        found = telemetry.openvino().Core().available_devices
        return tuple(dict.fromkeys(name.partition(".")[0] for name in found))

    def run_graph(self, feeds: Feeds) -> Outputs:
        """Run the graph once; see `GraphSession.run_graph`."""
        try:
            if not hasattr(self._thread, "request"):
                self._thread.request = self._compiled.create_infer_request()
            values = self._thread.request.infer(feeds, share_inputs=True)
        except (RuntimeError, ValueError, MemoryError) as error:
            raise failure("openvino", feeds[self.graph.image.name], error) from error
        return {name: np.asarray(values[name]) for name in self.graph.outputs}


def _usable(folder: Path) -> bool:
    """Create the folder for compiled networks; log a warning if that fails."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        _log.warning("compiled networks can't be stored in %s: %s", folder, error.strerror or error)
        return False
    if not os.access(folder, os.W_OK | os.X_OK):
        _log.warning("compiled networks can't be stored in %s: it is read-only", folder)
        return False
    return True


def _tensor_info(port: Any, wanted: tuple[str | None, ...]) -> TensorInfo:
    """Describe an input or output; of several names, use the one in the model's record."""
    shape = port.get_partial_shape()
    sides = None
    if shape.rank.is_static:
        sides = tuple(side.get_length() if side.is_static else None for side in shape)
    name = next((each for each in sorted(port.get_names()) if each in wanted), port.get_any_name())
    return TensorInfo(name, sides, port.get_element_type().to_dtype().name)
