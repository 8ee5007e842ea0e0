"""Samples from pairs of files: the folder layout, and what the other layouts share."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from nearfar.datasets import DESCRIPTION, AnyTruth, Pair, open_folder
from nearfar.evaluation.protocols import CropName, crop_mask
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


CAPS_M: Final = {"indoor": 10.0, "driving": 80.0}
"""Farthest distance by scene, of NYU Depth v2 and KITTI (Ranftl et al., TPAMI 2022)."""


def fits(path: Path) -> bool:
    """Say whether `path` is a folder that describes itself."""
    return (path / DESCRIPTION).is_file()


def read(path: Path, crop: CropName) -> Dataset:
    """Open a folder with `rgb/`, `depth/` and `dataset.toml`; see `nearfar.datasets`.

    Raises:
        DatasetError: as of `pairs.open_folder`.
    """
    folder = open_folder(path)
    cap_m = folder.info.max_depth_m or CAPS_M.get(folder.info.scene)
    return Dataset(path.resolve().name, entries(folder.pairs, crop, path), cap_m, folder.bad)


def entries(pairs: Iterable[Pair], crop: CropName, root: Path) -> tuple[Entry, ...]:
    """Make samples of pairs, named by the photos' places under `root`."""
    return tuple(Entry(_name(pair.photo, root), partial(_sample, pair, crop)) for pair in pairs)


def _name(photo: Path, root: Path) -> str:
    parts = photo.relative_to(root).parts if photo.is_relative_to(root) else ()
    kept = [part for part in parts[:-1] if part not in {"rgb", "data"}]
    return "/".join((*kept, photo.stem))


def _sample(pair: Pair, crop: CropName) -> Sample:
    photo, truth = pair.read()
    height, width = photo.shape[:2]
    driving = pair.info.scene == "driving"
    return Sample(photo, truth, crop_mask(crop, (height, width), driving=driving))
