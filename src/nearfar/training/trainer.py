"""The trainer: the training loop, its state, and what it reports."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from nearfar.errors import TrainingError, UsageError
from nearfar.io.images import Image, write_image
from nearfar.models.spec import InputSpec
from nearfar.training import curves, run_state, schedule
from nearfar.training.averaging import MovingAverage
from nearfar.training.batch_norm import normalize_batch
from nearfar.training.data.batches import TrainingBatch, TrainingSet
from nearfar.training.data.prefetch import Prefetcher
from nearfar.training.losses import depth_loss, ratio_loss
from nearfar.training.nets.efficientnet_lite import InvertedResidual
from nearfar.training.options import TrainOptions
from nearfar.training.ordinal_loss import ranking_loss, step_loss


@dataclass(frozen=True)
class Validation:
    """What a validation found.

    Attributes:
        score: smaller is better; the weights with the best one are kept.
        numbers: by name, for the curves and the card.
        sheet: photos, truths, predictions and errors to look at.
    """

    score: float
    numbers: dict[str, float]
    sheet: Image | None = None


@dataclass(frozen=True)
class Progress:
    """Where a run stands."""

    step: int
    steps: int
    loss: float
    images_per_s: float
    seconds_left: float
    validation: Validation | None = None


TIMED_STEPS = 20
"""Steps after which `hours` is turned into a number of steps."""


def open_device(name: str) -> torch.device:
    """Return a device of torch's that works.

    Args:
        name: as torch has it: cpu, cuda, cuda:1, mps, xpu ...

    Raises:
        UsageError: torch knows no such device, or it is not on this machine.
    """
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        said = str(error).splitlines()[0]
        raise UsageError(f"torch can't use the device {name!r}: {said}") from error
    return device


@dataclass
class Trainer:
    """One training run, in a folder that holds its snapshot, curves and sheets.

    Attributes:
        network: (N, 3, h, w) -> (N, h, w); trained in place.
        input_spec: how pictures are normalised for it.
        data: what it learns from.
        folder: of the run; made if need be.
        options: how it is trained.
        validate: judges a function that gives a photo's inverse depth up to scale and shift,
            at whatever size; None is no validation.
        tell: called with the progress after every step.
        device: what torch computes on: cpu, cuda, mps ...
    """

    network: nn.Module
    input_spec: InputSpec
    data: TrainingSet
    folder: Path
    options: TrainOptions = field(default_factory=TrainOptions)
    validate: Callable[[nn.Module], Validation] | None = None
    tell: Callable[[Progress], None] = lambda _: None
    device: str = "cpu"

    def __post_init__(self) -> None:
        torch.manual_seed(self.options.seed)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._device = open_device(self.device)
        self.network.to(self._device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._frozen = schedule.first_stages(self.network, self.options.freeze)
        for stage in self._frozen:
            stage.requires_grad_(requires_grad=False)
        units = [each for each in self.network.modules() if isinstance(each, InvertedResidual)]
        for unit in units:
            unit.drop = self.options.drop
        if self.options.drop and not units:
            raise UsageError(
                "drop is for networks with residual units, such as nearfar-lite", options=("drop",)
            )
        self._optimizer = schedule.make_optimizer(
            self.network,
            encoder_rate=self.options.encoder_rate,
            decoder_rate=self.options.decoder_rate,
            decay=self.options.decay,
        )
        self._average = MovingAverage(self.network, self.options.average)
        self._best: dict[str, Tensor] = {}
        self._best_score = float("inf")
        self._bad_epochs = 0
        self._step = 0
        self._seconds = 0.0
        self._steps = max(1, round(self.options.epochs * self.data.steps_per_epoch))
        self._is_timed = self.options.hours is None

    def resume(self) -> bool:
        """Go on where the run in this folder stood; False when there is none.

        Raises:
            TrainingError: the snapshot is damaged, or of another recipe.
        """
        stored = run_state.load(self.folder)
        if stored is None:
            return False
        if stored.recipe != self.recipe():
            raise TrainingError(
                f"the run in {self.folder} has other options, data or network:"
                " give those again, or another name",
                options=("out",),
            )
        self.network.load_state_dict(stored.network)
        self._average.network.load_state_dict(stored.average)
        self._optimizer.load_state_dict(stored.optimizer)
        self._best, self._best_score = stored.best, stored.best_score
        self._bad_epochs, self._seconds = stored.bad_epochs, stored.seconds
        self._step, self._steps, self._is_timed = stored.step, stored.steps, True
        curves.cut(self.folder, self._step)
        return True

    @property
    def step(self) -> int:
        """Steps that are done."""
        return self._step

    @property
    def seconds(self) -> float:
        """Time that they took."""
        return self._seconds

    def recipe(self) -> str:
        """Say in a comparable form what makes this run what it is."""
        told = {
            name: value
            for name, value in self.options.values().items()
            if name not in {"workers", "save_minutes", "blend"}
        }
        shapes = {name: list(value.shape) for name, value in self.network.state_dict().items()}
        return json.dumps(
            {"options": told, "data": self.data.fingerprint, "network": shapes}, sort_keys=True
        )

    def run(self) -> nn.Module:
        """Train to the end.

        Returns:
            The network with the averaged weights that validated best, or with the last ones
            when nothing was validated.

        Raises:
            TrainingError: the loss is no number any more.
            WriteError: the disk is full or refuses; the last snapshot stands.
        """
        saved = time.perf_counter()
        with Prefetcher(
            self.data, self._step, workers=self.options.workers, is_small=self._is_small
        ) as batches:
            for batch in self._until_done(batches):
                start = time.perf_counter()
                loss = self._learn(batch)
                self._seconds += time.perf_counter() - start
                self._step += 1
                self._fix_steps()
                validation = self._validated() if self._ends_epoch() else None
                self.tell(self._progress(loss, len(batch.images), validation))
                if validation or time.perf_counter() - saved > 60 * self.options.save_minutes:
                    self._save()
                    saved = time.perf_counter()
                if self.options.patience and self._bad_epochs >= self.options.patience:
                    break
        self._save()
        result = self._average.network
        if self._best:
            result.load_state_dict(self._best)
        return result

    def _until_done(self, batches: "Prefetcher") -> Iterator[TrainingBatch]:
        while self._step < self._steps:
            start = time.perf_counter()
            batch = next(batches)
            self._seconds += time.perf_counter() - start
            yield batch

    def _is_small(self, step: int) -> bool:
        return step < self.options.small * self._steps

    def _learn(self, batch: TrainingBatch) -> float:
        self._to_training()
        torch.manual_seed(self.options.seed + self._step)  # a resumed run drops the same
        schedule.set_rates(self._optimizer, self._step, self._steps)
        images = normalize_batch(batch.images, self.input_spec, self._device)
        truth, valid, rooted, exact, ranked = (
            torch.from_numpy(array).to(self._device)
            for array in (batch.inverse, batch.valid, batch.rooted, batch.exact, batch.ranked)
        )
        kind = self._device.type
        lower = torch.autocast(kind, torch.bfloat16) if self.options.bf16 else nullcontext()
        with lower:
            prediction = self.network(images).float()
        loss = depth_loss(
            prediction,
            truth,
            valid,
            trim=self.options.trim,
            gradient_weight=self.options.gradient,
        )
        total = loss.total
        if self.options.ratio:
            total = total + self.options.ratio * ratio_loss(prediction, truth, valid, rooted)
        if self.options.rank:
            total = total + self.options.rank * ranking_loss(prediction, ranked)
        if self.options.step:
            total = total + self.options.step * step_loss(prediction, truth, valid, exact)
        if not torch.isfinite(total):
            raise TrainingError(
                f"the loss is no number at step {self._step}: lower the rates, or resume from the"
                f" last snapshot in {self.folder}",
                options=("resume",),
            )
        self._optimizer.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self._optimizer.step()
        self._average.update(self._step)
        parts = loss._replace(total=total)._asdict()
        told = {name: float(value.detach()) for name, value in parts.items()}
        if self._step % 10 == 0:
            curves.add(self.folder, {"step": self._step, **told})
        return told["total"]

    def _to_training(self) -> None:
        self.network.train()
        for stage in self._frozen:
            stage.eval()  # its normalisation must not learn either
        if self.options.still:
            for each in self.network.modules():
                if isinstance(each, nn.BatchNorm2d):
                    each.eval()

    def _fix_steps(self) -> None:
        """Turn `hours` into steps, once; from then on the schedule knows no clock."""
        if self._is_timed or self._step < TIMED_STEPS or self.options.hours is None:
            return
        small = self.options.small
        pixels = 1 if not small else small + (1 - small) / self.data.small_share
        steps = 3600 * self.options.hours * self._step / (self._seconds * pixels)
        self._steps = max(self._step + 1, round(steps))
        self._is_timed = True

    def _ends_epoch(self) -> bool:
        return self._step % self.data.steps_per_epoch == 0 or self._step == self._steps

    def _validated(self) -> Validation | None:
        if self.validate is None:
            return None
        found = self.validate(self._average.network)
        numbers = {f"val/{name}": value for name, value in found.numbers.items()}
        curves.add(self.folder, {"step": self._step, **numbers})
        curves.draw(self.folder)
        if found.sheet is not None:
            write_image(found.sheet, self.folder / f"sheet-{self._step:06}.jpg")
        if found.score < self._best_score:
            state = self._average.network.state_dict()
            self._best = {name: value.clone() for name, value in state.items()}
            self._best_score, self._bad_epochs = found.score, 0
        else:
            self._bad_epochs += 1
        return found

    def _progress(self, loss: float, count: int, validation: Validation | None) -> Progress:
        a_step = self._seconds / self._step
        return Progress(
            self._step,
            self._steps,
            loss,
            count / a_step,
            a_step * (self._steps - self._step),
            validation,
        )

    def _save(self) -> None:
        run_state.save(
            run_state.Snapshot(
                step=self._step,
                steps=self._steps,
                seconds=self._seconds,
                best_score=self._best_score,
                bad_epochs=self._bad_epochs,
                recipe=self.recipe(),
                network=self.network.state_dict(),
                average=self._average.network.state_dict(),
                optimizer=self._optimizer.state_dict(),
                best=self._best,
            ),
            self.folder,
        )
