"""What is evaluated on: photos with something known of their depth, read one at a time."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from nearfar.datasets import AnyTruth
from nearfar.io.images import Image


@dataclass(frozen=True, eq=False)
class Sample:
    """One photo and what is known of its depth.

    Attributes:
        photo: (H, W, 3) uint8 RGB.
        truth: a map, or regions or points that have an order.
        crop: (h, w) bool of the map's size, the part that the evaluation looks at.
    """

    photo: Image
    truth: AnyTruth
    crop: NDArray[np.bool_]


@dataclass(frozen=True)
class Entry:
    """A sample that is still in its files.

    Attributes:
        name: for reports.
        read: read it; raises NearfarError where that fails. Safe to call from any thread.
    """

    name: str
    read: Callable[[], Sample]


@dataclass(frozen=True)
class Dataset:
    """A set of samples.

    Attributes:
        name: for reports.
        entries: in order.
        cap_m: no prediction is taken to be farther than this; None where the set has no such
            convention, see `protocols.counted_pixels`.
        bad: what is wrong with the photos that were left out, a sentence each.
    """

    name: str
    entries: tuple[Entry, ...]
    cap_m: float | None = None
    bad: tuple[str, ...] = ()

    def limited(self, count: int, *, in_a_row: bool = False) -> "Dataset":
        """Keep at most `count` samples: spread evenly over the set, or the first ones."""
        if in_a_row or count >= len(self.entries):
            return replace(self, entries=self.entries[:count])
        chosen = np.arange(count) * len(self.entries) // count
        return replace(self, entries=tuple(self.entries[index] for index in chosen))
