"""NYU Depth v2 (Silberman et al., ECCV 2012): the labeled .mat file, or extracted folders.

The truth is the Kinect's measurement (`rawDepths`) without inpainting, 0 to 10 metres, as in the
published evaluation of MiDaS; the 654 test images are those of `splits.mat`.
"""

from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from nearfar.datasets import DatasetInfo, Pair, truth_of
from nearfar.errors import DatasetError
from nearfar.evaluation.layouts import matlab
from nearfar.evaluation.layouts.paired import CAPS_M, Dataset, Entry, Sample, entries
from nearfar.evaluation.protocols import CropName, crop_mask
from nearfar.optional import require

LABELED: Final = "nyu_depth_v2_labeled.mat"
SPLITS: Final = "splits.mat"

_PHOTO_SUFFIXES: Final = (".jpg", ".png")
_INFO: Final = DatasetInfo(kind="depth", unit="mm", invalid=0, scene="indoor", max_depth_m=10)


def matches(path: Path) -> bool:
    """Return whether `path` is the .mat file, its folder, or a folder with `rgb_*` files."""
    if path.suffix == ".mat" or (path / LABELED).is_file():
        return True
    return any(_depth_of(photo) for photo in path.rglob("rgb_*"))


def read(path: Path, crop: CropName) -> Dataset:
    """Open the data set.

    Folders contain `rgb_NAME.jpg` or `.png` and beside each `sync_depth_NAME.png` or
    `depth_NAME.png`, uint16 millimetres; subfolders for scenes are allowed.

    Raises:
        DatasetError: none of these exist there, or `splits.mat` is not beside the .mat file.
        MissingExtraError: h5py is not installed, which the .mat file needs.
    """
    if path.suffix == ".mat" or (path / LABELED).is_file():
        return _open_labeled(path if path.suffix == ".mat" else path / LABELED, crop)
    photos = sorted(path.rglob("rgb_*"))
    pairs = [Pair(photo, depth, _INFO) for photo in photos if (depth := _depth_of(photo))]
    if not pairs:
        raise DatasetError(f"{path}: no rgb_NAME.jpg with a sync_depth_NAME.png beside it")
    return Dataset(path.resolve().name, entries(pairs, crop, path), CAPS_M["indoor"])


def _depth_of(photo: Path) -> Path | None:
    if photo.suffix.lower() not in _PHOTO_SUFFIXES:
        return None
    name = photo.stem.removeprefix("rgb_")
    found = (photo.with_name(f"{kind}_{name}.png") for kind in ("sync_depth", "depth"))
    return next((path for path in found if path.is_file()), None)


def _open_labeled(path: Path, crop: CropName) -> Dataset:
    h5py = require("h5py")
    splits = path.with_name(SPLITS)
    if not splits.is_file():
        raise DatasetError(f"{splits} is needed: it lists the images of the test set")
    numbers = matlab.numbers(splits, "testNdxs")
    try:
        with h5py.File(path, "r") as file:
            shapes, dtypes = zip(
                *((file[name].shape, file[name].dtype) for name in ("images", "rawDepths")),
                strict=True,
            )
    except (OSError, KeyError, AttributeError, RuntimeError, ValueError, TypeError) as error:
        raise DatasetError(f"{path}: not the labeled set of NYU Depth v2: {error}") from error
    shape, count = shapes[1], shapes[1][0] if shapes[1] else 0
    if len(shape) != 3 or shapes[0] != (count, 3, *shape[1:]):
        raise DatasetError(
            f"{path}: images {shapes[0]} and rawDepths {shape} are not (N, 3, w, h) and (N, w, h)"
        )
    if dtypes[0] != np.uint8 or dtypes[1].kind != "f":
        raise DatasetError(f"{path}: images must be uint8 and rawDepths floats, not {dtypes}")
    whole = np.equal(numbers, np.round(numbers)).all()
    if not whole or numbers.size == 0 or numbers.min() < 1 or numbers.max() > count:
        raise DatasetError(f"{splits}: its indices do not match the {count} images")
    mask = crop_mask(crop, (shape[2], shape[1]), driving=False)
    listed = tuple(
        Entry(f"{number:04}", partial(_picture, path, number - 1, mask))
        for number in numbers.astype(int).tolist()
    )
    return Dataset("nyu", listed, CAPS_M["indoor"])


def _picture(path: Path, index: int, crop: Any) -> Sample:
    try:
        with require("h5py").File(path, "r") as file:
            photo = np.asarray(file["images"][index], np.uint8)
            metres = np.asarray(file["rawDepths"][index], np.float32)
    except (OSError, RuntimeError, ValueError) as error:
        raise DatasetError(f"{path}: image {index + 1} can't be read: {error}") from error
    metres = np.ascontiguousarray(metres.T)  # MATLAB is column-major
    valid = (metres > 0) & (metres < CAPS_M["indoor"])
    with np.errstate(over="ignore"):  # `truth_of` checks for what float32 can't represent
        inverse = np.reciprocal(np.where(valid, metres, np.float32(1)))
    truth = truth_of(inverse, valid, "depth", f"{path}: image {index + 1}")
    return Sample(np.ascontiguousarray(photo.T), truth, crop)
