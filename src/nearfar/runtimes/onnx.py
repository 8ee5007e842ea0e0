"""ONNX Runtime on the CPU: the runtime that is always there."""

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nearfar.errors import ModelFileError, lacks_memory
from nearfar.models.onnx_file import refuse_external
from nearfar.runtimes import cpu, telemetry
from nearfar.runtimes.base import Batch, ModelIO, RawDepth, TensorInfo
from nearfar.runtimes.error_text import failure, out_of_memory, reason

_DTYPE: Final = {"tensor(float)": "float32", "tensor(float16)": "float16"}
_SILENT: Final = 4
"""Fatal only: errors come back as exceptions, and a logged one would be told twice."""


class OnnxSession:
    """A network in ONNX Runtime. Safe to call from several threads at once.

    Args:
        model: an ONNX file, or its content.
        threads: of one run; the physical cores when not given.

    Raises:
        ModelFileError: the file is damaged, or no depth network, or keeps weights elsewhere.
        OutOfMemoryError: there is too little memory for it.
        UsageError: less than one thread.
    """

    runtime: str = "onnxruntime"

    def __init__(self, model: bytes | Path, *, threads: int | None = None) -> None:
        refuse_external(model)
        ort = telemetry.onnxruntime()
        options = ort.SessionOptions()
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.intra_op_num_threads = cpu.threads_or_physical(threads)
        options.inter_op_num_threads = 1
        options.log_severity_level = _SILENT
        # Threads spin inside a run, which makes one run a fifth faster than none at all
        # spinning, but not between runs, where they would take the cores from those that
        # decode and write.
        options.add_session_config_entry("session.force_spinning_stop", "1")
        try:
            self._session = ort.InferenceSession(
                model if isinstance(model, bytes) else str(model),
                options,
                providers=["CPUExecutionProvider"],
            )
        except Exception as error:  # the library's errors share no base of their own
            if lacks_memory(error):
                raise out_of_memory("onnxruntime", error) from error
            raise ModelFileError(
                f"not an ONNX network that onnxruntime can load ({reason(error)}):"
                " get the file again, or export it anew"
            ) from error
        self._door = ModelIO(
            [_port(value) for value in self._session.get_inputs()],
            [_port(value) for value in self._session.get_outputs()],
        )

    def run(self, batch: Batch) -> RawDepth:
        """Run the network; see `Session.run`."""
        return self._door.through(batch, self._run)

    def _run(self, piece: Batch) -> NDArray[np.float32]:
        try:
            (output,) = self._session.run([self._door.output.name], {self._door.input.name: piece})
        except Exception as error:  # the library's errors share no base of their own
            raise failure("onnxruntime", piece, error) from error
        return np.asarray(output)


def _port(value: Any) -> TensorInfo:
    shape = tuple(side if isinstance(side, int) else None for side in value.shape)
    return TensorInfo(value.name, shape or None, _DTYPE.get(value.type, value.type))
