"""Implement `nearfar quantize`: convert a model to int8, if that is faster and accurate enough."""

import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from nearfar import optional
from nearfar.cli import _shared as args
from nearfar.errors import (
    DatasetError,
    ImageError,
    OutputExistsError,
    QuantizationError,
    UsageError,
)
from nearfar.estimator import Estimator
from nearfar.io import find_images
from nearfar.io.images import Image, read_image
from nearfar.io.paths import temporary_root
from nearfar.models import user_models
from nearfar.models.preprocess import prepare, target_size
from nearfar.models.registry import ModelRegistry
from nearfar.models.spec import PLAIN_GRAPH, InputSpec, ModelSpec
from nearfar.runtimes import autotune, benchmark, cpu, table
from nearfar.runtimes.base import Batch, Session


@dataclass(frozen=True)
class Speed:
    """Medians of a run in one runtime.

    Attributes:
        runtime: its name.
        float_ms: of the model as it was.
        int8_ms: of the new one.
    """

    runtime: str
    float_ms: float
    int8_ms: float

    @property
    def speedup(self) -> float:
        """How many times as fast int8 is."""
        return self.float_ms / self.int8_ms


@dataclass(frozen=True)
class Comparison:
    """A model in float and in int8.

    Attributes:
        model: its name.
        name: of the model in int8.
        sizes_bytes: of the files, float and int8, as all pairs here.
        disagreement: of the maps, as part of their mean absolute deviation.
        bad_pixel: percent on the validation set; None without one.
        speeds: in each runtime.
        ranges: method by which the ranges of the activations were chosen.
        layers: convolutions that could be in int8.
        kept_float: names of those of them that are not.
        refused: why the new model is refused; None if it is accepted.
    """

    model: str
    name: str
    sizes_bytes: tuple[int, int]
    disagreement: float
    bad_pixel: tuple[float, float] | None
    speeds: tuple[Speed, ...]
    ranges: str
    layers: int
    kept_float: tuple[str, ...]
    refused: str | None = None

    def judged(self, bound: float, disagreement: float) -> "Comparison":
        """Set `refused` to what is wrong with it.

        Args:
            bound: points of bad pixels that int8 may have more; without them ...
            disagreement: ... the largest of the maps.
        """
        why = None
        if len(self.kept_float) == self.layers:
            why = "no layer could be int8: allow more with a larger --disagreement"
        elif all(speed.int8_ms >= speed.float_ms for speed in self.speeds):
            best = max(speed.speedup for speed in self.speeds)
            why = f"it is slower in every runtime ({best:.2f} times as fast at best)"
        elif self.bad_pixel is not None:
            before, after = self.bad_pixel
            if after - before > bound:
                why = (
                    f"it has {after:.2f} % bad pixels, not {before:.2f} %: allow it with a larger"
                    " --bound, or calibrate with more photos"
                )
        elif self.disagreement > disagreement:
            why = f"its maps differ by {self.disagreement:.3f}, more than {disagreement:g}"
        return replace(self, refused=why)

    def row(self) -> dict[str, object]:
        """Return all figures for JSON."""
        speeds = [asdict(speed) | {"speedup": speed.speedup} for speed in self.speeds]
        return asdict(self) | {"speeds": speeds, "kept": self.refused is None}


def show(compared: Comparison) -> None:
    """Print the table."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    table = Table(title=compared.name, title_justify="left", box=SIMPLE_HEAD)
    table.add_column("")
    for heading in ("float", "int8", "ratio"):
        table.add_column(heading, justify="right")
    before, after = (size / 1e6 for size in compared.sizes_bytes)
    table.add_row("file, MB", f"{before:.1f}", f"{after:.1f}", f"{before / after:.2f}")
    for speed in compared.speeds:
        cells = (f"{speed.float_ms:.1f}", f"{speed.int8_ms:.1f}", f"{speed.speedup:.2f}")
        table.add_row(f"{speed.runtime}, ms", *cells)
    if compared.bad_pixel is not None:
        table.add_row("bad pixels, %", *(f"{share:.2f}" for share in compared.bad_pixel), "")
    table.add_row("disagreement", "0", f"{compared.disagreement:.3f}", "")
    console = Console(highlight=False)
    console.print(table)
    kept = ", ".join(compared.kept_float) or "none but the last"
    text = f"{compared.layers} convolutions could be int8; kept in float: {kept}"
    console.print(text, markup=False, soft_wrap=True)


_EVERY: Final = 5
"""One of so many photos judges and does not calibrate ..."""
_JUDGES: Final = 12
"""... up to this many."""
_ROUNDS: Final = 30
_BUDGET_S: Final = 20.0


def quantize(
    model: str,
    *,
    calibrate: Path,
    name: str | None = None,
    validate: Path | None = None,
    bound: float = 0.5,
    disagreement: float = 0.05,
    samples: int = 200,
    threads: args.Threads = None,
    force: args.Force = False,
    json_lines: args.Json = False,
) -> None:
    """Convert a model to int8 and add it to the models, if that gains something.

    It is refused if it is slower in every runtime, or less accurate than the bounds allow.

    Args:
        model: Name of the model; `nearfar models list` shows all.
        calibrate: Folder of photos like those of its later use; no depth is needed.
        name: Name of the new model, for -m; the model's own with -int8 when not given.
        validate: Data set to measure on before and after, as for `nearfar evaluate`.
        bound: How many more percent of bad pixels int8 may have on it.
        disagreement: How far int8 may be from float on the photos, as part of the mean absolute
            deviation of the map. Layers stay in float until that is met.
        samples: Photos to calibrate with, spread over the folder.
    """
    optional.require("onnx")
    from nearfar.training.quantization import quantize as int8

    store = ModelRegistry()
    spec, name = store.spec(model), name or f"{model}-int8"
    if spec.graph != PLAIN_GRAPH:
        raise UsageError(
            f"{model} is of the family {spec.graph.family}: only networks with one input and one"
            " map of inverse depth can be quantized"
        )
    _check(store, name, bound, disagreement, samples, force=force)
    calibrating, judging = _split(calibrate, samples)
    content = store.read(model)
    with _status() as show_stage:
        result = int8.quantize(
            content,
            _read(calibrating, spec.input),
            list(_read(judging, spec.input)),
            bound=disagreement,
            threads=threads,
            on_stage=show_stage,
        )
        show_stage("timing")
        speeds = _time(spec.input, content, result.content, threads)
        bad_pixel = None
        if validate is not None:
            show_stage("measuring on the data set")
            bad_pixel = _bad_pixels(spec, (content, result.content), validate, threads)
    compared = Comparison(
        model=model,
        name=name,
        sizes_bytes=(len(content), len(result.content)),
        disagreement=result.disagreement,
        bad_pixel=bad_pixel,
        speeds=speeds,
        ranges=result.ranges,
        layers=result.layers,
        kept_float=result.kept_float,
    ).judged(bound, disagreement)
    if json_lines:
        print(json.dumps(compared.row()))
    else:
        show(compared)
    if compared.refused:
        raise QuantizationError(f"{name} was not kept: {compared.refused}")
    with tempfile.TemporaryDirectory(dir=temporary_root()) as scratch:
        file = Path(scratch, "int8.onnx")
        file.write_bytes(result.content)
        store.add(
            name,
            file,
            input=spec.input,
            output=spec.output,
            licence=spec.licence,
            origin=f"{model} in int8; {spec.origin}",
            macs_per_px=spec.macs_per_px,
            overwrite=force,
        )
    if not json_lines:
        print(f"nearfar estimate -m {name} photo.jpg")


def _check(
    store: ModelRegistry, name: str, bound: float, disagreement: float, samples: int, *, force: bool
) -> None:
    """Check before the work what would fail after it."""
    if not user_models.is_name(name):
        raise UsageError(f"--name {name!r}: use a-z, 0-9, dot, dash and underscore, at most 64")
    if name in (row.name for row in store.catalog):
        raise UsageError(f"--name {name}: nearfar has a model of that name: take another")
    if name in store.names() and not force:
        raise OutputExistsError(f"there is a model {name} already: --force replaces it")
    if samples < 2:
        raise UsageError(f"--samples must be at least 2, not {samples}")
    if not (bound >= 0 and disagreement >= 0):
        raise UsageError("--bound and --disagreement must be at least 0")


def _split(path: Path, samples: int) -> tuple[list[Path], list[Path]]:
    """Choose photos for calibration, and others for the comparison."""
    if not path.is_dir():
        raise UsageError(f"--calibrate {path}: no such folder: give one with photos")
    found = [photo.path for photo in find_images.find([str(path)], recursive=True)]
    if len(found) < 2:
        raise DatasetError(f"{path}: {len(found)} photos, but at least 2 are needed")
    count = min(samples, len(found))
    chosen = [found[index * len(found) // count] for index in range(count)]
    judging = chosen[::_EVERY][:_JUDGES]
    return [photo for photo in chosen if photo not in judging], judging


def _read(photos: list[Path], input_spec: InputSpec) -> Iterator[Batch]:
    for path in photos:
        if (photo := _photo(path)) is not None:
            yield prepare(photo, input_spec)


def _photo(path: Path) -> Image | None:
    """Read a photo, or print why it is left out."""
    try:
        return read_image(path)
    except ImageError as error:
        print(f"nearfar: left out: {error}", file=sys.stderr)
        return None


def _sessions(content: bytes, threads: int | None) -> dict[str, Session]:
    """Open a network in each runtime that is installed, on the CPU."""
    return {
        name: autotune.open_session(content, name, threads=threads) for name in table.available()
    }


def _time(
    input_spec: InputSpec, content: bytes, int8: bytes, threads: int | None
) -> tuple[Speed, ...]:
    width_px, height_px = target_size(640, 480, input_spec)
    before, after = (_sessions(each, threads) for each in (content, int8))
    times = benchmark.interleaved(
        {f"float {name}": it for name, it in before.items()}
        | {f"int8 {name}": it for name, it in after.items()},
        benchmark.sample((1, 3, height_px, width_px)),
        runs=_ROUNDS,
        budget_s=_BUDGET_S,
    )
    return tuple(
        Speed(name, times[f"float {name}"].median_ms, times[f"int8 {name}"].median_ms)
        for name in before
    )


def _bad_pixels(
    spec: ModelSpec, contents: tuple[bytes, bytes], path: Path, threads: int | None
) -> tuple[float, float]:
    """Return the percentage of bad pixels on a data set: in float and in int8."""
    from nearfar.evaluation.layouts.detect import open_dataset
    from nearfar.evaluation.runner import evaluate

    dataset, workers = open_dataset(path), cpu.threads_or_physical(threads)
    found: list[float] = []
    for content in contents:
        estimator = Estimator(
            spec, autotune.open_session(content, next(iter(table.RUNTIMES)), threads=1)
        )
        scores = evaluate(estimator, dataset, workers=workers)
        for sentence in () if found else scores.failed:
            print(f"nearfar: left out: {sentence}", file=sys.stderr)
        share = scores.mean.bad_pixel
        if share is None:
            raise DatasetError(f"{path}: no pixel could be measured: give another --validate")
        found.append(share)
    return found[0], found[1]


@contextmanager
def _status() -> Iterator[Callable[[str], None]]:
    """Show the present step on a terminal."""
    from rich.console import Console

    with Console(stderr=True).status("reading photos") as shown:
        yield shown.update
