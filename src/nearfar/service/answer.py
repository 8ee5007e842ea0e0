"""What the desk gives back."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from nearfar.service.job import Timing

T = TypeVar("T")


@dataclass(frozen=True)
class Answer(Generic[T]):
    """What came of one photo.

    Attributes:
        value: what `make` gave.
        model: catalogue name.
        runtime: what ran it.
        width_px: of the photo, upright.
        height_px: of the photo, upright.
        timing: where the time went.
    """

    value: T
    model: str
    runtime: str
    width_px: int
    height_px: int
    timing: Timing
