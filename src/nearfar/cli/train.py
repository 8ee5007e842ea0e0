"""`nearfar train`: a network of one's own, on one's own pictures."""

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
    """Train a network on photos with depth beside them, and enter it among the models.

    Each data set is a folder with rgb/NAME.jpg, depth/NAME.png and dataset.toml; see
    docs/training.md.

    Args:
        datasets: Folders; FOLDER=2 counts each of its pictures twice.
        out: What you will type after -m.
        init: imagenet; or what to go on from: nearfar-lite or a model that nearfar train made, by
            name; or a file: .onnx or .safetensors that nearfar train made, or MiDaS v2.1 small's
            .pt.
        network: The encoder of a new network; lite0 is a third lighter.
        val: Folders to judge the network by after each epoch; never trained on.
        runs: Folder of the runs; snapshot, curves and sheets lie in it under the name.
        cache: Folder of the pictures at training size; in the run's folder when not given.
        batch: Pictures a step.
        short_side: Short side, in pixels, at which pictures are kept for training; if not given,
            5/3 of what is fed.
        fed: Short side, in pixels, at which pictures are fed: a multiple of 32, 192 if not given.
            Of several, pictures are trained at each, and the first is what the network is for.
        device: What torch computes on: cpu, cuda, cuda:1, mps, xpu ...
        resume: Go on where the run of this name stood.
        licence: Of the weights that come out.
    """
    # before torch is imported: its threads wait for each other by spinning, which on a computer
    # that does other work too makes a step several times slower
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
