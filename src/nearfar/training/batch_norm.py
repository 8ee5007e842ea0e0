"""How pictures come to a network, and what its batch normalisations know of what passes them.

While it is trained they follow pictures that are merged, recolored and in part hidden, and in a
mean of two networks' weights they know what passed either network, but not the mean. So they are
measured anew on pictures as they come (Izmailov et al., "Averaging Weights Leads to Wider Optima
and Better Generalization", UAI 2018).
"""

from collections.abc import Iterable
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nearfar.models.spec import InputSpec
from nearfar.training.data.augment import AugmentOptions

BATCHES: Final = 100
"""Batches that are measured at most; one pass over the data is enough if it has fewer."""

PLAIN: Final = AugmentOptions(
    crop_share=0.8, merge=0, color=0, grey=0, blur=0, hide=0, noise=0, jpeg=0
)
"""How much pictures are changed for it: framed, but not reshaded."""


def normalize_batch(
    images: NDArray[np.uint8], input_spec: InputSpec, device: torch.device | str = "cpu"
) -> Tensor:
    """Normalise pictures that have the network's size.

    Args:
        images: (N, h, w, 3) uint8 RGB.
        input_spec: mean and deviation of each color.
        device: where the result lies.

    Returns:
        (N, 3, h, w) float32, channels last in memory.
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
    """Replace the mean and variance that each normalisation knows by the mean over batches.

    Args:
        network: changed in place, and left ready to run.
        batches: (N, h, w, 3) uint8 RGB each, of the network's size; none leaves it as it is.
        input_spec: how pictures are normalised for it.
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
