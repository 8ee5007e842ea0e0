"""NearfarLite: the network that ships with nearfar.

An EfficientNet-Lite encoder, read at every stride from 2 to 32, and a light decoder of
depthwise-separable units: lateral connections as in Lin et al., "Feature Pyramid Networks"
(CVPR 2017), and a global-context term as in Liu et al., "ParseNet" (2015). For sharp edges the
decoder gets the encoder's first features and the image's own pixels again at half size, and
predicts four values per position, one per pixel (sub-pixel convolution, Shi et al., CVPR 2016),
which are added to an upsampled smooth prediction. It consists of convolutions, ReLU6, additions,
averages and bilinear upsampling by 2, which all int8 runtimes support.
"""

import os
from collections.abc import Sequence
from typing import Final, cast

import torch
from torch import Tensor, nn

from nearfar.errors import CheckpointError, UsageError
from nearfar.models.spec import InputSpec, OutputSpec
from nearfar.training.nets.efficientnet_lite import (
    SCALES,
    STRIDE_PX,
    DepthwiseSeparable,
    EfficientNetLite,
    InvertedResidual,
    Variant,
)
from nearfar.training.weights import batch_counters, load_strictly, read_weights

NEARFAR_LITE_INPUT: Final = InputSpec(
    width_px=192,
    height_px=192,
    multiple_of=STRIDE_PX,
    resize="lower_bound",
    interpolation="area",
    mean=(127 / 255,) * 3,
    std=(128 / 255,) * 3,
)
"""Input: `(rgb - 127) / 128` for rgb in 0..255, as in the training of EfficientNet-Lite."""

NEARFAR_LITE_OUTPUT: Final = OutputSpec(zero="free", interpolation="linear")
"""Output: the network is trained up to an unknown shift."""

_NAME: Final = "nearfar-lite"
_HALF_BLOCKS: Final = 4  # blocks of `EfficientNetLite.layer1` up to stride 2
_KERNELS: Final = (3, 3, 5, 5)  # kernel sizes of the units at strides 4, 8, 16, 32
_NORM_MOMENTUM: Final = 0.05  # larger than the encoder's: the decoder has no pretrained statistics
_INITIAL_STD: Final = 0.02  # initial standard deviation of the smooth layer's weights


class NearfarLite(nn.Module):
    """Predict inverse depth from one image, up to scale and shift.

    Attributes:
        encoder: can load ImageNet weights (`nearfar.training.nets.pretrained`).
        decoder: all other layers, initialized at random.
        metadata: from which `load_nearfar_lite` builds the same network again; stored in the
            `.onnx` or `.safetensors` file with the weights.
    """

    def __init__(
        self,
        variant: Variant = "lite2",
        widths: Sequence[int] = (48, 64, 96, 128),
        *,
        units: int = 2,
        expansion: int = 1,
        fine_width: int = 24,
    ) -> None:
        """Build the network with random weights.

        Args:
            variant: of the encoder.
            widths: the decoder's channels at strides 4, 8, 16 and 32.
            units: number of residual units at each of these strides.
            expansion: factor of channels inside the units.
            fine_width: channels at stride 2.

        Raises:
            UsageError: there are not four widths, or a number is below one.
        """
        super().__init__()
        if len(widths) != len(_KERNELS) or min(*widths, units, expansion, fine_width) < 1:
            raise UsageError(
                f"NearfarLite needs four widths and numbers of at least 1, not widths {widths}, "
                f"units {units}, expansion {expansion}, fine_width {fine_width}"
            )
        self.metadata = {
            "network": _NAME,
            "variant": variant,
            "widths": " ".join(map(str, widths)),
            "units": str(units),
            "expansion": str(expansion),
            "fine_width": str(fine_width),
        }
        self.encoder = EfficientNetLite(variant)
        self.decoder = _Decoder(self.encoder, widths, units, expansion, fine_width)

    def forward(self, image: Tensor) -> Tensor:
        """Predict inverse depth.

        Args:
            image: (N, 3, h, w) float32 RGB, normalized according to `NEARFAR_LITE_INPUT`;
                h and w are multiples of 32.

        Returns:
            (N, h, w) float32, also under autocast: inverse depth, larger is nearer, with unknown
            scale and shift, so that values may be negative.

        Raises:
            UsageError: h or w is not a multiple of 32.
        """
        if not torch.onnx.is_in_onnx_export():  # the check can't be traced with dynamic sizes
            _check_size(image)
        stem = self.encoder.layer1
        half: Tensor = stem[:_HALF_BLOCKS](image)
        quarter: Tensor = stem[_HALF_BLOCKS:](half)
        eighth: Tensor = self.encoder.layer2(quarter)
        sixteenth: Tensor = self.encoder.layer3(eighth)
        deepest: Tensor = self.encoder.layer4(sixteenth)
        depth: Tensor = self.decoder(image, half, (quarter, eighth, sixteenth, deepest))
        return depth


def load_nearfar_lite(model: bytes | str | os.PathLike[str], *, name: str = "") -> NearfarLite:
    """Load the network from a file with `NearfarLite.metadata`, in evaluation mode.

    Args:
        model: path of an ONNX or safetensors file, or the content of an ONNX file.
        name: name of the model in error messages; its path if empty.

    Raises:
        CheckpointError: see `read_weights`, or the file contains another network.
        MissingExtraError: safetensors is not installed.
    """
    state, metadata = read_weights(model)
    name = name or ("the network" if isinstance(model, bytes) else os.fspath(model))
    if metadata.get("network") != _NAME or metadata.get("variant") not in SCALES:
        raise CheckpointError(
            f"{name} has no metadata of a {_NAME} network: use an .onnx or .safetensors file"
            " that nearfar train wrote"
        )
    try:
        network = NearfarLite(
            cast("Variant", metadata["variant"]),
            tuple(map(int, metadata["widths"].split())),
            units=int(metadata["units"]),
            expansion=int(metadata["expansion"]),
            fine_width=int(metadata["fine_width"]),
        )
    except (KeyError, ValueError) as error:
        raise CheckpointError(f"{name} has incomplete metadata of its network") from error
    load_strictly(network, state, f"{name} is damaged", optional=batch_counters(network))
    return network.eval()


class _Decoder(nn.Module):
    """From the coarsest features to the finest, and to one value per pixel."""

    def __init__(
        self,
        encoder: EfficientNetLite,
        widths: Sequence[int],
        units: int,
        expansion: int,
        fine_width: int,
    ) -> None:
        super().__init__()
        self.laterals = nn.ModuleList(
            _pointwise(channels, width)
            for channels, width in zip(encoder.channels, widths, strict=True)
        )
        self.context = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(widths[-1], widths[-1], 1),
            nn.ReLU6(),
            nn.Conv2d(widths[-1], widths[-1], 1),
        )
        self.units = nn.ModuleList(
            nn.Sequential(*(_unit(width, kernel, expansion) for _ in range(units)))
            for width, kernel in zip(widths, _KERNELS, strict=True)
        )
        finer = (fine_width, *widths[:-1])
        self.narrow = nn.ModuleList(
            _pointwise(width, out) for width, out in zip(widths, finer, strict=True)
        )
        self.fine_lateral = _pointwise(_half_channels(encoder), fine_width)
        self.fine_picture = nn.Conv2d(3, fine_width, 4, stride=2, padding=1)
        self.fine_units = nn.Sequential(_unit(fine_width, 3, 1), _unit(fine_width, 3, 1))
        self.smooth = nn.Conv2d(fine_width, 1, 3, padding=1)
        self.sharp = nn.Conv2d(fine_width, 4, 3, padding=1)
        self._initialize()

    def forward(self, image: Tensor, half: Tensor, features: tuple[Tensor, ...]) -> Tensor:
        """Map an image, its features at stride 2, and those at strides 4 to 32 to (N, h, w)."""
        path: Tensor = self.laterals[-1](features[-1])
        path = path + self.context(path)
        for level in reversed(range(len(features))):
            path = _upsample(self.narrow[level](self.units[level](path)))
            if level:
                path = path + self.laterals[level - 1](features[level - 1])
        path = path + self.fine_lateral(half) + self.fine_picture(image)
        path = self.fine_units(path)
        with torch.autocast(path.device.type, enabled=False):  # bfloat16 has only 8 bits
            if path.dtype != self.smooth.weight.dtype:
                path = path.to(self.smooth.weight.dtype)
            sharp = nn.functional.pixel_shuffle(self.sharp(path), 2)
            depth: Tensor = _upsample(self.smooth(path)) + sharp
        return depth.squeeze(1)

    def _initialize(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = _NORM_MOMENTUM
            elif isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        nn.init.normal_(self.smooth.weight, 0, _INITIAL_STD)
        nn.init.zeros_(self.sharp.weight)
        nn.init.zeros_(cast("nn.Conv2d", self.context[-1]).weight)


def _half_channels(encoder: EfficientNetLite) -> int:
    block = cast("nn.Sequential", encoder.layer1[_HALF_BLOCKS - 1])[-1]
    return cast("DepthwiseSeparable", block).conv_pw.out_channels


def _unit(width: int, kernel: int, expansion: int) -> nn.Module:
    if expansion == 1:
        return DepthwiseSeparable(width, width, kernel, 1)
    return InvertedResidual(width, width, kernel, 1, expansion)


def _pointwise(in_channels: int, out_channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 1, bias=False), nn.BatchNorm2d(out_channels)
    )


def _upsample(x: Tensor) -> Tensor:
    return nn.functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


def _check_size(image: Tensor) -> None:
    height, width = image.shape[-2:]
    if height % STRIDE_PX or width % STRIDE_PX or not height or not width:
        raise UsageError(
            f"NearfarLite needs sides that are multiples of {STRIDE_PX} px, "
            f"not {width} x {height}: resize the image first"
        )
