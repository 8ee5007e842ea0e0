"""Middlebury stereo 2014 and 2021: `im0.png`, `disp0.pfm` and `calib.txt` a scene.

The page of the sets gives depth = baseline * f / (disparity + doffs), baseline in millimetres.
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


def fits(path: Path) -> bool:
    """Say whether `path` is a scene, or a folder of scenes."""
    return bool(_scenes(path))


def read(path: Path, crop: CropName) -> Dataset:
    """Open it.

    Raises:
        DatasetError: no scene is there.
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
    except (OSError, ValueError, ArithmeticError) as error:
        raise DatasetError(f"{folder}: can't be read: {error}") from error
    focal_px, baseline_mm = _value(text, "cam0", calibration), _value(text, "baseline", calibration)
    if focal_px <= 0 or baseline_mm <= 0:
        raise DatasetError(f"{calibration}: cam0 and baseline must be over 0")
    with np.errstate(all="ignore"):  # what float32 can't hold is found by `truth_of`
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
        raise DatasetError(f"{path}: it gives no {name}")
    try:
        return float(found[1])
    except ValueError as error:
        raise DatasetError(f"{path}: its {name} is no number: {found[1]}") from error
