"""Implement `nearfar export`: convert a checkpoint to ONNX."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from nearfar import optional
from nearfar.cli import _shared as args
from nearfar.errors import OutputExistsError, UsageError
from nearfar.io import hashing
from nearfar.models.registry import ModelRegistry


def export(
    checkpoint: Path,
    *,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"], group=args.FILES)] = None,
    name: str | None = None,
    size: str | None = None,
    half: Annotated[bool, Parameter(negative="")] = False,
    no_add: Annotated[bool, Parameter(negative="")] = False,
    force: args.Force = False,
) -> None:
    """Convert a checkpoint to ONNX and add it to the models.

    Args:
        checkpoint: MiDaS v2.1 small's, for example midas_v21_small_256.pt, the official file; or
            the .safetensors or .onnx of a network that nearfar train made.
        output: The ONNX file; beside the checkpoint when not given.
        name: Name of the model, for -m; the checkpoint's stem when not given.
        size: Fixed input size, WIDTHxHEIGHT; free in multiples of 32 when not given.
        half: Store large weights in float16, which halves the file and changes a map by less than
            a thousandth of its range. The network still computes in float32.
        no_add: Only write the file, and print its SHA-256 and size, without adding it.
    """
    size_px = _size(size) if size else None
    target = output or checkpoint.with_suffix(".onnx")
    if target.exists() and not force:
        raise OutputExistsError(f"{target} is there already: use --force to replace it")
    for module in ("torch", "onnx"):
        optional.require(module)
    from nearfar.training.export import export_onnx
    from nearfar.training.nets.midas_small import count_macs_per_px
    from nearfar.training.start import start_from_file

    begin = start_from_file(checkpoint)
    network = begin.network.eval()
    export_onnx(
        network, target, size_px=size_px, half=half, metadata=begin.metadata, overwrite=force
    )
    print(target)
    if no_add:
        digest, size_bytes = hashing.of_file(target)
        print(f"{digest}  {size_bytes} bytes, {count_macs_per_px(network):.0f} MAC a pixel")
        return
    input_spec = begin.input
    if size_px is not None:
        input_spec = replace(
            input_spec, width_px=size_px[0], height_px=size_px[1], resize="stretch"
        )
    spec = ModelRegistry().add(
        (name or checkpoint.stem).lower(),
        target,
        input=input_spec,
        output=begin.output,
        licence="not stated" if begin.metadata else "MIT, if it is the official checkpoint",
        origin=f"exported from {checkpoint.name}",
        macs_per_px=count_macs_per_px(network),
        overwrite=force,
    )
    print(f"nearfar estimate -m {spec.name} photo.jpg")


def _size(text: str) -> tuple[int, int]:
    width, cross, height = text.partition("x")
    if not (cross and width.isdecimal() and height.isdecimal()):
        raise UsageError(f"{text}: a size is WIDTHxHEIGHT, for example 256x192")
    return int(width), int(height)
