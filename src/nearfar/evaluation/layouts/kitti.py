"""KITTI depth (Uhrig et al., 3DV 2017): uint16 PNG, metres times 256, 0 = no value."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from nearfar.datasets import DatasetInfo, Pair
from nearfar.errors import DatasetError
from nearfar.evaluation.layouts.paired import CAPS_M, Dataset, entries
from nearfar.evaluation.protocols import CropName

SELECTION: Final = "val_selection_cropped"

_INFO: Final = DatasetInfo(kind="depth", unit="m", scale=1 / 256, invalid=0, scene="driving")
_TRUTH: Final = ("proj_depth", "groundtruth")


def matches(path: Path) -> bool:
    """Return whether `path` is a list file, the validation selection, or KITTI's folder tree."""
    if path.is_file():
        return path.suffix == ".txt"
    if any((folder / "groundtruth_depth").is_dir() for folder in _selections(path)):
        return True
    return next(path.rglob("/".join(_TRUTH)), None) is not None


def read(path: Path, crop: CropName) -> Dataset:
    """Open the data set.

    `path` is one of:
    - a list file, such as those of the Eigen split: `PHOTO TRUTH ...` per line, relative to the
      list's folder; lines whose truth is `None` are left out, as published. A truth that does not
      exist there is also searched in the folder of the photo's date.
    - the folder of `depth_selection/val_selection_cropped`: `image/` and `groundtruth_depth/`.
    - a folder with `<drive>/proj_depth/groundtruth/image_02/NAME.png` and, in the same folder or
      in raw KITTI's `<date>/<drive>/`, `image_02/data/NAME.png`.

    Raises:
        DatasetError: none of these exist there.
    """
    root = path.parent if path.is_file() else path
    if path.is_file():
        pairs = list(_listed(path))
    else:
        found = [folder for folder in _selections(path) if (folder / "groundtruth_depth").is_dir()]
        pairs = list(_selected(found[0]) if found else _tree(path))
    if not pairs:
        raise DatasetError(f"{path}: no photo of KITTI with a depth PNG")
    name = path.stem if path.is_file() else path.resolve().name
    return Dataset(name, entries(pairs, crop, root), CAPS_M["driving"])


def _selections(path: Path) -> tuple[Path, ...]:
    return path, path / SELECTION, path / "depth_selection" / SELECTION


def _listed(path: Path) -> Iterator[Pair]:
    for number, line in enumerate(path.read_text("utf-8-sig").splitlines(), 1):
        words = line.split()
        if not words or words[1:2] == ["None"]:
            continue
        if len(words) < 2:
            raise DatasetError(f"{path}, line {number}: write a photo and its depth PNG")
        photo, truth = path.parent / words[0], path.parent / words[1]
        beside = path.parent.joinpath(*Path(words[0]).parts[:1], words[1])
        yield Pair(photo, truth if truth.exists() or not beside.exists() else beside, _INFO)


def _selected(folder: Path) -> Iterator[Pair]:
    for photo in sorted((folder / "image").glob("*.png")):
        name = photo.name.replace("_sync_image_", "_sync_groundtruth_depth_")
        truth = folder / "groundtruth_depth" / name
        if truth.is_file():
            yield Pair(photo, truth, _INFO)


def _tree(root: Path) -> Iterator[Pair]:
    for truth in sorted(root.rglob("/".join((*_TRUTH, "image_0[23]", "*.png")))):
        drive = truth.parents[3]
        below = Path(truth.parent.name) / "data" / truth.name
        date = drive.name[:10]
        candidates = drive, root / date / drive.name, root / "raw" / date / drive.name
        for folder in candidates:
            if (folder / below).is_file():
                yield Pair(folder / below, truth, _INFO)
                break
