"""What a training run begins from."""

import os
from dataclasses import dataclass, replace
from pathlib import Path

from torch import nn

from nearfar.errors import CheckpointError, UsageError
from nearfar.models.registry import ModelRegistry
from nearfar.models.spec import InputSpec, OutputSpec
from nearfar.training.nets.efficientnet_lite import STRIDE_PX, Variant
from nearfar.training.nets.midas_small import MIDAS_SMALL_INPUT, MIDAS_SMALL_OUTPUT
from nearfar.training.nets.nearfar_lite import (
    NEARFAR_LITE_INPUT,
    NEARFAR_LITE_OUTPUT,
    NearfarLite,
    load_nearfar_lite,
)
from nearfar.training.nets.pretrained import load_imagenet
from nearfar.training.weights import has_metadata, load_midas_small, read_weights

IMAGENET = "imagenet"


@dataclass(frozen=True)
class Start:
    """A network with its first weights.

    Attributes:
        network: to be trained.
        input: how pictures are fed to it.
        output: how its answers are read.
        metadata: what its `.onnx` and `.safetensors` files say of it.
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
            whose file holds a NearfarLite; or a file, see `start_from_file`. A file that is called
            like a model is given as `./name`.
        variant: of a new network's encoder.
        fed_px: the shorter side at which pictures are fed to a NearfarLite; its usual one when not
            given.
        store: where the models lie; the user's own folder when not given.

    Raises:
        CheckpointError: the file can't be read, or is of another network.
        ChecksumError: the model's file is not the recorded one.
        ModelMissingError: the model's file is lost.
        MissingExtraError: the package with the ImageNet weights is not installed.
    """
    if init == IMAGENET:
        lite = NearfarLite(variant)
        load_imagenet(lite.encoder, variant)
        return _of_lite(lite, NEARFAR_LITE_INPUT, fed_px)
    store = store or ModelRegistry()
    if init not in store.names():
        return start_from_file(init, fed_px=fed_px)
    spec = store.spec(init)
    if spec.urls:
        raise CheckpointError(
            f"{init} is no network of nearfar's own, from which training goes on: take"
            " nearfar-lite, or an .onnx, .safetensors or .pt file"
        )
    return _of_lite(load_nearfar_lite(store.read(init), told=init), spec.input, fed_px)


def start_from_file(path: str | os.PathLike[str], *, fed_px: int | None = None) -> Start:
    """Build the network that a file holds.

    Args:
        path: a NearfarLite in a `.onnx` or `.safetensors` file that nearfar wrote; or MiDaS v2.1
            small in one of these, or in a PyTorch file.
        fed_px: as for `start_from`.

    Raises:
        CheckpointError: the file can't be read, or is of another network.
    """
    if has_metadata(path) and read_weights(path)[1]:
        return _of_lite(load_nearfar_lite(path), NEARFAR_LITE_INPUT, fed_px)
    return Start(load_midas_small(Path(path)), MIDAS_SMALL_INPUT, MIDAS_SMALL_OUTPUT, {})


def _of_lite(lite: NearfarLite, spec: InputSpec, fed_px: int | None) -> Start:
    if fed_px is not None:
        if fed_px < STRIDE_PX or fed_px % STRIDE_PX:
            raise UsageError(f"pictures are fed at a multiple of {STRIDE_PX} px, not {fed_px}")
        spec = replace(spec, width_px=fed_px, height_px=fed_px)
    return Start(lite, spec, NEARFAR_LITE_OUTPUT, lite.metadata)
