"""Recognize the inputs and outputs of a depth network's graph, by names and shapes.

The role of a tensor follows from its name and shape where these are unambiguous. The meaning of the
depth map does not: `predicted_depth` is inverse depth in one network and metres in another. So it
must be declared, except for a graph with one input and one map, which is assumed to be inverse
depth; `describe` reports that.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Final

from nearfar.errors import ModelFileError, UsageError
from nearfar.models.family import FAMILIES, AffinePoints, are_points, family_of, is_map
from nearfar.models.spec import PLAIN_GRAPH, GraphSpec
from nearfar.runtimes.base import TensorInfo

NAMES: Final = {
    "intrinsics": ("k", "intrinsics", "intrinsic", "camera_intrinsics", "camera_matrix"),
    "focal": ("focal", "focal_length", "focal_length_px", "focallength_px", "f_px"),
    "tokens": ("num_tokens",),
    "depth": ("depth", "predicted_depth", "pred_depth", "metric_depth", "depth_map"),
    "points": ("points", "point_map", "points_3d", "pts_3d", "pts3d"),
    "mask": ("mask", "valid", "valid_mask"),
    "scale": ("metric_scale",),
}
"""Role in `GraphSpec` -> names of such a tensor in public networks, in lower case."""

_TEXT: Final = {
    "image": "the picture",
    "intrinsics": "the camera's matrix, in pixels of the network's input",
    "focal": "the camera's focal length, in pixels of the network's input",
    "tokens": "a number of tokens",
    "depth": "the depth map",
    "points": "points, of which z is the depth",
    "mask": "the mask of valid pixels",
    "scale": "the factor from the points' unit to metres",
}
_FED: Final = ("image", "intrinsics", "focal", "tokens")
_READ: Final = ("depth", "points", "mask", "scale")


@dataclass(frozen=True)
class Declaration:
    """Declared properties of a graph; call it with the graph's tensors to determine the rest.

    Attributes:
        family: a name of `FAMILIES`; None if it is not declared.
        names: roles and names of the declared tensors; the others are recognized.
    """

    family: str | None = None
    names: GraphSpec = PLAIN_GRAPH

    def __call__(self, inputs: Sequence[TensorInfo], outputs: Sequence[TensorInfo]) -> GraphSpec:
        """Return the roles of the graph's inputs and outputs.

        Raises:
            UsageError: no such family, or the meaning of the outputs is not declared.
            ModelFileError: no input takes pictures, or no output is a map or points; or the choice
                is ambiguous.
        """
        found = self._inputs(inputs)
        if self.family is None:
            if len(inputs) == 1 and len(outputs) == 1:
                return found
            raise UsageError(
                f"this network has {len(inputs)} inputs and {len(outputs)} outputs"
                f" ({', '.join(each.name for each in outputs)}), which do not say what the depth"
                f" means: declare it as one of {', '.join(FAMILIES)}"
            )
        found = self._outputs(replace(found, family=self.family), outputs)
        family_of(found)(found, inputs, outputs)  # refuses unsupported inputs and outputs
        return found

    def _inputs(self, inputs: Sequence[TensorInfo]) -> GraphSpec:
        names = self.names
        image = names.image or _only(
            [each.name for each in inputs if _takes_pictures(each)], "input takes pictures"
        )
        rest = [each for each in inputs if each.name != image]
        intrinsics = names.intrinsics or next(
            (each.name for each in rest if _is_matrix(each)), None
        )
        rest = [each for each in rest if each.name != intrinsics]
        return replace(
            names,
            image=image if len(inputs) > 1 else names.image,
            intrinsics=intrinsics,
            focal=names.focal or _called("focal", rest),
            tokens=names.tokens or _called("tokens", rest),
        )

    def _outputs(self, found: GraphSpec, outputs: Sequence[TensorInfo]) -> GraphSpec:
        names = self.names
        if family_of(found) is AffinePoints:
            xyz = names.points or _points_of(outputs)
            if xyz is None:
                raise ModelFileError(
                    f"no output is named {' or '.join(NAMES['points'])}: name the one with points"
                )
            mask, scale = (
                getattr(names, role) or _called(role, outputs) for role in ("mask", "scale")
            )
            return replace(found, points=xyz, mask=mask, scale=scale)
        depth, points = names.depth, names.points
        if depth is None and points is None:
            maps = [
                each for each in outputs if is_map(each) and each.name.lower() not in NAMES["mask"]
            ]
            depth = _called("depth", maps)
            if depth is None and _points_of(outputs) and found.family != "inverse":
                points = _points_of(outputs)
            elif depth is None:
                depth = _only([each.name for each in maps], "output is a depth map")
        found = replace(found, depth=depth, points=None if depth else points)
        if found.family == "inverse":
            return found
        return replace(found, mask=names.mask or _called("mask", outputs))


def describe(
    spec: GraphSpec, inputs: Sequence[TensorInfo], outputs: Sequence[TensorInfo]
) -> Iterator[str]:
    """Describe how a graph is interpreted: the family, then one line per tensor."""
    family = family_of(spec)
    unit = "metres" if family.gives_metres(spec) else "inverse depth, larger is nearer"
    yield f"{spec.family}: {family.sentence}; the result is {unit}"
    roles = {getattr(spec, each.name): each.name for each in fields(spec) if each.name != "family"}
    for alone, role in ((inputs, "image"), (outputs, "depth")):
        if len(alone) == 1:
            roles.setdefault(alone[0].name, role)
    for what, tensors in (("input", inputs), ("output", outputs)):
        for each in tensors:
            known = roles.get(each.name)
            yield f"{what} {each.name} {each}: {_TEXT[known] if known else 'not used'}"


def _takes_pictures(tensor: TensorInfo) -> bool:
    taken = tensor.shape or (None, 3, None, None)
    return tensor.dtype == "float32" and len(taken) == 4 and taken[1] in {3, None}


def _is_matrix(tensor: TensorInfo) -> bool:
    if tensor.shape is None:
        return tensor.name.lower() in NAMES["intrinsics"]
    return tensor.dtype == "float32" and tensor.shape[-2:] == (3, 3) and len(tensor.shape) < 4


def _points_of(outputs: Sequence[TensorInfo]) -> str | None:
    return _called("points", [each for each in outputs if are_points(each)])


def _called(role: str, tensors: Sequence[TensorInfo]) -> str | None:
    return next((each.name for each in tensors if each.name.lower() in NAMES[role]), None)


def _only(found: Sequence[str], what: str) -> str:
    if not found:
        raise ModelFileError(f"no {what}: name it, or export the network with one")
    if len(found) > 1:
        raise ModelFileError(f"more than one {what} ({', '.join(found)}): name the one to use")
    return found[0]
