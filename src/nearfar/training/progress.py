"""What a training run tells of itself."""

from dataclasses import dataclass

from nearfar.io.images import Image


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
