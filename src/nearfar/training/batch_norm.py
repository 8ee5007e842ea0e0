"""Normalize input images, and recompute batch normalization statistics.

During training the running statistics are those of merged, recolored and partly hidden images,
and an interpolation of two networks has the statistics of neither. They are therefore recomputed
on unmodified images at the end (Izmailov et al., "Averaging Weights Leads to Wider Optima and
Better Generalization", UAI 2018).
"""

from collections.abc import Iterable
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nearfar.models.spec import InputSpec
from nearfar.training.data.augment import AugmentOptions

MAX_BATCHES: Final = 100
"""Largest number of batches used; one pass over the data is enough if it has fewer."""

CALIBRATION_AUGMENT: Final = AugmentOptions(
    crop_share=0.8, merge=0, color=0, gray=0, blur=0, cutout=0, noise=0, jpeg=0
)
"""Augmentation of these images: random crops, colors unchanged."""


def normalize_batch(
    images: NDArray[np.uint8], input_spec: InputSpec, device: torch.device | str = "cpu"
) -> Tensor:
    """Convert images of the network's input size to a normalized tensor.

    Args:
        images: (N, h, w, 3) uint8 RGB.
        input_spec: mean and standard deviation of each channel.
        device: of the result.

    Returns:
        (N, 3, h, w) float32, in channels-last memory format.
    """
    mean, std = (
        torch.tensor(values, device=device).view(3, 1, 1)
        for values in (input_spec.mean, input_spec.std)
    )
    planes = torch.from_numpy(images).to(device).permute(0, 3, 1, 2).float()
    normal = planes.div_(255).sub_(mean).div_(std)
    return normal.contiguous(memory_format=torch.channels_last)


def recalibrate_batch_norm(
    network: nn.Module, batches: Iterable[NDArray[np.uint8]], input_spec: InputSpec
) -> None:
    """Replace the running mean and variance of each batch normalization by those of new batches.

    Args:
        network: modified in place and left in evaluation mode.
        batches: (N, h, w, 3) uint8 RGB each, of the network's input size. Without any batch the
            network stays unchanged.
        input_spec: mean and standard deviation of each channel.
    """
    device = next(network.parameters()).device
    norms = [each for each in network.modules() if isinstance(each, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    network.eval()
    with torch.no_grad():
        for count, images in enumerate(batches):
            for norm in norms:
                norm.train()
                norm.momentum = 1 / (count + 1)
            network(normalize_batch(images, input_spec, device))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    network.eval()
