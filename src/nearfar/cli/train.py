"""`nearfar train`: train a depth network on your own images."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from nearfar import optional
from nearfar.cli import _shared as args
from nearfar.errors import OutputExistsError, UsageError
from nearfar.models import user_models
from nearfar.models.registry import ModelRegistry
from nearfar.training.options import TrainOptions

if TYPE_CHECKING:
    from nearfar.datasets import PairFolder


def train(
    datasets: Annotated[list[str], Parameter(negative="")],
    *,
    out: str,
    init: str = "imagenet",
    network: Literal["lite0", "lite2"] = "lite2",
    val: Annotated[list[Path] | None, Parameter(negative="", consume_multiple=True)] = None,
    runs: Path = Path("runs"),
    cache: Path | None = None,
    batch: int = 8,
    short_side: int | None = None,
    fed: Annotated[list[int] | None, Parameter(negative="", consume_multiple=True)] = None,
    device: str = "cpu",
    resume: Annotated[bool, Parameter(negative="")] = False,
    licence: str = "not stated",
    force: args.Force = False,
    quiet: args.Quiet = False,
    options: Annotated[
        TrainOptions, Parameter(name="*", name_transform=args.dashed, negative_bool="")
    ] = TrainOptions(),
) -> int:
    """Train a network on photos with depth, and add it to the model registry.

    Each data set is a folder with rgb/NAME.jpg, depth/NAME.png and dataset.toml; see
    docs/training.md.

    Args:
        datasets: Folders; FOLDER=2 uses each of its images twice per epoch.
        out: Name of the model, for -m.
        init: Initial weights: imagenet; nearfar-lite or another model that nearfar train made, by
            name; or a file: .onnx or .safetensors from nearfar train, or the .pt of MiDaS v2.1
            small.
        network: Encoder of a new network; lite0 has a third fewer operations.
        val: Folders for validation after each epoch; not used for training.
        runs: Folder of the runs; contains a folder with snapshot, curves and overview images each.
        cache: Folder of the resized images; by default in the run's folder.
        batch: Batch size.
        short_side: Shorter side of the cached images in pixels; by default 5/3 of the input size.
        fed: Shorter side of the network's input in pixels: a multiple of 32, by default 192. With
            several, images are trained at each, and the first is the network's default.
        device: Device of torch: cpu, cuda, cuda:1, mps, xpu ...
        resume: Continue the run of this name from its snapshot.
        licence: Licence of the resulting weights.
    """
    # before torch is imported: by default its threads spin while they wait, which on a computer
    # with other load makes a step several times slower
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    for module in ("torch", "onnx", "safetensors", "matplotlib"):
        optional.require(module)
    if not user_models.is_name(out):
        raise UsageError(f"{out!r} can't be a model's name: use a-z, 0-9, dot, dash, underscore")
    store = ModelRegistry()
    if out in store.names() and not force:
        raise OutputExistsError(f"there is a model {out} already: --force replaces it")
    from nearfar.cli._train_run import TrainRun
    from nearfar.training.allocator import keep_memory

    keep_memory()

    run = TrainRun(
        folder=runs / out,
        sets=[_weighted(text) for text in datasets],
        val=tuple(val or ()),
        init=init,
        variant=network,
        options=options,
        batch=batch,
        short_side_px=short_side or round(max(fed or [192]) * 5 / 3),
        fed_px=tuple(fed or ()),
        device=device,
        cache=cache,
        quiet=quiet,
    )
    made = run.do(resume=resume)
    spec = store.add(
        out,
        made.onnx,
        input=made.input,
        output=made.output,
        macs_per_px=made.macs_per_px,
        licence=licence,
        origin=f"nearfar train, from {init}",
        overwrite=force,
    )
    made.write_card(spec)
    print(f"nearfar estimate -m {spec.name} photo.jpg")
    return 0


def _weighted(text: str) -> "tuple[PairFolder, float]":
    from nearfar.datasets import open_folder

    path, equals, weight = text.rpartition("=")
    if not equals or Path(text).is_dir():
        return open_folder(Path(text)), 1.0
    try:
        count = float(weight)
    except ValueError as error:
        raise UsageError(f"{text}: a weight is a number, as in {path}=2") from error
    return open_folder(Path(path)), count
