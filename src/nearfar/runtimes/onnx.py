"""ONNX Runtime, on the CPU or through another execution provider."""

import io
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, redirect_stdout
from pathlib import Path
from types import ModuleType
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

_CPU: Final = RUNTIMES["onnxruntime"].device(CPU)
_DTYPE: Final = {
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(double)": "float64",
    "tensor(int64)": "int64",
    "tensor(int32)": "int32",
    "tensor(bool)": "bool",
}
_SILENT: Final = 4
"""Severity `fatal`: errors are raised as exceptions already."""

_DEFAULT_SEVERITY: Final = 2
"""Severity `warning`, the library's default."""


class OnnxSession(GraphSession):
    """A network in ONNX Runtime. Safe to call from several threads at once.

    Args:
        model: an ONNX file, or its content.
        device: a device of the runtime's row; operators that its provider does not support run on
            the CPU.
        threads: of one run on the CPU; default: the physical cores.
        callers: ignored: any number of threads may call `run`.
        cache_dir: ignored: nothing is stored.
        graph: its family and the names of its tensors; default: one picture as input and one map of
            inverse depth as output.

    Raises:
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
        callers: int = 1,  # noqa: ARG002 - of every runtime
        cache_dir: Path | None = None,  # noqa: ARG002 - likewise
        graph: GraphSpec | Choose = PLAIN_GRAPH,
    ) -> None:
        refuse_external(model)
        ort = telemetry.onnxruntime()
        options = ort.SessionOptions()
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.intra_op_num_threads = cpu.threads_or_physical(threads)
        options.inter_op_num_threads = 1
        options.log_severity_level = _SILENT
        # Threads spin inside a run, which makes it 20 % faster than without spinning, but not
        # between runs, where they would take cores from decoding and writing.
        options.add_session_config_entry("session.force_spinning_stop", "1")
        source = model if isinstance(model, bytes) else str(model)
        if device == _CPU:
            self._session = _on_cpu(ort, source, options)
        else:
            self._session = _on_device(ort, source, options, device)
        self._run_lock: AbstractContextManager[object] = (
            threading.Lock() if device.is_serial else nullcontext()
        )
        self.runtime: str = label("onnxruntime", device.name)
        inputs = [_tensor_info(value) for value in self._session.get_inputs()]
        outputs = [_tensor_info(value) for value in self._session.get_outputs()]
        super().__init__(bind(graph, inputs, outputs))

    @staticmethod
    def providers() -> tuple[str, ...]:
        """Return the execution providers that the installed library was built with."""
        return tuple(telemetry.onnxruntime().get_available_providers())

    def run_graph(self, feeds: Feeds) -> Outputs:
        """Run the graph once; see `GraphSession.run_graph`."""
        names = self.graph.outputs
        try:
            with self._run_lock:
                values = self._session.run(names, feeds)
        except Exception as error:  # the library's errors have no common base class
            raise failure("onnxruntime", feeds[self.graph.image.name], error) from error
        return dict(zip(names, map(np.asarray, values), strict=True))


def _on_cpu(ort: ModuleType, source: bytes | str, options: Any) -> Any:
    try:
        return ort.InferenceSession(source, options, providers=[_CPU.provider])
    except Exception as error:  # the library's errors have no common base class
        if lacks_memory(error):
            raise out_of_memory("onnxruntime", error) from error
        raise ModelFileError(
            f"not an ONNX network that onnxruntime can load ({reason(error)}):"
            " get the file again, or export it again"
        ) from error


def _on_device(ort: ModuleType, source: bytes | str, options: Any, device: Device) -> Any:
    """Open a session on a device, or raise.

    By default the library falls back to the CPU if a provider fails, and only logs the reason.
    """
    if device.provider not in ort.get_available_providers():
        raise DeviceError(f"this onnxruntime has no {device.provider}: {device.remedy}")
    options.enable_mem_pattern = not device.is_serial
    providers = [(device.provider, dict(device.options)), _CPU.provider]
    try:
        with _quiet(ort):
            _preload(ort, device)
            session = ort.InferenceSession(source, options, providers=providers, enable_fallback=0)
    except Exception as error:  # the library's errors have no common base class
        raise DeviceError(
            f"{device.name} failed to start in onnxruntime ({reason(error)}): {device.remedy}"
        ) from error
    if device.provider not in session.get_providers():
        raise DeviceError(f"{device.name} failed to start in onnxruntime: {device.remedy}")
    return session


def _preload(ort: ModuleType, device: Device) -> None:
    """Load CUDA and cuDNN from their Python packages if the system has none (since 1.21)."""
    if device.name == "cuda" and hasattr(ort, "preload_dlls"):
        with redirect_stdout(io.StringIO()):  # it prints which libraries it does not find
            ort.preload_dlls()


@contextmanager
def _quiet(ort: ModuleType) -> Iterator[None]:
    """Suppress the library's log of a failing provider: an exception reports it."""
    ort.set_default_logger_severity(_SILENT)
    try:
        yield
    finally:
        ort.set_default_logger_severity(_DEFAULT_SEVERITY)


def _tensor_info(value: Any) -> TensorInfo:
    shape = tuple(side if isinstance(side, int) else None for side in value.shape)
    return TensorInfo(value.name, shape or None, _DTYPE.get(value.type, value.type))
