"""Implement `nearfar models`: list, download, add, remove and check models."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Final, Literal

from cyclopts import App, Parameter

from nearfar.cli import _shared as args
from nearfar.cli._examples import EXAMPLES, epilogue
from nearfar.cli.doctor import Taken, taken_for_all
from nearfar.errors import UsageError
from nearfar.io import hashing
from nearfar.models.catalog import Purpose
from nearfar.models.family import FAMILIES, InverseDepth, family_of
from nearfar.models.recognize import Declaration, describe
from nearfar.models.registry import ModelRegistry
from nearfar.models.spec import PLAIN_GRAPH, GraphSpec, InputSpec, ModelSpec, OutputSpec
from nearfar.runtimes.base import TensorInfo

app = App(
    name="models",
    help="List, fetch, add and check models.",
    group_parameters=args.OPTIONS,
    help_epilogue=epilogue(EXAMPLES["models"]),
)
Tensor = Annotated[
    str | None, Parameter(help="Name of that tensor of the graph, where it is not recognized.")
]
Triple = Annotated[tuple[float, float, float], Parameter(negative="")]
_MEANINGS: Final = "; ".join(f"{name}, {family.sentence}" for name, family in FAMILIES.items())
_OUTPUT: Final = (
    f"What the output means: {_MEANINGS}. Without it, one map of one picture is inverse depth."
)


@app.command(name="list")
def list_(*, json_lines: args.Json = False) -> None:
    """List every model: those of the catalogue and your own, and what `auto` takes for what.

    photo is one photo at a time; stream is a clip, a camera, or the photos of a folder. Where
    `auto` has still to measure which of two is faster here, both have a question mark.
    """
    store = ModelRegistry()
    rows = tuple(taken_for_all(store))
    for name in store.names():
        spec, path = store.spec(name), store.path(name)
        auto = {row.purpose: _is_taken(row, name) for row in rows}
        if json_lines:
            facts = {"path": str(path) if path else None, "auto": auto}
            print(json.dumps(asdict(spec) | facts))
            continue
        print(
            f"{name:<26} {spec.size_bytes / 1e6:6.1f} MB  {_state(spec, path, auto):<44}"
            f" {spec.licence}"
        )
    for error in store.damaged():
        print(f"nearfar: {args.sentence_of(error)}", file=sys.stderr)


def _is_taken(row: Taken, name: str) -> bool | None:
    """Return whether `auto` takes a model; None where that isn't measured yet."""
    if name not in row.models:
        return False
    return True if len(row.models) == 1 else None


def _state(spec: ModelSpec, path: Path | None, auto: Mapping[Purpose, bool | None]) -> str:
    if path is None:
        return f"nearfar models pull {spec.name}" if spec.urls else "lost: see nearfar doctor"
    marks = {True: "", None: "?"}
    uses = [
        f"{purpose}{marks[is_taken]}" for purpose, is_taken in auto.items() if is_taken is not False
    ]
    return f"installed, auto for {' and '.join(uses)}" if uses else "installed"


@app.command
def pull(name: str, *, quiet: args.Quiet = False) -> None:
    """Download a model of the catalogue and check its SHA-256.

    Args:
        name: A name of `nearfar models list`.
    """
    from nearfar.cli._progress import download_bar

    with download_bar(name, quiet=quiet) as advance:
        path = ModelRegistry().pull(name, progress=advance)
    if not quiet:
        print(path)


@app.command
def add(
    name: str,
    file: Path,
    /,
    *,
    width: int = 256,
    height: int = 256,
    multiple_of: int = 32,
    resize: Literal["stretch", "lower_bound", "upper_bound"] = "upper_bound",
    interpolation: Literal["area", "cubic"] = "cubic",
    mean: Triple = (0.0, 0.0, 0.0),
    std: Triple = (1.0, 1.0, 1.0),
    zero: Literal["far", "free"] = "far",
    output: Annotated[str | None, Parameter(help=_OUTPUT)] = None,
    image_input: Tensor = None,
    intrinsics_input: Tensor = None,
    focal_input: Tensor = None,
    depth_output: Tensor = None,
    points_output: Tensor = None,
    mask_output: Tensor = None,
    scale_output: Tensor = None,
    licence: str = "not stated",
    origin: str = "",
    force: args.Force = False,
) -> None:
    """Add an ONNX file: your own network, or an official one that you have already.

    For a name of the catalogue only the official file is taken, by its SHA-256, and the
    options are not needed.

    Args:
        name: Name of the model, for -m.
        file: The ONNX file; it is copied.
        width: Width of the input, in pixels, that `resize` aims at.
        height: Height of the input, in pixels, that `resize` aims at.
        multiple_of: Both sides are multiples of this.
        resize: stretch, or keep the aspect with neither side smaller (lower_bound) or
            neither side larger (upper_bound).
        interpolation: Method by which photos are made smaller.
        mean: Of R, G, B in 0..1; 0 0 0 when the graph normalizes by itself.
        std: Of R, G, B in 0..1; 1 1 1 when the graph normalizes by itself.
        zero: far, if an output of 0 means infinitely far; free, if 0 has no meaning.
        licence: Of the weights.
        origin: Who made it.
    """
    from nearfar.runtimes.onnx import OnnxSession

    names = GraphSpec(
        image=image_input,
        intrinsics=intrinsics_input,
        focal=focal_input,
        depth=depth_output,
        points=points_output,
        mask=mask_output,
        scale=scale_output,
    )
    store, understood = ModelRegistry(), _Understood(Declaration(output, names))
    is_official = name in (row.name for row in store.catalog)
    # loading it tells what is wrong with the graph, if anything
    content = hashing.read(file)[1]
    graph = OnnxSession(content, threads=1, graph=PLAIN_GRAPH if is_official else understood).graph
    is_plain = family_of(graph.spec) is InverseDepth
    spec = store.add(
        name,
        file,
        input=InputSpec(width, height, multiple_of, resize, interpolation, mean, std),
        output=OutputSpec(zero) if is_plain else OutputSpec(zero, "linear"),
        graph=graph.spec,
        licence=licence,
        origin=origin,
        overwrite=force,
    )
    for line in understood.lines:
        print(line)
    print(f"{spec.name}: nearfar estimate -m {spec.name} photo.jpg")


class _Understood:
    """Recognizes a graph as declared, and keeps what was understood, a line each."""

    def __init__(self, declaration: Declaration) -> None:
        self.lines: list[str] = []
        self._declaration = declaration

    def __call__(self, inputs: Sequence[TensorInfo], outputs: Sequence[TensorInfo]) -> GraphSpec:
        try:
            spec = self._declaration(inputs, outputs)
        except UsageError as error:
            raise UsageError(f"{error}, with --output") from error
        self.lines = list(describe(spec, inputs, outputs))
        return spec


@app.command
def remove(name: str) -> None:
    """Remove a model that was pulled or added.

    Args:
        name: A name of `nearfar models list`.
    """
    ModelRegistry().remove(name)


@app.command
def show(name: str) -> None:
    """Show everything known about a model.

    Args:
        name: A name of `nearfar models list`.
    """
    store = ModelRegistry()
    for key, value in _facts(store.spec(name)).items():
        print(f"{key:<14} {value}")
    print(f"{'path':<14} {store.path(name) or 'not on this machine'}")


def _facts(spec: ModelSpec) -> dict[str, object]:
    facts: dict[str, object] = {}
    for name, value in asdict(spec).items():
        if isinstance(value, dict):
            parts = {key: part for key, part in value.items() if part is not None}
            facts |= {f"{name}.{key}": part for key, part in parts.items()}
        elif value is not None:
            facts[name] = value
    return facts


@app.command
def verify(names: Annotated[list[str] | None, Parameter(negative="")] = None) -> None:
    """Check the SHA-256 of models; of all that are installed, when none is named.

    Args:
        names: Names of `nearfar models list`.
    """
    store = ModelRegistry()
    chosen = names or [spec.name for spec in store.installed()]
    if not chosen:
        raise UsageError("no model is installed: nearfar models pull midas-small")
    for name in chosen:
        print(f"{name}: right ({store.verify(name)})")
