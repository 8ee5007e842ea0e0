"""MiDaS v2.1 small in PyTorch.

Ranftl et al., "Towards Robust Monocular Depth Estimation" (TPAMI 2022); the network that
isl-org/MiDaS publishes as `MidasNet_small`. Parameters and buffers have the names of the official
checkpoint `midas_v21_small_256.pt`.
"""

from typing import Final

import torch
from torch import Tensor, nn

from nearfar.errors import UsageError
from nearfar.models.catalog import IMAGENET_MEAN, IMAGENET_STD
from nearfar.models.spec import InputSpec, OutputSpec
from nearfar.training.nets.efficientnet_lite import STRIDE_PX, EfficientNetLite

MIDAS_SMALL_INPUT: Final = InputSpec(
    width_px=256,
    height_px=256,
    multiple_of=STRIDE_PX,
    resize="upper_bound",
    interpolation="cubic",
    mean=IMAGENET_MEAN,
    std=IMAGENET_STD,
)
"""Input of the PyTorch checkpoint (MiDaS's `small_transform`); its ONNX file differs."""

MIDAS_SMALL_OUTPUT: Final = OutputSpec(zero="far", interpolation="cubic")
"""Output of the PyTorch checkpoint."""

NEVER_RUN: Final = "scratch.refinenet4.resConfUnit1."
"""Prefix of the names of unused parameters."""

_FEATURES: Final = (64, 128, 256, 512)


class MidasSmall(nn.Module):
    """Predict inverse depth from one image; 21.3 M values, 4.6 GMAC at 256 x 256.

    4.7 M of the values (`NEVER_RUN`) are in the official file but unused: the deepest fusion has
    no skip connection.
    """

    def __init__(self) -> None:
        super().__init__()
        self.pretrained = EfficientNetLite("lite3")
        self.scratch = _Decoder(self.pretrained.channels)

    def forward(self, image: Tensor) -> Tensor:
        """Predict inverse depth.

        Args:
            image: (N, 3, h, w) float32 RGB, normalized according to `MIDAS_SMALL_INPUT`;
                h and w are multiples of 32.

        Returns:
            (N, h, w) float32 inverse depth, zero or more, with unknown scale and shift.

        Raises:
            UsageError: h or w is not a multiple of 32.
        """
        if not torch.onnx.is_in_onnx_export():  # the check can't be traced with dynamic sizes
            _check_size(image)
        depth: Tensor = self.scratch(*self.pretrained(image))
        return depth


class _Decoder(nn.Module):
    """RefineNet-like decoder, from the coarsest features to the finest and to one channel."""

    def __init__(self, channels: tuple[int, int, int, int]) -> None:
        super().__init__()
        first, second, third, fourth = _FEATURES
        self.layer1_rn = nn.Conv2d(channels[0], first, 3, padding=1, bias=False)
        self.layer2_rn = nn.Conv2d(channels[1], second, 3, padding=1, bias=False)
        self.layer3_rn = nn.Conv2d(channels[2], third, 3, padding=1, bias=False)
        self.layer4_rn = nn.Conv2d(channels[3], fourth, 3, padding=1, bias=False)
        self.refinenet4 = _Fusion(fourth, third)
        self.refinenet3 = _Fusion(third, second)
        self.refinenet2 = _Fusion(second, first)
        self.refinenet1 = _Fusion(first, first)
        self.output_conv = nn.Sequential(
            nn.Conv2d(first, first // 2, 3, padding=1),
            nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False),
            nn.Conv2d(first // 2, 32, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(32, 1, 1),
            nn.ReLU(),
        )

    def forward(self, first: Tensor, second: Tensor, third: Tensor, fourth: Tensor) -> Tensor:
        """Map four feature maps to (N, h, w)."""
        path: Tensor = self.refinenet4(self.layer4_rn(fourth), None)
        path = self.refinenet3(path, self.layer3_rn(third))
        path = self.refinenet2(path, self.layer2_rn(second))
        path = self.refinenet1(path, self.layer1_rn(first))
        depth: Tensor = self.output_conv(path)
        return depth.squeeze(1)


class _Fusion(nn.Module):
    """Add the skip connection, refine, upsample by 2, and change the number of channels."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.resConfUnit1 = _ResidualUnit(in_channels)
        self.resConfUnit2 = _ResidualUnit(in_channels)
        self.out_conv = nn.Conv2d(in_channels, out_channels, 1)

    def forward(self, path: Tensor, skip: Tensor | None) -> Tensor:
        """Map (N, in_channels, h, w) and an optional skip to (N, out_channels, 2h, 2w)."""
        if skip is not None:
            path = path + self.resConfUnit1(skip)
        path = nn.functional.interpolate(
            self.resConfUnit2(path), scale_factor=2, mode="bilinear", align_corners=True
        )
        fused: Tensor = self.out_conv(path)
        return fused


class _ResidualUnit(nn.Module):
    """Two convolutions, each after a ReLU, plus the input before its ReLU."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, channels, h, w) to the same shape."""
        relu = nn.functional.relu
        refined: Tensor = self.conv2(relu(self.conv1(relu(x))))
        return refined + x


def count_macs_per_px(network: nn.Module) -> float:
    """Return the multiply-adds of all convolutions and linear layers per input pixel.

    Measured on one 256 x 256 image, for which MiDaS v2.1 small needs 4.6 G.

    Args:
        network: (N, 3, h, w) -> anything.
    """
    total = 0

    def count(module: nn.Module, _: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal total
        weight = module.get_parameter("weight")  # (outputs, inputs of one output value ...)
        total += output.numel() * weight[0].numel()

    counted = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    hooks = [module.register_forward_hook(count) for module in counted]
    training = network.training
    try:
        with torch.no_grad():
            network.eval()(torch.zeros(1, 3, 256, 256))
    finally:
        network.train(training)
        for hook in hooks:
            hook.remove()
    return total / 256**2


def _check_size(image: Tensor) -> None:
    height, width = image.shape[-2:]
    if height % STRIDE_PX or width % STRIDE_PX or not height or not width:
        raise UsageError(
            f"MiDaS small needs sides that are multiples of {STRIDE_PX} px, "
            f"not {width} x {height}: resize the image first"
        )
