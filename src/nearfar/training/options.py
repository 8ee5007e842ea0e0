"""Options of a training run."""

from dataclasses import dataclass

from nearfar.config import Options, option


@dataclass(frozen=True)
class TrainOptions(Options):
    """Options of a training run."""

    epochs: float = option("Number of passes over the data.", 10, gt=0)
    hours: float | None = option("Training time; replaces the number of epochs.", None, gt=0)
    encoder_lr: float = option("Peak learning rate of the encoder.", 2e-4, gt=0)
    decoder_lr: float = option("Peak learning rate of the other parameters.", 1e-3, gt=0)
    weight_decay: float = option("Weight decay.", 0.01, ge=0)
    trim: float = option(
        "Share of an image's pixels with the largest errors that is left out.", 0.2, ge=0, lt=1
    )
    gradient_weight: float = option("Weight of the gradient loss.", 0.25, ge=0)
    ratio_weight: float = option("Weight of the loss of relative errors.", 0.0, ge=0)
    ranking_weight: float = option(
        "Weight of the ranking loss, for ordinal ground truth.", 0.3, ge=0
    )
    step_weight: float = option(
        "Weight of the depth step loss, for ground truth with exact borders.", 0.0, ge=0
    )
    drop_path: float = option(
        "Drop path: probability that an image skips a residual unit.", 0.0, ge=0, lt=1
    )
    low_res: float = option(
        "Share of the steps, at the start, that train with half the pixels.", 0.0, ge=0, le=1
    )
    ema_decay: float = option("Decay of the moving average of weights (EMA).", 0.998, ge=0, lt=1)
    blend: bool = option(
        "Interpolate between initial and trained weights, with the share that validates best.",
        default=False,
    )
    freeze_stages: int = option(
        "Number of encoder stages to freeze, from the first; 4 is the whole encoder.",
        0,
        ge=0,
        le=4,
    )
    freeze_batch_norm: bool = option(
        "Freeze batch normalization statistics, for the last of several training runs.",
        default=False,
    )
    bf16: bool = option(
        "Compute in bfloat16; faster only on processors with bfloat16 instructions.", default=False
    )
    patience: int = option(
        "Stop after this number of epochs without improvement; 0 never stops early.", 0, ge=0
    )
    save_minutes: float = option("Minutes between snapshots.", 5, gt=0)
    workers: int = option("Number of threads that prepare batches.", 1, ge=1)
    seed: int = option("Seed of the random generators.", 0)
