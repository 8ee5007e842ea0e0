"""Samples from pairs of files: the folder layout, and what the other layouts share."""

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Final

from nearfar.datasets import DESCRIPTION, Pair, open_folder
from nearfar.evaluation.crops import CropName, crop_mask
from nearfar.evaluation.samples import Dataset, Entry, Sample

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
