"""The training loop, with validation, snapshots and progress reports."""

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
    """Result of a validation.

    Attributes:
        score: smaller is better; the weights with the best score are kept.
        numbers: metrics by name, for the curves and the model card.
        sheet: overview image of photos, ground truth, predictions and errors.
    """

    score: float
    numbers: dict[str, float]
    sheet: Image | None = None


@dataclass(frozen=True)
class Progress:
    """Progress of a run after a training step."""

    step: int
    steps: int
    loss: float
    images_per_s: float
    seconds_left: float
    validation: Validation | None = None


STEPS_TO_TIME = 20
"""Number of steps after which `hours` is converted to a number of steps."""


def open_device(name: str) -> torch.device:
    """Return a torch device after checking that it can be used.

    Args:
        name: cpu, cuda, cuda:1, mps, xpu ...

    Raises:
        UsageError: torch does not know the device, or it does not exist on this machine.
    """
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise UsageError(f"torch can't use the device {name!r}: {reason}") from error
    return device


@dataclass
class Trainer:
    """One training run, in a folder with its snapshot, curves and overview images.

    Attributes:
        network: (N, 3, h, w) -> (N, h, w); trained in place.
        input_spec: normalization of its input.
        data: training data.
        folder: of the run; created if it does not exist.
        options: training options.
        validate: evaluates a network after each epoch; None skips validation.
        on_progress: called with the progress after every step.
        device: torch device: cpu, cuda, mps ...
    """

    network: nn.Module
    input_spec: InputSpec
    data: TrainingSet
    folder: Path
    options: TrainOptions = field(default_factory=TrainOptions)
    validate: Callable[[nn.Module], Validation] | None = None
    on_progress: Callable[[Progress], None] = lambda _: None
    device: str = "cpu"

    def __post_init__(self) -> None:
        torch.manual_seed(self.options.seed)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._device = open_device(self.device)
        self.network.to(self._device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._frozen = schedule.first_stages(self.network, self.options.freeze_stages)
        for stage in self._frozen:
            stage.requires_grad_(requires_grad=False)
        units = [each for each in self.network.modules() if isinstance(each, InvertedResidual)]
        for unit in units:
            unit.drop_path = self.options.drop_path
        if self.options.drop_path and not units:
            raise UsageError(
                "drop path needs a network with residual units, such as nearfar-lite: set it to 0",
                options=("drop_path",),
            )
        self._optimizer = schedule.make_optimizer(
            self.network,
            encoder_lr=self.options.encoder_lr,
            decoder_lr=self.options.decoder_lr,
            weight_decay=self.options.weight_decay,
        )
        self._average = MovingAverage(self.network, self.options.ema_decay)
        self._best: dict[str, Tensor] = {}
        self._best_score = float("inf")
        self._bad_epochs = 0
        self._step = 0
        self._seconds = 0.0
        self._steps = max(1, round(self.options.epochs * self.data.steps_per_epoch))
        self._has_fixed_steps = self.options.hours is None

    def resume(self) -> bool:
        """Restore the snapshot in the run's folder; return False if there is none.

        Raises:
            TrainingError: the snapshot is damaged, or of other options, data or network.
        """
        snapshot = run_state.load(self.folder)
        if snapshot is None:
            return False
        if snapshot.recipe != self.recipe():
            raise TrainingError(
                f"the run in {self.folder} has other options, data or network: resume it with"
                " the same ones, or start a run in another folder",
                options=("out",),
            )
        self.network.load_state_dict(snapshot.network)
        self._average.network.load_state_dict(snapshot.average)
        self._optimizer.load_state_dict(snapshot.optimizer)
        self._best, self._best_score = snapshot.best, snapshot.best_score
        self._bad_epochs, self._seconds = snapshot.bad_epochs, snapshot.seconds
        self._step, self._steps, self._has_fixed_steps = snapshot.step, snapshot.steps, True
        curves.cut(self.folder, self._step)
        return True

    @property
    def step(self) -> int:
        """Number of finished steps."""
        return self._step

    @property
    def seconds(self) -> float:
        """Training time of these steps."""
        return self._seconds

    def recipe(self) -> str:
        """Return options, data and network as text, to compare with a snapshot's."""
        values = {
            name: value
            for name, value in self.options.values().items()
            if name not in {"workers", "save_minutes", "blend"}
        }
        shapes = {name: list(value.shape) for name, value in self.network.state_dict().items()}
        return json.dumps(
            {"options": values, "data": self.data.fingerprint, "network": shapes}, sort_keys=True
        )

    def run(self) -> nn.Module:
        """Train until the last step, or until validation stops improving.

        Returns:
            The network with the averaged weights that validated best, or with the last ones
            if there was no validation.

        Raises:
            TrainingError: the loss is not finite.
            WriteError: a file can't be written; the last snapshot stays valid.
        """
        saved = time.perf_counter()
        with Prefetcher(
            self.data, self._step, workers=self.options.workers, is_low_res=self._is_low_res
        ) as batches:
            for batch in self._remaining_batches(batches):
                start = time.perf_counter()
                loss = self._train_step(batch)
                self._seconds += time.perf_counter() - start
                self._step += 1
                self._set_steps_from_hours()
                validation = self._validate_average() if self._ends_epoch() else None
                self.on_progress(self._progress(loss, len(batch.images), validation))
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

    def _remaining_batches(self, batches: "Prefetcher") -> Iterator[TrainingBatch]:
        while self._step < self._steps:
            start = time.perf_counter()
            batch = next(batches)
            self._seconds += time.perf_counter() - start
            yield batch

    def _is_low_res(self, step: int) -> bool:
        return step < self.options.low_res * self._steps

    def _train_step(self, batch: TrainingBatch) -> float:
        self._set_train_mode()
        torch.manual_seed(self.options.seed + self._step)  # a resumed run draws the same drop path
        schedule.set_learning_rates(self._optimizer, self._step, self._steps)
        images = normalize_batch(batch.images, self.input_spec, self._device)
        truth, valid, has_ratios, exact, ranked = (
            torch.from_numpy(array).to(self._device)
            for array in (batch.inverse, batch.valid, batch.has_ratios, batch.exact, batch.ranked)
        )
        device_type = self._device.type
        precision = (
            torch.autocast(device_type, torch.bfloat16) if self.options.bf16 else nullcontext()
        )
        with precision:
            prediction = self.network(images).float()
        loss = depth_loss(
            prediction,
            truth,
            valid,
            trim=self.options.trim,
            gradient_weight=self.options.gradient_weight,
        )
        total = loss.total
        if self.options.ratio_weight:
            total = total + self.options.ratio_weight * ratio_loss(
                prediction, truth, valid, has_ratios
            )
        if self.options.ranking_weight:
            total = total + self.options.ranking_weight * ranking_loss(prediction, ranked)
        if self.options.step_weight:
            total = total + self.options.step_weight * step_loss(prediction, truth, valid, exact)
        if not torch.isfinite(total):
            raise TrainingError(
                f"the loss is not finite at step {self._step}: lower the learning rates, or resume"
                f" from the last snapshot in {self.folder}",
                options=("resume",),
            )
        self._optimizer.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self._optimizer.step()
        self._average.update(self._step)
        parts = loss._replace(total=total)._asdict()
        values = {name: float(value.detach()) for name, value in parts.items()}
        if self._step % 10 == 0:
            curves.add(self.folder, {"step": self._step, **values})
        return values["total"]

    def _set_train_mode(self) -> None:
        self.network.train()
        for stage in self._frozen:
            stage.eval()  # its batch normalization statistics stay frozen too
        if self.options.freeze_batch_norm:
            for each in self.network.modules():
                if isinstance(each, nn.BatchNorm2d):
                    each.eval()

    def _set_steps_from_hours(self) -> None:
        """Convert `hours` to a number of steps, once; the schedule then depends on steps only."""
        if self._has_fixed_steps or self._step < STEPS_TO_TIME or self.options.hours is None:
            return
        share = self.options.low_res
        pixels = 1 if not share else share + (1 - share) / self.data.low_res_pixels
        steps = 3600 * self.options.hours * self._step / (self._seconds * pixels)
        self._steps = max(self._step + 1, round(steps))
        self._has_fixed_steps = True

    def _ends_epoch(self) -> bool:
        return self._step % self.data.steps_per_epoch == 0 or self._step == self._steps

    def _validate_average(self) -> Validation | None:
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
        seconds_per_step = self._seconds / self._step
        return Progress(
            self._step,
            self._steps,
            loss,
            count / seconds_per_step,
            seconds_per_step * (self._steps - self._step),
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
