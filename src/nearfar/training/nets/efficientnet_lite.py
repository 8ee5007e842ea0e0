"""EfficientNet-Lite as a feature pyramid, with depthwise gradients in float32 under bfloat16."""

import math
from typing import Any, Final, Literal

import torch
from torch import Tensor, nn


def depthwise(x: Tensor, weight: Tensor, *, step: int, pad: int) -> Tensor:
    """Convolve each channel with its own kernel, and compute the gradients in float32.

    Args:
        x: (N, C, h, w), bfloat16.
        weight: (C, 1, k, k), float32.
        step: stride in pixels.
        pad: zero padding on each side in pixels.

    Returns:
        (N, C, h', w') in x's dtype. The gradients have the dtypes of x and weight.
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


Variant = Literal["lite0", "lite1", "lite2", "lite3", "lite4"]

SCALES: Final[dict[Variant, tuple[float, float]]] = {
    "lite0": (1.0, 1.0),
    "lite1": (1.0, 1.1),
    "lite2": (1.1, 1.2),
    "lite3": (1.2, 1.4),
    "lite4": (1.4, 1.8),
}
"""Variant -> multipliers of (width, depth)."""

STRIDE_PX: Final = 32
"""Stride of the deepest features: the sides of input images are multiples of it."""

_STEM_CHANNELS: Final = 32
_NORM_EPS: Final = 1e-3  # TensorFlow's, in which the published weights were trained
_NORM_MOMENTUM: Final = 0.01

_STAGES: Final = (
    # repeats, kernel, stride, expansion, channels; first and last are not scaled in depth
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)


class EfficientNetLite(nn.Module):
    """The encoder without its classifier.

    Attributes:
        channels: of the four feature maps, from fine to coarse.
    """

    channels: tuple[int, int, int, int]

    def __init__(self, variant: Variant) -> None:
        """Build the network with random weights.

        Args:
            variant: a row of `SCALES`.
        """
        super().__init__()
        stages, widths = _stages(variant)
        self.layer1 = nn.Sequential(
            SameConv2d(3, _STEM_CHANNELS, 3, stride=2),
            _norm(_STEM_CHANNELS),
            nn.ReLU6(inplace=True),
            *stages[0:2],
        )
        self.layer2 = nn.Sequential(*stages[2:3])
        self.layer3 = nn.Sequential(*stages[3:5])
        self.layer4 = nn.Sequential(*stages[5:7])
        self.channels = (widths[1], widths[2], widths[4], widths[6])

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Compute the feature maps of an image.

        Args:
            image: (N, 3, h, w) float32; h and w are multiples of `STRIDE_PX`.

        Returns:
            Four maps with `channels` channels, of 1/4, 1/8, 1/16 and 1/32 of the image's size.
        """
        first = self.layer1(image)
        second = self.layer2(first)
        third = self.layer3(second)
        return first, second, third, self.layer4(third)


class SameConv2d(nn.Conv2d):
    """A convolution without bias and with TensorFlow's "same" padding, for even sizes.

    With stride 2 the padding is asymmetric: the larger half is on the right and at the bottom.
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel: int, *, stride: int = 1, groups: int = 1
    ) -> None:
        before, after = (kernel - stride) // 2, (kernel - stride + 1) // 2
        even = before == after
        super().__init__(
            in_channels,
            out_channels,
            kernel,
            stride=stride,
            padding=before if even else 0,
            groups=groups,
            bias=False,
        )
        self._pad = before if even else 0
        self._pads = None if even else (before, after, before, after)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in_channels, h, w) to (N, out_channels, h / stride, w / stride)."""
        if self._pads is not None:
            x = nn.functional.pad(x, self._pads)
        if self.groups > 1 and x.dtype == torch.bfloat16 and torch.is_grad_enabled():
            return depthwise(x, self.weight, step=self.stride[0], pad=self._pad)
        return super().forward(x)


class DepthwiseSeparable(nn.Module):
    """Depthwise and pointwise convolution; the block of the first stage."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.conv_dw = SameConv2d(
            in_channels, in_channels, kernel, stride=stride, groups=in_channels
        )
        self.bn1 = _norm(in_channels)
        self.conv_pw = SameConv2d(in_channels, out_channels, 1)
        self.bn2 = _norm(out_channels)
        self.act = nn.ReLU6(inplace=True)
        self._residual = stride == 1 and in_channels == out_channels

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in_channels, h, w) to (N, out_channels, h / stride, w / stride)."""
        y: Tensor = self.act(self.bn1(self.conv_dw(x)))
        y = self.bn2(self.conv_pw(y))
        return y + x if self._residual else y


class InvertedResidual(nn.Module):
    """Pointwise expansion, depthwise and pointwise projection ("MobileNetV2", CVPR 2018).

    Attributes:
        drop_path: probability in training that an image skips a unit with a residual connection
            (Huang et al., "Deep Networks with Stochastic Depth", ECCV 2016).
    """

    drop_path: float = 0.0

    def __init__(
        self, in_channels: int, out_channels: int, kernel: int, stride: int, expansion: int
    ) -> None:
        super().__init__()
        inner = in_channels * expansion
        self.conv_pw = SameConv2d(in_channels, inner, 1)
        self.bn1 = _norm(inner)
        self.conv_dw = SameConv2d(inner, inner, kernel, stride=stride, groups=inner)
        self.bn2 = _norm(inner)
        self.conv_pwl = SameConv2d(inner, out_channels, 1)
        self.bn3 = _norm(out_channels)
        self.act = nn.ReLU6(inplace=True)
        self._residual = stride == 1 and in_channels == out_channels

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in_channels, h, w) to (N, out_channels, h / stride, w / stride)."""
        y: Tensor = self.act(self.bn1(self.conv_pw(x)))
        y = self.act(self.bn2(self.conv_dw(y)))
        y = self.bn3(self.conv_pwl(y))
        if not self._residual:
            return y
        if self.training and self.drop_path:
            kept = (torch.rand(len(y), 1, 1, 1, device=y.device) >= self.drop_path).to(y.dtype)
            y = y * (kept / (1 - self.drop_path))
        return y + x


def _stages(variant: Variant) -> tuple[list[nn.Sequential], list[int]]:
    width, depth = SCALES[variant]
    stages: list[nn.Sequential] = []
    widths: list[int] = []
    channels = _STEM_CHANNELS
    for index, (repeats, kernel, stride, expansion, base) in enumerate(_STAGES):
        fixed = index in {0, len(_STAGES) - 1}
        out = _round_channels(base * width)
        blocks: list[nn.Module] = []
        for block in range(repeats if fixed else math.ceil(repeats * depth)):
            step = stride if block == 0 else 1
            if expansion == 1:
                blocks.append(DepthwiseSeparable(channels, out, kernel, step))
            else:
                blocks.append(InvertedResidual(channels, out, kernel, step, expansion))
            channels = out
        stages.append(nn.Sequential(*blocks))
        widths.append(out)
    return stages, widths


def _round_channels(channels: float) -> int:
    """Return the nearest multiple of 8 that is at least 90 % of `channels`."""
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded if rounded >= 0.9 * channels else rounded + 8


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=_NORM_EPS, momentum=_NORM_MOMENTUM)
