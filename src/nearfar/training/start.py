"""What a training run begins from."""

from dataclasses import dataclass
from pathlib import Path

from torch import nn

from nearfar.models.spec import InputSpec, OutputSpec
from nearfar.training.checkpoint import load_midas_small, read_metadata
from nearfar.training.encoder import Variant
from nearfar.training.lite import (
    NEARFAR_LITE_INPUT,
    NEARFAR_LITE_OUTPUT,
    NearfarLite,
    load_nearfar_lite,
)
from nearfar.training.network import MIDAS_SMALL_INPUT, MIDAS_SMALL_OUTPUT
from nearfar.training.pretrained import load_imagenet

IMAGENET = "imagenet"


@dataclass(frozen=True)
class Start:
    """A network with its first weights.

    Attributes:
        network: to be trained.
        input: how pictures are fed to it.
        output: how its answers are read.
        metadata: what its `.safetensors` file says of it.
    """

    network: nn.Module
    input: InputSpec
    output: OutputSpec
    metadata: dict[str, str]


def start_from(init: str, variant: Variant = "lite2") -> Start:
    """Build a network and give it its first weights.

    Args:
        init: `imagenet` for a new NearfarLite whose encoder knows ImageNet; or a file: the
            checkpoint of a NearfarLite, or of MiDaS v2.1 small.
        variant: of a new network's encoder.

    Raises:
        CheckpointError: the file can't be read, or is of another network.
        MissingExtraError: the package with the ImageNet weights is not installed.
    """
    if init == IMAGENET:
        lite = NearfarLite(variant)
        load_imagenet(lite.encoder, variant)
        return Start(lite, NEARFAR_LITE_INPUT, NEARFAR_LITE_OUTPUT, lite.metadata)
    path = Path(init)
    if path.suffix == ".safetensors" and read_metadata(path):
        lite = load_nearfar_lite(path)
        return Start(lite, NEARFAR_LITE_INPUT, NEARFAR_LITE_OUTPUT, lite.metadata)
    return Start(load_midas_small(path), MIDAS_SMALL_INPUT, MIDAS_SMALL_OUTPUT, {})
