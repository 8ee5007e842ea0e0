"""`nearfar export`: the official PyTorch checkpoint becomes ONNX."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from nearfar import optional
from nearfar.cli import _shared as args
from nearfar.errors import OutputExistsError, UsageError
from nearfar.models.registry import ModelRegistry


def export(
    checkpoint: Path,
    *,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
    name: str | None = None,
    size: str | None = None,
    force: args.Force = False,
) -> None:
    """Turn a MiDaS v2.1 small checkpoint (.pt) into ONNX and enter it among the models.

    Args:
        checkpoint: For example midas_v21_small_256.pt, the official file.
        output: The ONNX file; beside the checkpoint when not given.
        name: What you will type after -m; the checkpoint's stem when not given.
        size: Fix what is fed to WIDTHxHEIGHT; free in multiples of 32 when not given.
    """
    size_px = _size(size) if size else None
    target = output or checkpoint.with_suffix(".onnx")
    if target.exists() and not force:
        raise OutputExistsError(f"{target} is there already: use --force to replace it")
    for module in ("torch", "onnx"):
        optional.require(module)
    from nearfar.training.checkpoint import load_midas_small
    from nearfar.training.export import export_onnx
    from nearfar.training.network import (
        MIDAS_SMALL_INPUT,
        MIDAS_SMALL_OUTPUT,
        count_macs_per_px,
    )

    network = load_midas_small(checkpoint)
    export_onnx(network, target, size_px=size_px, overwrite=force)
    door = MIDAS_SMALL_INPUT
    if size_px is not None:
        door = replace(door, width_px=size_px[0], height_px=size_px[1], resize="stretch")
    spec = ModelRegistry().add(
        (name or checkpoint.stem).lower(),
        target,
        input=door,
        output=MIDAS_SMALL_OUTPUT,
        licence="MIT, if it is the official checkpoint",
        origin=f"exported from {checkpoint.name}",
        macs_per_px=count_macs_per_px(network),
        overwrite=force,
    )
    print(target)
    print(f"nearfar estimate -m {spec.name} photo.jpg")


def _size(text: str) -> tuple[int, int]:
    width, cross, height = text.partition("x")
    if not (cross and width.isdecimal() and height.isdecimal()):
        raise UsageError(f"{text}: a size is WIDTHxHEIGHT, for example 256x192")
    return int(width), int(height)
