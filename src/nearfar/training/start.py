"""Initial network and weights of a training run."""

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
    """A network with its initial weights.

    Attributes:
        network: to be trained.
        input: size and normalization of its input.
        output: meaning of its output.
        metadata: metadata of its `.onnx` and `.safetensors` files.
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
    """Build a network with initial weights.

    Args:
        init: `imagenet` for a new NearfarLite with an encoder pretrained on ImageNet; the name of
            a model whose file contains a NearfarLite; or a file, see `start_from_file`. Write
            `./name` for a file with the name of a model.
        variant: encoder of a new network.
        fed_px: shorter side of a NearfarLite's input; its default if None.
        store: model registry; the user's own if None.

    Raises:
        CheckpointError: the file can't be read, or contains another network.
        ChecksumError: the model's file does not match its recorded SHA-256.
        ModelMissingError: the model's file does not exist.
        MissingExtraError: the package with the ImageNet weights is not installed.
        UsageError: `fed_px` is not a multiple of the network's stride.
    """
    if init == IMAGENET:
        lite = NearfarLite(variant)
        load_imagenet(lite.encoder, variant)
        return _start_lite(lite, NEARFAR_LITE_INPUT, fed_px)
    store = store or ModelRegistry()
    if init not in store.names():
        return start_from_file(init, fed_px=fed_px)
    spec = store.spec(init)
    if spec.urls:
        raise CheckpointError(
            f"{init} can't be trained further, because it is not one of nearfar's own networks:"
            " use nearfar-lite, or an .onnx, .safetensors or .pt file"
        )
    return _start_lite(load_nearfar_lite(store.read(init), name=init), spec.input, fed_px)


def start_from_file(path: str | os.PathLike[str], *, fed_px: int | None = None) -> Start:
    """Build the network that a file contains.

    Args:
        path: a NearfarLite in an `.onnx` or `.safetensors` file written by nearfar; or MiDaS v2.1
            small in such a file or in a PyTorch checkpoint.
        fed_px: shorter side of a NearfarLite's input; its default if None.

    Raises:
        CheckpointError: the file can't be read, or contains another network.
        UsageError: `fed_px` is not a multiple of the network's stride.
    """
    if has_metadata(path) and read_weights(path)[1]:
        return _start_lite(load_nearfar_lite(path), NEARFAR_LITE_INPUT, fed_px)
    return Start(load_midas_small(Path(path)), MIDAS_SMALL_INPUT, MIDAS_SMALL_OUTPUT, {})


def _start_lite(lite: NearfarLite, spec: InputSpec, fed_px: int | None) -> Start:
    if fed_px is not None:
        if fed_px < STRIDE_PX or fed_px % STRIDE_PX:
            raise UsageError(f"the input size must be a multiple of {STRIDE_PX} px, not {fed_px}")
        spec = replace(spec, width_px=fed_px, height_px=fed_px)
    return Start(lite, spec, NEARFAR_LITE_OUTPUT, lite.metadata)
