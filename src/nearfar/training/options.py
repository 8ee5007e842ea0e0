"""How a network is trained."""

from dataclasses import dataclass

from nearfar.config import Options, option


@dataclass(frozen=True)
class TrainOptions(Options):
    """How a network is trained."""

    epochs: float = option("Passes over the data.", 10, gt=0)
    hours: float | None = option("Train about this long, however many passes that is.", None, gt=0)
    encoder_rate: float = option("Peak rate of the encoder.", 2e-4, gt=0)
    decoder_rate: float = option("Peak rate of the rest.", 1e-3, gt=0)
    decay: float = option("Weight decay.", 0.01, ge=0)
    trim: float = option("Share of the worst pixels of a picture left out.", 0.2, ge=0, lt=1)
    gradient: float = option("Weight of the gradient loss.", 0.25, ge=0)
    ratio: float = option("Weight of the loss of relative errors.", 0.0, ge=0)
    rank: float = option("Weight of the ranking loss, for truths with an order.", 0.3, ge=0)
    step: float = option(
        "Weight of the loss of depth steps, for truths with exact borders.", 0.0, ge=0
    )
    drop: float = option("Probability that a picture passes by a residual unit.", 0.0, ge=0, lt=1)
    small: float = option(
        "Share of the steps, at the start, with half the pixels.", 0.0, ge=0, le=1
    )
    average: float = option("Decay of the moving average.", 0.998, ge=0, lt=1)
    blend: bool = option(
        "Mix the result with what was begun with, in the share that validates best.",
        default=False,
    )
    freeze: int = option(
        "Stages of the encoder, from the first, that stay as they are; 4 is all of it.",
        0,
        ge=0,
        le=4,
    )
    still: bool = option(
        "Leave what normalisations know of their inputs as it is, for the last go of several.",
        default=False,
    )
    bf16: bool = option("Compute in bfloat16; pays only on processors that know it.", default=False)
    patience: int = option("Stop after this many epochs without progress; 0 is never.", 0, ge=0)
    save_minutes: float = option("Time between snapshots.", 5, gt=0)
    workers: int = option("Threads that prepare pictures.", 1, ge=1)
    seed: int = option("Of everything that is random.", 0)
