"""Depthwise convolution whose gradients are taken in float32.

In bfloat16 the forward pass is as fast as any, but oneDNN has no kernel of its own for the
gradients of kernels of 5 x 5 and of steps of 2: with them a step in bfloat16 takes longer than one
in float32 (`benchmarks/train_step.py`). Here what came in is brought to float32 on the way back.
"""

from typing import Any

import torch
from torch import Tensor


def depthwise(x: Tensor, weight: Tensor, *, step: int, pad: int) -> Tensor:
    """Convolve each channel with its own kernel.

    Args:
        x: (N, C, h, w), bfloat16.
        weight: (C, 1, k, k), float32.
        step: of the kernel, in pixels.
        pad: zeros on each side.

    Returns:
        (N, C, h', w') in x's type. What flows back is in the types of x and weight.
    """
    found: Tensor = _Depthwise.apply(x, weight, step, pad)  # type: ignore[no-untyped-call]
    return found


class _Depthwise(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, step: int, pad: int) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.step, ctx.pad = step, pad
        return torch.conv2d(x, weight.to(x.dtype), None, step, pad, 1, len(weight))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        x, weight = ctx.saved_tensors
        wanted = [ctx.needs_input_grad[0], ctx.needs_input_grad[1], False]
        of_x, of_weight, _ = torch.ops.aten.convolution_backward(
            gradients[0].float(),
            x.float(),
            weight.float(),
            None,
            [ctx.step] * 2,
            [ctx.pad] * 2,
            [1, 1],
            False,
            [0, 0],
            len(weight),
            wanted,
        )
        return (
            None if of_x is None else of_x.to(x.dtype),
            None if of_weight is None else of_weight.to(weight.dtype),
            None,
            None,
        )
