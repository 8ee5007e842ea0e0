"""The ONNX operators that move, cut and join tensors without computing on them.

Rows of the table in `nearfar.runtimes.torch_ops.table`, where the conventions are told.
"""

import math
from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

Function: TypeAlias = Callable[..., Tensor | tuple[Tensor, ...]]
"""A bound operator: its inputs in order -> its output, or all of them."""


def integers(values: Tensor | Sequence[int] | None) -> list[int]:
    """A tensor or an attribute as Python numbers; none given: none."""
    if values is None:
        return []
    return [int(v) for v in (values.tolist() if isinstance(values, Tensor) else values)]


def constant_of_shape(*, value: Tensor | None = None) -> Function:
    """One value, everywhere."""
    filler = torch.zeros(1) if value is None else value
    return lambda shape: filler.expand(integers(shape))


def reshape(*, allowzero: int = 0) -> Function:
    """Zero copies a side, -1 is what is left."""

    def run(x: Tensor, shape: Tensor) -> Tensor:
        sides = integers(shape)
        if not allowzero:
            sides = [x.shape[i] if side == 0 else side for i, side in enumerate(sides)]
        return x.reshape(sides)

    return run


def flatten(*, axis: int = 1) -> Function:
    """To two axes."""
    return lambda x: x.reshape(math.prod(x.shape[: axis if axis >= 0 else x.dim() + axis]), -1)


def transpose(*, perm: Sequence[int] | None = None) -> Function:
    """Axes in another order; reversed if none is given."""
    return lambda x: x.permute(list(perm) if perm is not None else list(range(x.dim()))[::-1])


def squeeze(*, axes: Sequence[int] | None = None) -> Function:
    """Axes of length one go: all, or those named (since opset 13 by an input)."""

    def run(x: Tensor, given: Tensor | None = None) -> Tensor:
        over = integers(axes if given is None else given)
        return x.squeeze(tuple(over)) if over else x.squeeze()

    return run


def unsqueeze(*, axes: Sequence[int] | None = None) -> Function:
    """Axes of length one come: those of the result that are named."""

    def run(x: Tensor, given: Tensor | None = None) -> Tensor:
        over = integers(axes if given is None else given)
        rank = x.dim() + len(over)
        for axis in sorted(axis % rank for axis in over):
            x = x.unsqueeze(axis)
        return x

    return run


def shape(*, start: int = 0, end: int | None = None) -> Function:
    """The sides, as a tensor."""
    return lambda x: torch.tensor(x.shape[start:end], dtype=torch.int64)


def concat(*, axis: int) -> Function:
    """One after the other."""
    return lambda *parts: torch.cat(parts, axis)


def split(
    *,
    outputs: int,
    axis: int = 0,
    split: Sequence[int] | None = None,
    num_outputs: int | None = None,
) -> Function:
    """Into given lengths, or into equal ones with a shorter last."""
    parts = num_outputs or outputs

    def run(x: Tensor, given: Tensor | None = None) -> tuple[Tensor, ...]:
        sizes = integers(split if given is None else given)
        if sizes:
            return torch.split(x, sizes, axis)
        return torch.split(x, -(-x.shape[axis] // parts), axis)

    return run


def gather(*, axis: int = 0) -> Function:
    """Along one axis, by whole numbers of which the negative count from the end."""

    def run(x: Tensor, indices: Tensor) -> Tensor:
        at = axis % x.dim()
        wrapped = torch.where(indices < 0, indices + x.shape[at], indices)
        taken = x.index_select(at, wrapped.reshape(-1))
        return taken.reshape([*x.shape[:at], *indices.shape, *x.shape[at + 1 :]])

    return run


def cut(
    *,
    starts: Sequence[int] | None = None,
    ends: Sequence[int] | None = None,
    axes: Sequence[int] | None = None,
) -> Function:
    """Like Python, on any axes, backwards too."""

    def run(x: Tensor, *given: Tensor | None) -> Tensor:
        first, last, over, steps = (*given, None, None)[:4] if given else (starts, ends, axes, None)
        begins = integers(first)
        along = integers(over) or list(range(len(begins)))
        strides = integers(steps) or [1] * len(begins)
        for axis, begin, end, step in zip(along, begins, integers(last), strides, strict=True):
            taken = range(x.shape[axis])[begin:end:step]
            if step == 1:
                x = x.narrow(axis, taken.start, len(taken))
            else:
                x = x.index_select(axis, torch.tensor(taken, dtype=torch.int64))
        return x

    return run


def expand(x: Tensor, shape: Tensor) -> Tensor:
    """To a shape that both broadcast to."""
    return x.expand(np.broadcast_shapes(x.shape, tuple(integers(shape))))


def depth_to_space(*, blocksize: int, mode: str | bytes = "DCR") -> Function:
    """Channels become squares of pixels; in CRD a square's channels are neighbours."""
    is_crd = mode in {"CRD", b"CRD"}

    def run(x: Tensor) -> Tensor:
        if not is_crd:
            n, channels, height, width = x.shape
            kept = channels // blocksize**2
            x = x.reshape(n, blocksize**2, kept, height, width).transpose(1, 2)
            x = x.reshape(n, channels, height, width)
        return torch.nn.functional.pixel_shuffle(x, blocksize)

    return run
