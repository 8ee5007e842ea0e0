"""The ONNX operators with weights or windows, and the normalisations.

Rows of the table in `nearfar.runtimes.torch_ops.table`, where the conventions are told.
"""

from collections.abc import Callable, Sequence
from typing import Final

import torch
import torch.nn.functional as F  # noqa: N812 - the name that everyone gives it
from torch import Tensor

from nearfar.runtimes.torch_ops.shapes import Function, integers

_CONVOLUTIONS: Final = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
_TRANSPOSED: Final = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}
_MAX_POOLS: Final = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}
_MEAN_POOLS: Final = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}
_PAD_MODES: Final = {"constant": "constant", "reflect": "reflect", "edge": "replicate"}


def conv(
    *,
    auto_pad: str = "NOTSET",
    dilations: Sequence[int] | None = None,
    group: int = 1,
    kernel_shape: Sequence[int] | None = None,
    pads: Sequence[int] | None = None,
    strides: Sequence[int] | None = None,
) -> Function:
    """Convolution over one, two or three axes."""

    def run(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        rank = x.dim() - 2
        steps, holes = list(strides or [1] * rank), list(dilations or [1] * rank)
        kernel = list(kernel_shape or weight.shape[2:])
        around = _pads(auto_pad, pads, sides=x.shape[2:], kernel=kernel, steps=steps, holes=holes)
        even = around[:rank] == around[rank:]
        if not even:
            x = F.pad(x, _torch_order(around))
        inside = around[:rank] if even else [0] * rank
        return _CONVOLUTIONS[rank](x, weight, bias, steps, inside, holes, group)

    return run


def conv_transpose(
    *,
    auto_pad: str = "NOTSET",
    dilations: Sequence[int] | None = None,
    group: int = 1,
    kernel_shape: Sequence[int] | None = None,
    output_padding: Sequence[int] | None = None,
    pads: Sequence[int] | None = None,
    strides: Sequence[int] | None = None,
) -> Function:
    """Transposed convolution: `pads` is what is cut off its result."""
    del kernel_shape  # the weight says it
    if auto_pad not in {"NOTSET", "VALID"}:
        raise NotImplementedError(f"auto_pad={auto_pad}")

    def run(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        rank = x.dim() - 2
        more = list(output_padding or [0] * rank)
        around = list(pads or [0] * 2 * rank)
        steps, holes = list(strides or [1] * rank), list(dilations or [1] * rank)
        # torch wants less output padding than stride; added by hand it may be anything
        y: Tensor = _TRANSPOSED[rank](x, weight, None, steps, 0, 0, group, holes)
        cut = [-before for before in around[:rank]]
        cut += [extra - after for extra, after in zip(more, around[rank:], strict=True)]
        y = F.pad(y, _torch_order(cut))
        return y if bias is None else y + bias.reshape(-1, *[1] * rank)

    return run


def max_pool(
    *,
    kernel_shape: Sequence[int],
    auto_pad: str = "NOTSET",
    ceil_mode: int = 0,
    dilations: Sequence[int] | None = None,
    pads: Sequence[int] | None = None,
    storage_order: int = 0,
    strides: Sequence[int] | None = None,
) -> Function:
    """The largest of each window."""
    del storage_order  # of the second output, which the session refuses
    if ceil_mode:
        raise NotImplementedError("ceil_mode")
    kernel = list(kernel_shape)
    rank = len(kernel)
    steps, holes = list(strides or [1] * rank), list(dilations or [1] * rank)

    def run(x: Tensor) -> Tensor:
        around = _pads(auto_pad, pads, sides=x.shape[2:], kernel=kernel, steps=steps, holes=holes)
        lowest = -torch.inf if x.is_floating_point() else torch.iinfo(x.dtype).min
        padded = F.pad(x, _torch_order(around), value=lowest) if any(around) else x
        pooled: Tensor = _MAX_POOLS[rank](padded, kernel, steps, 0, holes)
        return pooled

    return run


def average_pool(
    *,
    kernel_shape: Sequence[int],
    auto_pad: str = "NOTSET",
    ceil_mode: int = 0,
    count_include_pad: int = 0,
    pads: Sequence[int] | None = None,
    strides: Sequence[int] | None = None,
) -> Function:
    """The mean of each window, with or without the zeros around."""
    if ceil_mode:
        raise NotImplementedError("ceil_mode")
    kernel = list(kernel_shape)
    rank = len(kernel)
    steps = list(strides or [1] * rank)

    def run(x: Tensor) -> Tensor:
        around = _pads(
            auto_pad, pads, sides=x.shape[2:], kernel=kernel, steps=steps, holes=[1] * rank
        )
        pool = _MEAN_POOLS[rank]
        if not any(around):
            return pool(x, kernel, steps)
        mean = pool(F.pad(x, _torch_order(around)), kernel, steps)
        if count_include_pad:
            return mean
        inside = F.pad(torch.ones_like(x[:1, :1]), _torch_order(around))
        return mean / pool(inside, kernel, steps)

    return run


def over_space(function: Callable[..., Tensor]) -> Callable[[], Function]:
    """GlobalAveragePool and its kind: reduce all axes but the first two."""

    def bind() -> Function:
        return lambda x: function(x, tuple(range(2, x.dim())), keepdim=True)

    return bind


def pad(
    *, mode: str = "constant", pads: Sequence[int] | None = None, value: float = 0.0
) -> Function:
    """Before and after any axes; negative amounts cut off. Not `wrap`."""
    if mode not in _PAD_MODES:
        raise NotImplementedError(f"mode={mode}")

    def run(
        x: Tensor,
        amounts: Tensor | None = None,
        fill: Tensor | None = None,
        axes: Tensor | None = None,
    ) -> Tensor:
        given = integers(pads if amounts is None else amounts)
        over = [axis % x.dim() for axis in integers(axes)] or list(range(x.dim()))
        around = [0] * 2 * x.dim()
        for i, axis in enumerate(over):
            around[axis], around[axis + x.dim()] = given[i], given[i + len(over)]
        ordered = _torch_order(around)
        if mode == "constant":
            return F.pad(x, ordered, value=value if fill is None else fill.item())
        while len(ordered) > 2 and ordered[-2:] == [0, 0]:
            del ordered[-2:]  # torch mirrors only the last axes
        return F.pad(x, ordered, _PAD_MODES[mode])

    return run


def batch_norm(*, epsilon: float = 1e-5, momentum: float = 0.9, training_mode: int = 0) -> Function:
    """With the statistics of the training."""
    del momentum
    if training_mode:
        raise NotImplementedError("training_mode")
    return lambda x, scale, bias, mean, var: F.batch_norm(x, mean, var, scale, bias, eps=epsilon)


def instance_norm(*, epsilon: float = 1e-5) -> Function:
    """Each channel of each picture by its own statistics."""
    return lambda x, scale, bias: F.instance_norm(x, weight=scale, bias=bias, eps=epsilon)


def layer_norm(*, axis: int = -1, epsilon: float = 1e-5, stash_type: int = 1) -> Function:
    """All axes from `axis` on by their common statistics."""
    del stash_type  # of half-precision input

    def run(x: Tensor, scale: Tensor, bias: Tensor | None = None) -> Tensor:
        shape = x.shape[axis:]
        if scale.shape == shape and (bias is None or bias.shape == shape):
            return F.layer_norm(x, shape, scale, bias, epsilon)
        y = F.layer_norm(x, shape, eps=epsilon) * scale
        return y if bias is None else y + bias

    return run


def softmax(*, opset: int, axis: int | None = None) -> Function:
    """Along one axis; before opset 13, along all from `axis` on as one."""
    if opset >= 13:
        return lambda x: torch.softmax(x, -1 if axis is None else axis)

    def run(x: Tensor) -> Tensor:  # of old, all axes from this one on were one
        first = (1 if axis is None else axis) % x.dim()
        return torch.softmax(x.flatten(first), -1).reshape(x.shape)

    return run


def gemm(*, alpha: float = 1.0, beta: float = 1.0, transA: int = 0, transB: int = 0) -> Function:  # noqa: N803 - ONNX
    """A matrix product, scaled, and a scaled matrix added."""

    def run(a: Tensor, b: Tensor, c: Tensor | None = None) -> Tensor:
        product = (a.T if transA else a) @ (b.T if transB else b)
        product = product if alpha == 1 else product * alpha
        return product if c is None else product + (c if beta == 1 else c * beta)

    return run


def _pads(
    auto_pad: str,
    pads: Sequence[int] | None,
    *,
    sides: Sequence[int],
    kernel: Sequence[int],
    steps: Sequence[int],
    holes: Sequence[int],
) -> list[int]:
    """All befores, then all afters, as ONNX has them."""
    if auto_pad == "NOTSET":
        return list(pads or [0] * 2 * len(sides))
    if auto_pad == "VALID":
        return [0] * 2 * len(sides)
    less: list[int] = []
    more: list[int] = []
    for side, width, step, hole in zip(sides, kernel, steps, holes, strict=True):
        total = max((-(-side // step) - 1) * step + (width - 1) * hole + 1 - side, 0)
        less.append(total // 2)
        more.append(total - total // 2)
    return less + more if auto_pad == "SAME_UPPER" else more + less


def _torch_order(around: Sequence[int]) -> list[int]:
    """ONNX's befores and afters -> torch's pairs, last axis first."""
    rank = len(around) // 2
    return [around[axis + half] for axis in reversed(range(rank)) for half in (0, rank)]
