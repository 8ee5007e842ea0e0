"""Samples from pairs of files: the folder layout, and code shared by the other layouts."""

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
    """One photo and its ground truth.

    Attributes:
        photo: (H, W, 3) uint8 RGB.
        truth: a map, or ordered regions or points.
        crop: (h, w) bool of the map's size, the part that is evaluated.
    """

    photo: Image
    truth: AnyTruth
    crop: NDArray[np.bool_]


@dataclass(frozen=True)
class Entry:
    """A sample that is not read yet.

    Attributes:
        name: for reports.
        read: reads it; raises NearfarError if that fails. Safe to call from any thread.
    """

    name: str
    read: Callable[[], Sample]


@dataclass(frozen=True)
class Dataset:
    """A list of samples.

    Attributes:
        name: for reports.
        entries: in order.
        cap_m: largest predicted depth; None if the data set has no such convention, see
            `protocols.evaluated_pixels`.
        bad: a sentence about each photo that was left out.
    """

    name: str
    entries: tuple[Entry, ...]
    cap_m: float | None = None
    bad: tuple[str, ...] = ()

    def limited(self, count: int, *, in_a_row: bool = False) -> "Dataset":
        """Return at most `count` samples: evenly spaced, or the first ones if `in_a_row`."""
        if in_a_row or count >= len(self.entries):
            return replace(self, entries=self.entries[:count])
        chosen = np.arange(count) * len(self.entries) // count
        return replace(self, entries=tuple(self.entries[index] for index in chosen))


CAPS_M: Final = {"indoor": 10.0, "driving": 80.0}
"""Largest depth by scene, of NYU Depth v2 and KITTI (Ranftl et al., TPAMI 2022)."""


def matches(path: Path) -> bool:
    """Return whether `path` is a folder with a `dataset.toml`."""
    return (path / DESCRIPTION).is_file()


def read(path: Path, crop: CropName) -> Dataset:
    """Open a folder with `rgb/`, `depth/` and `dataset.toml`; see `nearfar.datasets`.

    Raises:
        DatasetError: see `datasets.open_folder`.
    """
    folder = open_folder(path)
    cap_m = folder.info.max_depth_m or CAPS_M.get(folder.info.scene)
    return Dataset(path.resolve().name, entries(folder.pairs, crop, path), cap_m, folder.bad)


def entries(pairs: Iterable[Pair], crop: CropName, root: Path) -> tuple[Entry, ...]:
    """Make entries of pairs, named by the photos' paths relative to `root`."""
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
