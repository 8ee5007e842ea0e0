"""MiDaS small with weights that nobody trained, made once."""

from functools import cache

import torch
from torch import nn

from nearfar.training.nets.midas_small import MidasSmall


@cache
def random_midas_small() -> MidasSmall:
    """Random weights, and batch-norm statistics as far from 0 and 1 as trained ones are."""
    with torch.random.fork_rng():
        torch.manual_seed(7)
        network = MidasSmall().eval()
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                assert module.running_mean is not None
                assert module.running_var is not None
                assert module.num_batches_tracked is not None
                module.running_mean.normal_(0, 0.3)
                module.running_var.uniform_(0.3, 1.5)
                module.num_batches_tracked.fill_(1000)
                nn.init.uniform_(module.weight, 0.6, 1.4)
                nn.init.normal_(module.bias, 0, 0.3)
        last = network.scratch.output_conv[4]
        assert isinstance(last, nn.Conv2d)
        assert last.bias is not None
        nn.init.constant_(last.bias, 0.3)  # so that the last ReLU leaves something to compare
    return network


def random_pictures(count: int, height: int, width: int) -> torch.Tensor:
    """(count, 3, height, width), as if normalised."""
    generator = torch.Generator().manual_seed(count * height * width)
    return torch.randn(count, 3, height, width, generator=generator)
