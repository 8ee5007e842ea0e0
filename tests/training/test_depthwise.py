"""Depthwise gradients against torch's own, in double precision."""

import pytest
import torch
from torch import nn

from nearfar.training.nets.efficientnet_lite import SameConv2d, depthwise


@pytest.mark.parametrize(("kernel", "step", "pad"), [(3, 1, 1), (5, 1, 2), (3, 2, 0), (5, 2, 0)])
def test_gradients_are_those_of_the_convolution(kernel: int, step: int, pad: int) -> None:
    torch.manual_seed(1)
    x = torch.randn(2, 6, 11, 13).bfloat16().requires_grad_()
    weight = torch.randn(6, 1, kernel, kernel, requires_grad=True)
    found = depthwise(x, weight, step=step, pad=pad)
    assert found.dtype == torch.bfloat16
    pull = torch.randn(found.shape).bfloat16()
    found.backward(pull)  # type: ignore[no-untyped-call]

    exact_x, exact_weight = x.detach().double().requires_grad_(), weight.detach().double()
    exact_weight.requires_grad_()
    expected = nn.functional.conv2d(exact_x, exact_weight, None, step, pad, 1, 6)
    expected.backward(pull.double())  # type: ignore[no-untyped-call]
    assert x.grad is not None
    assert x.grad.dtype == torch.bfloat16
    assert weight.grad is not None
    assert weight.grad.dtype == torch.float32
    torch.testing.assert_close(found.double(), expected, atol=0.1, rtol=0.02)
    torch.testing.assert_close(x.grad.double(), exact_x.grad, atol=0.02, rtol=0.01)
    torch.testing.assert_close(weight.grad.double(), exact_weight.grad, atol=1e-4, rtol=1e-5)


def test_frozen_weights_get_no_gradient() -> None:
    x = torch.randn(1, 4, 6, 6).bfloat16().requires_grad_()
    weight = torch.randn(4, 1, 3, 3)
    depthwise(x, weight, step=1, pad=1).sum().backward()  # type: ignore[no-untyped-call]
    assert x.grad is not None
    assert weight.grad is None


def test_it_is_taken_under_autocast_alone_and_changes_no_answer() -> None:
    torch.manual_seed(2)
    layer = SameConv2d(8, 8, 5, groups=8)
    x = torch.randn(1, 8, 12, 12, requires_grad=True)
    plain = layer(x)
    assert type(plain.grad_fn).__name__ == "ConvolutionBackward0"
    with torch.autocast("cpu", torch.bfloat16):
        lower = layer(x.bfloat16())
        with torch.no_grad():
            still = layer(x.bfloat16())
    assert type(lower.grad_fn).__name__ == "_DepthwiseBackward"
    torch.testing.assert_close(lower, still)
    torch.testing.assert_close(lower.float(), plain, atol=0.03, rtol=0.02)
