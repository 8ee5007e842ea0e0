"""One training run from the command line: data, network, training loop, files and output."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from nearfar.cli._progress import bar
from nearfar.datasets import PairFolder
from nearfar.errors import DatasetError, UsageError
from nearfar.evaluation.layouts.detect import open_dataset
from nearfar.evaluation.layouts.paired import Dataset
from nearfar.evaluation.report import row, sheet
from nearfar.evaluation.runner import compare, score_network
from nearfar.io.atomic import replacing
from nearfar.io.images import Image
from nearfar.models.preprocess import prepare
from nearfar.models.spec import InputSpec, ModelSpec, OutputSpec
from nearfar.training.averaging import blend_best
from nearfar.training.batch_norm import CALIBRATION_AUGMENT, MAX_BATCHES, recalibrate_batch_norm
from nearfar.training.card import card
from nearfar.training.data.batches import TrainingSet, sizes_for
from nearfar.training.data.cache import TrainingCache, open_caches
from nearfar.training.export import export_onnx
from nearfar.training.nets.efficientnet_lite import Variant
from nearfar.training.nets.midas_small import count_macs_per_px
from nearfar.training.options import TrainOptions
from nearfar.training.start import start_from
from nearfar.training.trainer import Progress, Trainer, Validation
from nearfar.training.weights import write_safetensors

SHEET_ROWS: Final = 6
"""Photos on the overview image of each epoch, spread evenly over the validation sets."""


@dataclass(frozen=True)
class Made:
    """Result of a run: files in its folder, and input and output of the network."""

    onnx: Path
    input: InputSpec
    output: OutputSpec
    macs_per_px: float
    facts: tuple[str, list[str], TrainOptions, int, float, dict[str, float]]

    def write_card(self, spec: ModelSpec) -> None:
        """Write `card.md` beside the network."""
        init, data, options, steps, hours, numbers = self.facts
        text = card(
            spec,
            init=init,
            data=data,
            options=options.values(),
            steps=steps,
            hours=hours,
            numbers=numbers,
        )
        with replacing(self.onnx.with_name("card.md")) as temporary:
            temporary.write_text(text, encoding="utf-8")


@dataclass(frozen=True)
class TrainRun:
    """Settings of a run; see `nearfar train --help`."""

    folder: Path
    sets: Sequence[tuple[PairFolder, float]]
    val: tuple[Path, ...]
    init: str
    variant: Variant
    options: TrainOptions
    batch: int
    short_side_px: int
    cache: Path | None
    quiet: bool
    fed_px: tuple[int, ...] = ()
    device: str = "cpu"

    def do(self, *, resume: bool) -> Made:
        """Train, and write `network.onnx` and `network.safetensors` into the folder."""
        torch.manual_seed(self.options.seed)
        begin = start_from(self.init, self.variant, fed_px=self.fed_px[0] if self.fed_px else None)
        sizes = sizes_for(*(self.fed_px or (begin.input.height_px,)))
        caches = list(zip(self._caches(), (weight for _, weight in self.sets), strict=True))
        data = TrainingSet(caches, batch=self.batch, sizes=sizes, seed=self.options.seed)
        rows = [
            f"{each.name}: {each.pictures} pictures of {each.scene or 'no stated scene'}, truth"
            f" {each.kind}, {each.share:.0%} of what was seen"
            for each in data.describe()
        ]
        self._say(*rows)
        validation_sets = [open_dataset(path) for path in self.val]
        if self.options.blend and not validation_sets:
            raise UsageError("--blend chooses by validation: add --val")
        before = deepcopy(begin.network.state_dict()) if self.options.blend else {}

        def validate(network: nn.Module) -> Validation:
            return _evaluate(network, begin.input, validation_sets)

        with self._reporting() as report:
            trainer = Trainer(
                begin.network,
                begin.input,
                data,
                self.folder,
                self.options,
                validate if validation_sets else None,
                report,
                self.device,
            )
            if resume and not trainer.resume():
                self._say(f"there is no run in {self.folder}: starting a new one")
            best = trainer.run()
        keeps_statistics = self.options.freeze_batch_norm or self.options.freeze_stages >= 4
        plain = TrainingSet(
            caches,
            batch=self.batch,
            sizes=sizes,
            seed=self.options.seed,
            augment=CALIBRATION_AUGMENT,
        )
        count = min(MAX_BATCHES, plain.steps_per_epoch)

        def recalibrate(network: nn.Module) -> None:
            if not keeps_statistics:
                recalibrate_batch_norm(
                    network, (plain.batch_at(i).images for i in range(count)), begin.input
                )

        if not keeps_statistics:
            self._say(f"recomputing batch normalization statistics on {count} batches")
        if not self.options.blend:
            recalibrate(best)
        else:

            def score(network: nn.Module) -> float:
                return validate(network).score

            for share, found in blend_best(best, before, score, recalibrate).items():
                self._say(f"{share:.0%} trained weights, the rest initial ones: {found:.3f}")
        numbers = validate(best).numbers if validation_sets else {}
        export_onnx(best, self.folder / "network.onnx", half=True, metadata=begin.metadata)
        write_safetensors(best.state_dict(), self.folder / "network.safetensors", begin.metadata)
        facts = (self.init, rows, self.options, trainer.step, trainer.seconds / 3600, numbers)
        return Made(
            self.folder / "network.onnx",
            begin.input,
            begin.output,
            count_macs_per_px(best),
            facts,
        )

    def _caches(self) -> tuple[TrainingCache, ...]:
        folders = [folder for folder, _ in self.sets]
        caches = open_caches(
            self.cache or self.folder / "pictures", folders, short_side_px=self.short_side_px
        )
        for folder, cache in zip(folders, caches, strict=True):
            for sentence in (*folder.bad, *cache.bad):
                print(f"nearfar: left out: {sentence}", file=sys.stderr)
        if not any(map(len, caches)):
            raise DatasetError("no pair is left to train on")
        return caches

    @contextmanager
    def _reporting(self) -> Iterator[Callable[[Progress], None]]:
        """Show a progress bar on a terminal, and a line for each validation."""
        if self.quiet or not sys.stderr.isatty():
            yield self._line
            return
        with bar("steps/s") as shown:
            task = shown.add_task("", total=None)
            scores: list[float] = []

            def report(at: Progress) -> None:
                text = f"loss {at.loss:.3f}, {at.images_per_s:.1f} pictures/s"
                if at.validation is not None:
                    scores.append(at.validation.score)
                if scores:
                    text += f", validation {scores[-1]:.3f}, best {min(scores):.3f}"
                shown.update(task, completed=at.step, total=at.steps, description=text)
                self._line(at)

            yield report

    def _line(self, at: Progress) -> None:
        if at.validation is not None:
            metrics = ", ".join(
                f"{name} {value:.3f}" for name, value in at.validation.numbers.items()
            )
            self._say(
                f"step {at.step} of {at.steps}: loss {at.loss:.3f}, {at.images_per_s:.1f}"
                f" pictures/s, {at.seconds_left / 60:.0f} min left; {metrics}"
            )

    def _say(self, *lines: str) -> None:
        if not self.quiet:
            print(*lines, sep="\n", file=sys.stderr)


def _evaluate(
    network: nn.Module, input_spec: InputSpec, validation_sets: Sequence[Dataset]
) -> Validation:
    """Evaluate a network on each data set; the score is the mean of their main metrics.

    The main metric is the percentage of bad pixels by MiDaS's protocol if the ground truth has
    ratios, and otherwise the ordinal error, also in percent; smaller is better.
    """
    device = next(network.parameters()).device

    def predict(photo: Image) -> NDArray[np.float32]:
        with torch.inference_mode():
            raw = network(torch.from_numpy(prepare(photo, input_spec)).to(device))[0].cpu().numpy()
        size_px = (photo.shape[1], photo.shape[0])
        return np.asarray(cv2.resize(raw, size_px, interpolation=cv2.INTER_LINEAR), np.float32)

    numbers: dict[str, float] = {}
    scores, rows = [], []
    for dataset in validation_sets:
        found = score_network(predict, dataset)
        mean = found.mean
        for name in ("bad_pixel", "abs_rel", "ordinal", "sharpness"):
            value = getattr(mean, name)
            if value is not None:
                numbers[f"{dataset.name}/{name}"] = value
        main = mean.ordinal if found.notes or mean.bad_pixel is None else mean.bad_pixel
        scores.append(main if main is not None else float("inf"))
        count = max(1, SHEET_ROWS // len(validation_sets))
        for entry in dataset.limited(count).entries:
            seen = compare(predict, entry, "midas", dataset.cap_m)
            if seen is not None:
                rows.append(row(seen.photo, seen.truth, seen.inverse, seen.error, entry.name))
    return Validation(float(np.mean(scores)), numbers, sheet(rows))
