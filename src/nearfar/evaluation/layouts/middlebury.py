"""Middlebury stereo 2014 and 2021: `im0.png`, `disp0.pfm` and `calib.txt` per scene.

According to the data sets' page, depth = baseline * f / (disparity + doffs), baseline in mm.
"""

import re
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from nearfar.datasets import photo_of, truth_of
from nearfar.errors import DatasetError
from nearfar.evaluation.layouts.paired import Dataset, Entry, Sample
from nearfar.evaluation.protocols import CropName, crop_mask
from nearfar.io.depth_codecs import decode_pfm

_FILES: Final = ("im0.png", "disp0.pfm", "calib.txt")
_NUMBER: Final = r"\s*=\s*\[?\s*([-+0-9.eE]+)"


def matches(path: Path) -> bool:
    """Return whether `path` is a scene, or a folder of scenes."""
    return bool(_scenes(path))


def read(path: Path, crop: CropName) -> Dataset:
    """Open the scenes.

    Raises:
        DatasetError: there is no scene.
    """
    scenes = _scenes(path)
    if not scenes:
        raise DatasetError(f"{path}: no scene with {', '.join(_FILES)}")
    listed = tuple(Entry(scene.resolve().name, partial(_scene, scene, crop)) for scene in scenes)
    return Dataset(path.resolve().name, listed)


def _scenes(path: Path) -> list[Path]:
    if not path.is_dir():
        return []
    folders = [path, *(folder for folder in sorted(path.iterdir()) if folder.is_dir())]
    return [it for it in folders if all((it / name).is_file() for name in _FILES)]


def _scene(folder: Path, crop: CropName) -> Sample:
    calibration = folder / "calib.txt"
    try:
        disparity, _ = decode_pfm((folder / "disp0.pfm").read_bytes())
        text = calibration.read_text("ascii")
    except Exception as error:  # the decoder raises many kinds of errors for damaged files
        raise DatasetError(f"{folder}: can't be read: {error}") from error
    focal_px, baseline_mm = _value(text, "cam0", calibration), _value(text, "baseline", calibration)
    if focal_px <= 0 or baseline_mm <= 0:
        raise DatasetError(f"{calibration}: cam0 and baseline must be above 0")
    with np.errstate(all="ignore"):  # `truth_of` checks for what float32 can't represent
        shifted = disparity.astype(np.float32) + np.float32(_value(text, "doffs", calibration))
        per_metre = shifted / np.float32(baseline_mm / 1000 * focal_px)
    truth = truth_of(per_metre, np.isfinite(shifted), "depth", f"{folder / 'disp0.pfm'}")
    height, width = truth.valid.shape
    return Sample(
        photo_of(folder / "im0.png", truth, f"{folder / 'disp0.pfm'}"),
        truth,
        crop_mask(crop, (height, width), driving=False),
    )


def _value(text: str, name: str, path: Path) -> float:
    found = re.search(rf"^{name}{_NUMBER}", text, re.MULTILINE)
    if found is None:
        raise DatasetError(f"{path}: {name} is missing")
    try:
        return float(found[1])
    except ValueError as error:
        raise DatasetError(f"{path}: {name} is not a number: {found[1]}") from error
