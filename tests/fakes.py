"""Stand-ins for a network: one without any runtime, and a tiny real graph."""

import numpy as np

from nearfar.errors import InferenceError
from nearfar.runtimes.base import Batch, RawDepth


class FakeSession:
    """A network that needs no runtime: the mean of the channels plus a ramp, near at the bottom.

    Args:
        error: raised by every run.
        nan: the first value of each map is NaN.
    """

    runtime: str = "fake"

    def __init__(self, *, error: InferenceError | None = None, nan: bool = False) -> None:
        self.error = error
        self.nan = nan
        self.shapes: list[tuple[int, ...]] = []
        """Of every batch that was fed, in order."""

    @property
    def calls(self) -> int:
        return len(self.shapes)

    def run(self, batch: Batch) -> RawDepth:
        self.shapes.append(batch.shape)
        if self.error is not None:
            raise self.error
        ramp = np.linspace(0, 1, batch.shape[2], dtype=np.float32)[:, None]
        depth: RawDepth = (batch.mean(axis=1) + ramp).astype(np.float32)
        if self.nan:
            depth[:, 0, 0] = np.nan
        return depth


def tiny_onnx(
    *,
    batch: int | None = None,
    height_px: int | None = None,
    width_px: int | None = None,
    channel_axis: bool = False,
) -> bytes:
    """Make an ONNX file whose map is the sigmoid of the mean of the channels.

    Args:
        batch: pictures at a time; free when not given.
        height_px: likewise.
        width_px: likewise.
        channel_axis: the map is (N, 1, h, w) instead of (N, h, w).
    """
    from onnx import TensorProto, helper, numpy_helper

    sides = [batch or "n", height_px or "h", width_px or "w"]
    axes = numpy_helper.from_array(np.array([1], np.int64), "axes")
    graph = helper.make_graph(
        [
            helper.make_node("ReduceMean", ["image", "axes"], ["mean"], keepdims=int(channel_axis)),
            helper.make_node("Sigmoid", ["mean"], ["depth"]),
        ],
        "tiny",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [sides[0], 3, *sides[1:]])],
        [
            helper.make_tensor_value_info(
                "depth",
                TensorProto.FLOAT,
                [sides[0], 1, *sides[1:]] if channel_axis else sides,
            )
        ],
        [axes],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    content: bytes = model.SerializeToString()
    return content


def tiny_depth(batch: Batch) -> RawDepth:
    """What `tiny_onnx` answers, by NumPy."""
    depth: RawDepth = (1 / (1 + np.exp(-batch.mean(axis=1)))).astype(np.float32)
    return depth
