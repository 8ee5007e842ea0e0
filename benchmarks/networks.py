"""The networks of the matrix: nearfar's as they ship, MiDaS small with random weights."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.peak import Precision
from nearfar.models.preprocess import target_size
from nearfar.models.registry import ModelRegistry
from nearfar.runtimes.autotune import Shape
from nearfar.runtimes.benchmark import sample

MIDAS: Final = "MiDaS small, random weights"
PHOTO_PX: Final = (640, 480)

_SEED: Final = 0
_CALIBRATING: Final = 2


@dataclass(frozen=True)
class Network:
    """A network in one precision.

    Attributes:
        name: for the table.
        precision: of its convolutions.
        path: of its ONNX file.
        shape: (1, 3, h, w) of what it is fed for a photo of `PHOTO_PX`.
        gmac: 10^9 multiply-adds a run.
    """

    name: str
    precision: Precision
    path: Path
    shape: Shape
    gmac: float


def networks(folder: Path) -> tuple[Network, ...]:
    """Find or make them all.

    Args:
        folder: for the files that are made.

    Raises:
        FileNotFoundError: the bundled models are not in this package.
    """
    midas, midas_int8 = _midas(folder)
    return (
        _network("nearfar-lite", "nearfar-lite", "fp32", None),
        _network("nearfar-lite", "nearfar-lite-int8", "int8", None),
        _network("nearfar-base", "nearfar-base", "fp32", None),
        _network("nearfar-base", "nearfar-base-int8", "int8", None),
        _network(MIDAS, "midas-small", "fp32", midas),
        _network(MIDAS, "midas-small", "int8", midas_int8),
    )


def _network(name: str, model: str, precision: Precision, path: Path | None) -> Network:
    spec = ModelRegistry().spec(model)
    path = path or ModelRegistry().path(model)
    if path is None or spec.macs_per_px is None:
        raise FileNotFoundError(f"{model} is not in this package")
    width_px, height_px = target_size(*PHOTO_PX, spec.input)
    gmac = spec.macs_per_px * width_px * height_px / 1e9
    return Network(name, precision, path, (1, 3, height_px, width_px), gmac)


def _midas(folder: Path) -> tuple[Path, Path]:
    """Write MiDaS small with random weights: in fp32, and in int8 as far as `quantize` goes."""
    import torch

    from nearfar.training.export import export_onnx
    from nearfar.training.nets.midas_small import MidasSmall
    from nearfar.training.quantization.quantize import quantize

    torch.manual_seed(_SEED)
    spec = ModelRegistry().spec("midas-small").input
    size_px = spec.width_px, spec.height_px
    path, int8 = folder / "midas.onnx", folder / "midas-int8.onnx"
    export_onnx(MidasSmall(), path, size_px=size_px)
    photos = [sample((1, 3, *size_px[::-1]))] * _CALIBRATING
    quantized = quantize(path.read_bytes(), photos, photos[:1], bound=float("inf"))
    int8.write_bytes(quantized.content)
    return path, int8
