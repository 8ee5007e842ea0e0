"""ONNX Runtime on the CPU: the runtime that is always there."""

from pathlib import Path
from typing import Any, Final

import numpy as np

from nearfar.errors import ModelFileError, lacks_memory
from nearfar.models.family import Choose, bind
from nearfar.models.onnx_file import refuse_external
from nearfar.models.spec import PLAIN_GRAPH, GraphSpec
from nearfar.runtimes import cpu, telemetry
from nearfar.runtimes.base import Feeds, GraphSession, Outputs, TensorInfo
from nearfar.runtimes.error_text import failure, out_of_memory, reason

_DTYPE: Final = {
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(double)": "float64",
    "tensor(int64)": "int64",
    "tensor(int32)": "int32",
    "tensor(bool)": "bool",
}
_SILENT: Final = 4
"""Fatal only: errors come back as exceptions, and a logged one would be told twice."""


class OnnxSession(GraphSession):
    """A network in ONNX Runtime. Safe to call from several threads at once.

    Args:
        model: an ONNX file, or its content.
        threads: of one run; the physical cores when not given.
        graph: its family and the names of its tensors; one picture in and one map of inverse depth
            out when not given.

    Raises:
        ModelFileError: the file is damaged, or no depth network, or keeps weights elsewhere.
        OutOfMemoryError: there is too little memory for it.
        UsageError: less than one thread.
    """

    runtime: str = "onnxruntime"

    def __init__(
        self,
        model: bytes | Path,
        *,
        threads: int | None = None,
        graph: GraphSpec | Choose = PLAIN_GRAPH,
    ) -> None:
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
        inputs = [_port(value) for value in self._session.get_inputs()]
        outputs = [_port(value) for value in self._session.get_outputs()]
        super().__init__(bind(graph, inputs, outputs))

    def run_graph(self, feeds: Feeds) -> Outputs:
        """Run the graph once; see `GraphSession.run_graph`."""
        names = self.graph.outputs
        try:
            values = self._session.run(names, feeds)
        except Exception as error:  # the library's errors share no base of their own
            raise failure("onnxruntime", feeds[self.graph.image.name], error) from error
        return dict(zip(names, map(np.asarray, values), strict=True))


def _port(value: Any) -> TensorInfo:
    shape = tuple(side if isinstance(side, int) else None for side in value.shape)
    return TensorInfo(value.name, shape or None, _DTYPE.get(value.type, value.type))
