"""Large weights of an ONNX graph in float16: half the file, and the network computes as before.

Each such tensor is brought back to float32 by a Cast, which runtimes compute once, when they
load the graph.
"""

from typing import Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

SMALLEST: Final = 8192
"""Values from which a tensor is stored so. Smaller ones are kernels of the first layers and
depthwise ones: of nearfar-lite 2 % of the file, but to round them too changed maps five times
as much (by 1e-3 of their spread in the median of 24 photos, not 2e-4)."""

_LARGEST_ERROR: Final = 2.0**-10
"""Of rounding, as a part of a tensor's largest weight. More means that float16 does not reach so
far up or down, and such a tensor stays in float32."""


def store_as_float16(graph: onnx.GraphProto, *, smallest: int = SMALLEST) -> None:
    """Store the large weights of a graph in float16, and cast them to float32 for those who read.

    Args:
        graph: changed in place. Vectors stay as they are.
        smallest: values from which a tensor is stored so.
    """
    casts: dict[str, onnx.NodeProto] = {}
    for tensor in graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or len(tensor.dims) < 2:
            continue
        values = numpy_helper.to_array(tensor)
        if values.size < smallest or (half := _rounded(values)) is None:
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(half, name))
        casts[name] = helper.make_node(
            "Cast", [name], [f"{name}/float32"], f"{name}/cast", to=TensorProto.FLOAT
        )
    nodes = [*graph.node]
    for node in nodes:
        node.input[:] = [casts[name].output[0] if name in casts else name for name in node.input]
    del graph.node[:]
    graph.node.extend([*casts.values(), *nodes])


def _rounded(values: NDArray[np.float32]) -> NDArray[np.float16] | None:
    """Round; None where that would lose more than a rounding."""
    with np.errstate(over="ignore"):
        half = values.astype(np.float16)
    error = np.abs(values - half.astype(np.float32)).max()
    return half if error <= _LARGEST_ERROR * np.abs(values).max() else None
