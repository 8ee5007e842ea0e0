"""Families of depth networks: inputs of their graphs, and meaning of the outputs.

A family turns the outputs of its graph into one map per picture, (N, h, w) float32, of inverse
depth: larger is nearer. For metric networks the unit is 1/metre, and 0 means no surface. All later
steps use this form; `Estimator.finish` makes a `MetricDepth` of it. To add a family, write a class
here and add it to `FAMILIES`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar, Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nearfar.camera import ASSUMED_FOV_DEG, Camera
from nearfar.errors import InferenceError, ModelFileError, UsageError
from nearfar.models.affine_points import solve_shift
from nearfar.models.spec import GraphSpec
from nearfar.runtimes.base import Batch, Feeds, Outputs, RawDepth, TensorInfo

CameraUse: TypeAlias = Literal["no", "if known", "always"]
"""Whether a family uses the camera; `always` assumes 60 degrees if it is unknown."""

NEAREST_M: Final = 1e-3
"""Smallest distance; smaller positive ones are raised to it."""

NUM_TOKENS: Final = 1800
"""Value of an input for the number of tokens, as published for MoGe-2."""


_EXTRA: Final[Mapping[str, Callable[[Camera], NDArray[Any]]]] = MappingProxyType(
    {
        "intrinsics": lambda fed: np.array(
            [[fed.fx_px, 0, fed.cx_px], [0, fed.fy_px, fed.cy_px], [0, 0, 1]], np.float32
        ),
        "focal": lambda fed: np.array((fed.fx_px + fed.fy_px) / 2, np.float32),
        "tokens": lambda _: np.array(NUM_TOKENS, np.int64),
    }
)
"""Role of an input in `GraphSpec` -> its value, for the camera at the input's size."""


class Family(ABC):
    """One kind of depth network, bound to the inputs and outputs of one graph.

    `InputSpec` describes the picture's preprocessing. Any family may have three more inputs: a 3 x
    3 matrix of intrinsics and a focal length, both in pixels of the network's input, and a number
    of tokens.

    Args:
        spec: the names of the tensors; an unnamed one must be the only one.
        inputs: of the graph.
        outputs: of the graph.

    Raises:
        ModelFileError: the graph lacks an input or output of the family, or needs an unsupported
            input.
    """

    name: ClassVar[str]
    """What the user types."""

    sentence: ClassVar[str]
    """Description of the output, for the help."""

    def __init__(
        self, spec: GraphSpec, inputs: Sequence[TensorInfo], outputs: Sequence[TensorInfo]
    ) -> None:
        self.spec = spec
        several = len(inputs) != 1 and spec.image is None
        if several or (len(outputs) != 1 and not self.named_outputs(spec)):
            raise ModelFileError(
                f"a depth network has one input and one output, this one has {len(inputs)} and"
                f" {len(outputs)}: declare them, or export it with the picture as input and"
                " the depth map as output"
            )
        self.image = inputs[0] if spec.image is None else _named(spec.image, inputs, "input")
        _check_image(self.image)
        self._extra = {
            role: _named(name, inputs, "input")
            for role in _EXTRA
            if (name := getattr(spec, role)) is not None
        }
        known = {self.image.name, *(each.name for each in self._extra.values())}
        if unknown := [f"{each.name} {each}" for each in inputs if each.name not in known]:
            raise ModelFileError(
                f"this network also needs {', '.join(unknown)}, which nearfar does not support:"
                " export it without"
            )
        names = self.named_outputs(spec) or (outputs[0].name,)
        self._outputs = {name: _named(name, outputs, "output") for name in names}
        self.outputs = names
        self.check()

    @classmethod
    def named_outputs(cls, spec: GraphSpec) -> tuple[str, ...]:
        """Return the names of the outputs that are used, the map first; empty if none is named."""
        return () if spec.depth is None else (spec.depth,)

    @classmethod
    def camera_use(cls, spec: GraphSpec) -> CameraUse:
        """Return whether the family uses the camera of the photo."""
        return "no" if spec.intrinsics is None and spec.focal is None else "always"

    @classmethod
    @abstractmethod
    def gives_metres(cls, spec: GraphSpec) -> bool:
        """Return whether the result is in metres."""

    def check(self) -> None:
        """Check the outputs' shapes, as far as the graph declares them.

        Raises:
            ModelFileError: the first output is not a map.
        """
        _check_map(self._outputs[self.outputs[0]])

    def feeds(self, batch: Batch, camera: Camera | None) -> Feeds:
        """Return all inputs of the graph for a batch.

        Args:
            batch: (N, 3, h, w) float32.
            camera: of the whole photo; 60 degrees are assumed if it is unknown.
        """
        feeds: Feeds = {self.image.name: batch}
        fed = _camera_of(batch, camera)
        for role, tensor in self._extra.items():
            feeds[tensor.name] = _shaped(_EXTRA[role](fed), tensor, len(batch))
        return feeds

    @abstractmethod
    def read(self, outputs: Outputs, batch: Batch, camera: Camera | None) -> RawDepth:
        """Return one map per picture.

        Args:
            outputs: name -> array, of `self.outputs`.
            batch: (N, 3, h, w) float32, the input.
            camera: of the whole photo, if it is known.

        Returns:
            (N, h, w) float32, larger = nearer; if `gives_metres`, in 1/metre, with 0 for no
            surface. NaN stays NaN.

        Raises:
            InferenceError: the outputs do not have the declared form.
        """


class InverseDepth(Family):
    """Relative inverse depth: MiDaS, Depth Anything."""

    name = "inverse"
    sentence = "inverse depth up to scale, and perhaps shift: larger is nearer"

    @classmethod
    def gives_metres(cls, spec: GraphSpec) -> bool:  # noqa: ARG003
        """Return False: scale and shift are unknown."""
        return False

    def read(self, outputs: Outputs, batch: Batch, camera: Camera | None) -> RawDepth:  # noqa: ARG002
        """Return the maps unchanged; see `Family.read`."""
        return _maps(outputs[self.outputs[0]], len(batch))


class Metres(Family):
    """Depth in metres along the view axis: Depth Anything V2 metric, ZoeDepth, UniDepth.

    The output is a map, or points (N, h, w, 3) or (N, 3, h, w) whose z is used; values of 0 or
    less, or outside the mask, mean no surface.
    """

    name = "metres"
    sentence = "depth in metres along the view axis, as a map or as the z of points"

    @classmethod
    def named_outputs(cls, spec: GraphSpec) -> tuple[str, ...]:
        """Return the name of the map or points, and of the mask if there is one."""
        names = (spec.depth or spec.points, spec.mask)
        return tuple(name for name in names if name is not None)

    @classmethod
    def gives_metres(cls, spec: GraphSpec) -> bool:  # noqa: ARG003
        """Return True."""
        return True

    def check(self) -> None:
        """Check the map's, or the points', shape; see `Family.check`."""
        first = self._outputs[self.outputs[0]]
        if self.spec.depth is None and self.spec.points is not None:
            _check_points(first)
        else:
            _check_map(first)

    def read(self, outputs: Outputs, batch: Batch, camera: Camera | None) -> RawDepth:
        """Return 1/metres; see `Family.read`."""
        first = outputs[self.outputs[0]]
        if self.spec.depth is None and self.spec.points is not None:
            metres = np.ascontiguousarray(_points(first, len(batch))[..., 2])
        else:
            metres = _maps(first, len(batch))
        valid = self.valid(outputs, metres)
        return inverse_of(metres * np.float32(self.metres_per_unit(batch, camera)), valid)

    def metres_per_unit(self, batch: Batch, camera: Camera | None) -> float:  # noqa: ARG002
        """Return the factor by which the network's values are multiplied."""
        return 1.0

    def valid(self, outputs: Outputs, depth: NDArray[np.float32]) -> NDArray[np.bool_] | None:
        """Return the valid pixels by the mask, (N, h, w); None without a mask."""
        return None if self.spec.mask is None else _mask(outputs[self.spec.mask], depth)


class CanonicalMetres(Metres):
    """Metres for a canonical camera of 1000 px focal length: Metric3D and Metric3D v2.

    They are multiplied by focal length / 1000 px, in pixels of the network's input (Yin et al.,
    ICCV 2023, section 3.1).
    """

    name = "canonical-metres"
    sentence = "metres for a camera of 1000 px focal length, scaled to the photo's camera"
    canonical_focal_px: ClassVar[float] = 1000.0

    @classmethod
    def camera_use(cls, spec: GraphSpec) -> CameraUse:  # noqa: ARG003
        """Return `always`."""
        return "always"

    def metres_per_unit(self, batch: Batch, camera: Camera | None) -> float:
        """Return the ratio of the input's focal length to that of the canonical camera."""
        fed = _camera_of(batch, camera)
        return (fed.fx_px + fed.fy_px) / 2 / self.canonical_focal_px


class AffinePoints(Metres):
    """Points whose z is known up to a shift, and perhaps a scale: MoGe and MoGe-2.

    The shift is the one with which the points project to their pixels; if the camera is unknown,
    the focal length is estimated with it (Wang et al., CVPR 2025, section 3.1). The result is in
    metres if the graph outputs a metric scale, otherwise inverse depth up to scale.
    """

    name = "affine-points"
    sentence = "points whose z is known up to a shift, with or without a scale to metres"

    @classmethod
    def named_outputs(cls, spec: GraphSpec) -> tuple[str, ...]:
        """Return the names of the points, and of mask and scale if there are any."""
        names = (spec.points, spec.mask, spec.scale)
        return tuple(name for name in names if name is not None)

    @classmethod
    def camera_use(cls, spec: GraphSpec) -> CameraUse:
        """Return `if known`, or `always` if the graph has an input for intrinsics."""
        return "if known" if super().camera_use(spec) == "no" else "always"

    @classmethod
    def gives_metres(cls, spec: GraphSpec) -> bool:
        """Return whether the graph outputs a scale."""
        return spec.scale is not None

    def check(self) -> None:
        """Check the points' shape; see `Family.check`."""
        _check_points(self._outputs[self.outputs[0]])

    def read(self, outputs: Outputs, batch: Batch, camera: Camera | None) -> RawDepth:
        """Return the inverse of the shifted z; see `Family.read`."""
        points = _points(outputs[self.outputs[0]], len(batch))
        depth = np.ascontiguousarray(points[..., 2])
        valid = self.valid(outputs, depth)
        size_px = points.shape[2], points.shape[1]
        seen = None if camera is None else camera.scaled(size_px)
        for index, each in enumerate(points):
            counted = None if valid is None else valid[index]
            depth[index] += np.float32(solve_shift(each, counted, seen))
        if self.spec.scale is not None:
            depth *= np.asarray(outputs[self.spec.scale], np.float32).reshape(-1, 1, 1)
        return inverse_of(depth, valid)


FAMILIES: Final[Mapping[str, type[Family]]] = MappingProxyType(
    {each.name: each for each in (InverseDepth, Metres, CanonicalMetres, AffinePoints)}
)
"""Name -> family; referred to by the rows of the catalog and by user models."""

Choose: TypeAlias = Callable[[Sequence[TensorInfo], Sequence[TensorInfo]], GraphSpec]
"""Determines a graph's `GraphSpec` from its inputs and outputs; see `models.recognize`."""


def family_of(spec: GraphSpec) -> type[Family]:
    """Return the family of a graph.

    Raises:
        UsageError: no family of that name.
    """
    if spec.family not in FAMILIES:
        raise UsageError(f"no family {spec.family!r}: there are {', '.join(FAMILIES)}")
    return FAMILIES[spec.family]


def bind(
    spec: GraphSpec | Choose, inputs: Sequence[TensorInfo], outputs: Sequence[TensorInfo]
) -> Family:
    """Return a graph's family, bound to its inputs and outputs.

    Raises:
        ModelFileError: the graph does not fit the family.
        UsageError: no family of that name.
    """
    if not isinstance(spec, GraphSpec):
        spec = spec(inputs, outputs)
    return family_of(spec)(spec, inputs, outputs)


def inverse_of(
    depth: NDArray[np.float32], valid: NDArray[np.bool_] | None = None
) -> NDArray[np.float32]:
    """Return 1 / depth; 0 where depth is infinite, not positive or not valid. NaN stays NaN."""
    is_seen = ~(depth <= 0)
    if valid is not None:
        is_seen &= valid
    inverse = np.zeros_like(depth)
    np.divide(1, np.maximum(depth, np.float32(NEAREST_M)), out=inverse, where=is_seen)
    return inverse


def _camera_of(batch: Batch, camera: Camera | None) -> Camera:
    """Return the camera scaled to the size of the network's input."""
    height_px, width_px = batch.shape[2:]
    if camera is None:
        return Camera.from_fov(ASSUMED_FOV_DEG, (width_px, height_px))
    return camera.scaled((width_px, height_px))


def _named(name: str, tensors: Sequence[TensorInfo], what: str) -> TensorInfo:
    found = next((each for each in tensors if each.name == name), None)
    if found is None:
        names = ", ".join(each.name for each in tensors)
        raise ModelFileError(f"this network has no {what} {name}: it has {names}")
    return found


def _check_image(tensor: TensorInfo) -> None:
    taken = tensor.shape or (None, 3, None, None)
    if tensor.dtype != "float32" or len(taken) != 4 or taken[1] not in {3, None}:
        raise ModelFileError(
            f"a depth network takes (N, 3, h, w) float32, this one {tensor}:"
            " export it with that input"
        )


def _check_map(tensor: TensorInfo) -> None:
    if tensor.dtype != "float32" or not is_map(tensor):
        raise ModelFileError(
            f"a depth network gives (N, h, w) or (N, 1, h, w) float32, this one {tensor}:"
            " export it with one map as output"
        )


def _check_points(tensor: TensorInfo) -> None:
    if tensor.dtype != "float32" or not are_points(tensor):
        raise ModelFileError(
            f"points are (N, h, w, 3) or (N, 3, h, w) float32, this network gives {tensor}:"
            " export it with such points as output"
        )


def is_map(tensor: TensorInfo) -> bool:
    """Return whether a tensor may be one map per picture, by its shape."""
    given = tensor.shape
    return given is None or len(given) == 3 or (len(given) == 4 and given[1] in {1, None})


def are_points(tensor: TensorInfo) -> bool:
    """Return whether a tensor may be points, by its shape."""
    given = tensor.shape
    return given is None or (len(given) == 4 and bool({given[1], given[3]} & {3, None}))


def _shaped(value: NDArray[Any], tensor: TensorInfo, count: int) -> NDArray[Any]:
    """Repeat a value for each picture if the tensor has a batch dimension."""
    value = value.astype(tensor.dtype)
    lacking = 0 if tensor.shape is None else len(tensor.shape) - value.ndim
    if lacking <= 0:
        return value
    sides = (count, *(1,) * (lacking - 1))
    return np.ascontiguousarray(np.broadcast_to(value, (*sides, *value.shape)))


def _maps(output: NDArray[Any], count: int) -> RawDepth:
    maps: RawDepth = output[:, 0] if output.ndim == 4 and output.shape[1] == 1 else output
    if maps.ndim != 3 or len(maps) != count:
        raise InferenceError(
            f"the network returned an array {output.shape} for {count} pictures:"
            " export it with one map per picture as output"
        )
    return maps


def _points(output: NDArray[Any], count: int) -> NDArray[np.float32]:
    """Return (N, h, w, 3), a view."""
    if output.ndim == 4 and len(output) == count:
        if output.shape[3] == 3:
            return np.asarray(output, np.float32)
        if output.shape[1] == 3:
            return np.asarray(output.transpose(0, 2, 3, 1), np.float32)
    raise InferenceError(
        f"the network returned points {output.shape} for {count} pictures:"
        " export it with (N, h, w, 3) or (N, 3, h, w)"
    )


def _mask(output: NDArray[Any], depth: NDArray[np.float32]) -> NDArray[np.bool_]:
    if output.ndim == 4 and 1 in {output.shape[1], output.shape[3]}:
        output = output[:, 0] if output.shape[1] == 1 else output[..., 0]
    if output.shape != depth.shape:
        raise InferenceError(
            f"the network returned a mask {output.shape} for depth {depth.shape}:"
            " export it with both of the same size"
        )
    return np.asarray(output > 0.5 if output.dtype.kind == "f" else output != 0)
