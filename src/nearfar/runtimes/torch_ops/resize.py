"""ONNX's Resize in torch: a row of the table in `nearfar.runtimes.torch_ops.table`.

torch's own interpolation does the common cases. The others are two-tap, four-tap or one-tap
sums along one axis after the other, by the formulas of the ONNX operator specification.
"""

import math
from collections.abc import Sequence
from typing import Final

import torch
import torch.nn.functional as F  # noqa: N812 - the name that everyone gives it
from torch import Tensor

from nearfar.runtimes.torch_ops.shapes import Function, integers

_COORDINATES: Final = (
    "half_pixel",
    "half_pixel_symmetric",
    "pytorch_half_pixel",
    "align_corners",
    "asymmetric",
)


def resize(
    *,
    antialias: int = 0,
    axes: Sequence[int] | None = None,
    coordinate_transformation_mode: str = "half_pixel",
    cubic_coeff_a: float = -0.75,
    exclude_outside: int = 0,
    extrapolation_value: float = 0.0,
    keep_aspect_ratio_policy: str = "stretch",
    mode: str = "nearest",
    nearest_mode: str = "round_prefer_floor",
) -> Function:
    """Nearest, linear and cubic; without antialiasing."""
    del extrapolation_value  # of tf_crop_and_resize
    coordinates = coordinate_transformation_mode
    if coordinates not in _COORDINATES:
        raise NotImplementedError(f"coordinate_transformation_mode={coordinates}")
    if antialias or keep_aspect_ratio_policy != "stretch":
        raise NotImplementedError("antialias" if antialias else "keep_aspect_ratio_policy")

    def run(
        x: Tensor,
        roi: Tensor | None = None,
        scales: Tensor | None = None,
        sizes: Tensor | None = None,
    ) -> Tensor:
        del roi  # of tf_crop_and_resize
        over = [axis % x.dim() for axis in axes or range(x.dim())]
        by_scale = scales is not None and scales.numel() > 0
        factors = scales.tolist() if scales is not None and by_scale else []
        aims = [] if by_scale else integers(sizes)
        plan: list[tuple[int, int, float]] = []
        for i, axis in enumerate(over):
            length = x.shape[axis]
            aim = math.floor(length * factors[i]) if by_scale else aims[i]
            factor = factors[i] if by_scale else aim / length
            if aim != length or factor != 1:
                plan.append((axis, aim, factor))
        if _is_plain(x, plan, mode, coordinates):
            return _bilinear(x, plan, aligned=coordinates == "align_corners", by_scale=by_scale)
        for axis, aim, factor in plan:
            where = _where(aim, x.shape[axis], factor, coordinates)
            if mode == "nearest":
                x = x.index_select(axis, _nearest(where, x.shape[axis], nearest_mode))
            else:
                a = cubic_coeff_a if mode == "cubic" else None
                x = _blend(x, axis, where, a, exclude_outside=bool(exclude_outside))
        return x

    return run


def _is_plain(x: Tensor, plan: list[tuple[int, int, float]], mode: str, coordinates: str) -> bool:
    return (
        mode == "linear"
        and x.dim() == 4
        and [axis for axis, _, _ in plan] == [2, 3]
        and coordinates in {"half_pixel", "pytorch_half_pixel", "align_corners"}
        and all(aim > 1 for _, aim, _ in plan)
    )


def _bilinear(
    x: Tensor, plan: list[tuple[int, int, float]], *, aligned: bool, by_scale: bool
) -> Tensor:
    if by_scale and not aligned:
        factors = [factor for _, _, factor in plan]
        return F.interpolate(x, scale_factor=factors, mode="bilinear", align_corners=False)
    aims = [aim for _, aim, _ in plan]
    return F.interpolate(x, size=aims, mode="bilinear", align_corners=aligned)


def _where(aim: int, length: int, factor: float, coordinates: str) -> Tensor:
    """For each place of the result, the place in the source, as a fraction.

    In single precision like ONNX Runtime: it decides which neighbour of two is nearest.
    """
    place = torch.arange(aim, dtype=torch.float32)
    if coordinates == "asymmetric":
        return place / factor
    if coordinates == "align_corners":
        return place * (length - 1) / (aim - 1) if aim > 1 else torch.zeros_like(place)
    if coordinates == "pytorch_half_pixel" and aim == 1:
        return torch.zeros_like(place)
    shift = 0.0
    if coordinates == "half_pixel_symmetric":
        shift = length / 2 * (1 - aim / (factor * length))
    return shift + (place + 0.5) / factor - 0.5


def _nearest(where: Tensor, length: int, mode: str) -> Tensor:
    rounded = {
        "round_prefer_floor": torch.ceil(where - 0.5),
        "round_prefer_ceil": torch.floor(where + 0.5),
        "floor": torch.floor(where),
        "ceil": torch.ceil(where),
    }[mode]
    return rounded.clamp(0, length - 1).to(torch.int64)


def _blend(
    x: Tensor, axis: int, where: Tensor, cubic_a: float | None, *, exclude_outside: bool
) -> Tensor:
    """Sum the neighbours of each place, by their distance to it."""
    length = x.shape[axis]
    left = torch.floor(where)
    taps = (0, 1) if cubic_a is None else (-1, 0, 1, 2)
    indices = [left + tap for tap in taps]
    distances = [(where - index).abs() for index in indices]
    weights = torch.stack([1 - d if cubic_a is None else _cubic(d, cubic_a) for d in distances])
    if exclude_outside:
        inside = torch.stack([(index >= 0) & (index < length) for index in indices])
        weights = weights * inside
        weights = weights / weights.sum(0)
    shape = [-1 if other == axis else 1 for other in range(x.dim())]
    total = torch.zeros(())
    for index, weight in zip(indices, weights, strict=True):
        tap = x.index_select(axis, index.clamp(0, length - 1).to(torch.int64))
        total = total + tap * weight.to(x.dtype).reshape(shape)
    return total


def _cubic(distance: Tensor, a: float) -> Tensor:
    """Keys' kernel (1981), for distances up to two."""
    near = ((a + 2) * distance - (a + 3)) * distance * distance + 1
    far = ((distance - 5) * distance + 8) * distance * a - 4 * a
    return torch.where(distance <= 1, near, far)
