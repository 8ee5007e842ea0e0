"""What a training run begins from."""

from dataclasses import dataclass, replace
from pathlib import Path

from torch import nn

from nearfar.errors import UsageError
from nearfar.models.registry import ModelRegistry
from nearfar.models.spec import InputSpec, OutputSpec
from nearfar.training.checkpoint import load_midas_small, read_metadata
from nearfar.training.encoder import STRIDE_PX, Variant
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


def start_from(
    init: str,
    variant: Variant = "lite2",
    *,
    fed_px: int | None = None,
    store: ModelRegistry | None = None,
) -> Start:
    """Build a network and give it its first weights.

    Args:
        init: `imagenet` for a new NearfarLite whose encoder knows ImageNet; the name of a model
            whose checkpoint ships with nearfar; or a file: the checkpoint of a NearfarLite, or
            of MiDaS v2.1 small. A file that is called like a model is given as `./name`.
        variant: of a new network's encoder.
        fed_px: the shorter side at which pictures are fed to a NearfarLite; its usual one when not
            given.
        store: where the models lie; the user's own folder when not given.

    Raises:
        CheckpointError: the file can't be read, or is of another network.
        ChecksumError: the checkpoint that ships with nearfar is not the recorded one.
        ModelMissingError: no checkpoint ships with this model.
        MissingExtraError: the package with the ImageNet weights is not installed.
    """
    if init == IMAGENET:
        lite = NearfarLite(variant)
        load_imagenet(lite.encoder, variant)
        return _of_lite(lite, fed_px)
    store = store or ModelRegistry()
    if init in store.names():
        with store.checkpoint(init) as verified:
            return _of_lite(load_nearfar_lite(verified), fed_px)
    path = Path(init)
    if path.suffix == ".safetensors" and read_metadata(path):
        return _of_lite(load_nearfar_lite(path), fed_px)
    return Start(load_midas_small(path), MIDAS_SMALL_INPUT, MIDAS_SMALL_OUTPUT, {})


def _of_lite(lite: NearfarLite, fed_px: int | None) -> Start:
    spec = NEARFAR_LITE_INPUT
    if fed_px is not None:
        if fed_px < STRIDE_PX or fed_px % STRIDE_PX:
            raise UsageError(f"pictures are fed at a multiple of {STRIDE_PX} px, not {fed_px}")
        spec = replace(spec, width_px=fed_px, height_px=fed_px)
    return Start(lite, spec, NEARFAR_LITE_OUTPUT, lite.metadata)
