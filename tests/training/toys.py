"""A toy of a depth network, quick to export and to quantize."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from torch import nn
from torch.nn.functional import interpolate

from nearfar.runtimes.base import Batch
from nearfar.training.export import export_onnx


class Toy(nn.Module):
    """Every kind of layer that matters: ReLU6, depthwise, a sum, a resize, a head."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU6()
        )
        self.deep = nn.Sequential(nn.Conv2d(8, 8, 3, 1, 1, groups=8), nn.ReLU6())
        self.mix = nn.Conv2d(8, 8, 1)
        self.wide = nn.Sequential(nn.Conv2d(8, 6, 3, 1, 1), nn.ReLU())
        self.head = nn.Conv2d(6, 1, 1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        stem = self.stem(image)
        mixed = self.wide(stem + self.mix(self.deep(stem)))
        answer: torch.Tensor = self.head(interpolate(mixed, scale_factor=2, mode="bilinear"))
        return answer[:, 0]


def toy(*, hopeless: bool = False) -> Toy:
    """Make one, always the same.

    Args:
        hopeless: `mix` has weights of 500 beside those of its signal, for a channel that is
            always zero: in int8 only these would be left.
    """
    with torch.random.fork_rng():
        torch.manual_seed(3)
        network = Toy().eval()
    norm = network.stem[1]
    assert isinstance(norm, nn.BatchNorm2d)
    nn.init.constant_(norm.bias, 0.5)
    if hopeless:
        nn.init.constant_(network.mix.weight[:, :1], 500)
        deep = network.deep[0]
        assert isinstance(deep, nn.Conv2d)
        assert deep.bias is not None
        with torch.no_grad():
            deep.weight[0], deep.bias[0] = 0, 0
            network.mix.weight[:, 1:] *= 4
    return network


@cache
def toy_onnx(*, hopeless: bool = False) -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "toy.onnx"
        export_onnx(toy(hopeless=hopeless), path)
        return path.read_bytes()


def toy_photos(count: int, *, seed: int = 0, size: tuple[int, int] = (64, 96)) -> list[Batch]:
    """Smooth pictures, each (1, 3, height, width), as if normalised."""
    generator = np.random.default_rng(seed)
    coarse = generator.standard_normal((count, 1, 3, size[0] // 8, size[1] // 8))
    return list(coarse.repeat(8, 3).repeat(8, 4).astype(np.float32))
