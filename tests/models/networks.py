"""Tiny graphs with the inputs and outputs of public metric networks."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearfar.camera import Camera

FLOAT, INT64 = 1, 7
"""Element types of `onnx.TensorProto`."""

Shape = Sequence[int | str]
SIZE = (28, 42)
"""Height and width of what `moge` is fed."""

FARTHEST_M = 20.0
SHIFT = 0.75
"""What the z of `moge`'s points lacks."""

SCALE = 2.5
"""Metres per unit of `moge`'s points."""


def onnx_file(
    nodes: Sequence[Any],
    inputs: Mapping[str, tuple[int, Shape]],
    outputs: Mapping[str, tuple[int, Shape]],
    constants: Mapping[str, Any],
) -> bytes:
    """Make the content of an ONNX file."""
    from onnx import helper, numpy_helper

    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info(name, *each) for name, each in inputs.items()],
        [helper.make_tensor_value_info(name, *each) for name, each in outputs.items()],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    content: bytes = model.SerializeToString()
    return content


def _node(kind: str, inputs: str, output: str, **attributes: Any) -> Any:
    from onnx import helper

    return helper.make_node(kind, inputs.split(), [output], **attributes)


def _depth_nodes(image: str, output: str, *, keepdims: int) -> list[Any]:
    """Darker is nearer: from 0.5 m for black to 20.5 m for white."""
    return [
        _node("ReduceMean", f"{image} axes", "mean", keepdims=keepdims),
        _node("Mul", "mean farthest", "scaled"),
        _node("Add", "scaled nearest", output),
    ]


DEPTH_CONSTANTS = {
    "axes": np.array([1], np.int64),
    "farthest": np.float32(FARTHEST_M),
    "nearest": np.float32(0.5),
}


def depth_anything_metric() -> bytes:
    """Depth Anything V2 metric, as Transformers exports it: one picture in, metres out."""
    return onnx_file(
        _depth_nodes("pixel_values", "predicted_depth", keepdims=0),
        {"pixel_values": (FLOAT, [1, 3, "height", "width"])},
        {"predicted_depth": (FLOAT, [1, "h", "w"])},
        DEPTH_CONSTANTS,
    )


def metric3d() -> bytes:
    """Metric3D v2, as Transformers.js has it: depth of the canonical camera, and normals."""
    return onnx_file(
        [
            *_depth_nodes("pixel_values", "predicted_depth", keepdims=1),
            _node("Identity", "pixel_values", "predicted_normal"),
            _node("Sigmoid", "mean", "normal_confidence"),
        ],
        {"pixel_values": (FLOAT, ["n", 3, "height", "width"])},
        {
            "predicted_depth": (FLOAT, ["n", 1, "h", "w"]),
            "predicted_normal": (FLOAT, ["n", 3, "h", "w"]),
            "normal_confidence": (FLOAT, ["n", 1, "h", "w"]),
        },
        DEPTH_CONSTANTS,
    )


def unidepth() -> bytes:
    """UniDepthV2 with camera, as its export.py names it; here depth = fx of K / 100 px."""
    return onnx_file(
        [
            _node("Gather", "K row", "first", axis=1),
            _node("Gather", "first row", "fx", axis=1),
            _node("Reshape", "fx column", "fx4"),
            _node("ReduceMean", "image axes", "mean", keepdims=1),
            _node("Mul", "mean zero", "nothing"),
            _node("Div", "fx4 hundred", "depth1"),
            _node("Add", "depth1 nothing", "depth"),
            _node("Identity", "K", "out_K"),
            _node("Sigmoid", "depth", "depth_ssi"),
            _node("Sigmoid", "nothing", "confidence"),
        ],
        {"image": (FLOAT, ["batch", 3, 28, 42]), "K": (FLOAT, ["batch", 3, 3])},
        {
            "out_K": (FLOAT, ["batch", 3, 3]),
            "depth": (FLOAT, ["batch", 1, 28, 42]),
            "depth_ssi": (FLOAT, ["batch", 1, 28, 42]),
            "confidence": (FLOAT, ["batch", 1, 28, 42]),
        },
        {
            "axes": np.array([1], np.int64),
            "row": np.int64(0),
            "column": np.array([-1, 1, 1, 1], np.int64),
            "zero": np.float32(0),
            "hundred": np.float32(100),
        },
    )


def moge(camera: Camera, *, with_scale: bool = True) -> bytes:
    """MoGe-2, as docs/onnx.md names it: points seen by a camera, their z without `SHIFT`."""
    points = scene(camera)
    points[..., 2] -= SHIFT
    mask = np.full(SIZE, 0.9, np.float32)
    mask[:7] = 0.1
    nodes = [
        _node("ReduceMean", "image all", "mean", keepdims=0),
        _node("Cast", "num_tokens", "tokens", to=FLOAT),
        _node("Mul", "mean tokens", "some"),
        _node("Mul", "some zero", "nothing"),
        _node("Add", "xyz nothing", "points"),
        _node("Add", "xyz nothing", "normal"),
        _node("Add", "seen nothing", "mask"),
    ]
    outputs: dict[str, tuple[int, Shape]] = {
        "points": (FLOAT, [1, *SIZE, 3]),
        "normal": (FLOAT, [1, *SIZE, 3]),
        "mask": (FLOAT, [1, *SIZE]),
    }
    if with_scale:
        nodes.append(_node("Add", "scale nothing", "metric_scale"))
        outputs["metric_scale"] = (FLOAT, [1])
    return onnx_file(
        nodes,
        {"image": (FLOAT, ["batch_size", 3, *SIZE]), "num_tokens": (INT64, [])},
        outputs,
        {
            "all": np.array([0, 1, 2, 3], np.int64),
            "zero": np.float32(0),
            "xyz": points[None],
            "seen": mask[None],
            "scale": np.array([SCALE], np.float32),
        },
    )


def scene(camera: Camera) -> NDArray[np.float32]:
    """A slope that comes nearer towards the bottom, as points (h, w, 3) in front of a camera."""
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    z = (4 - 0.1 * rows + 0.01 * columns).astype(np.float32)
    flat = camera.unproject(columns.ravel(), rows.ravel(), z.ravel())
    return flat.reshape(*SIZE, 3)
