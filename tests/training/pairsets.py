"""Small data sets in which the photo tells its own truth."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from nearfar.datasets import PairFolder, open_folder

Truths = NDArray[np.uint16]


def ramp(width_px: int, height_px: int, start: int = 20) -> Truths:
    """(height, width) uint16: rises to the right and downwards, nowhere 0, all below 256."""
    columns, rows = np.meshgrid(np.arange(width_px), np.arange(height_px))
    return np.asarray(start + 160 * columns // width_px + 60 * rows // height_px, np.uint16)


def write_pair(root: Path, name: str, truth: Truths, photo: Truths | None = None) -> None:
    """Write a truth, and a grey photo of the same values."""
    for folder in (root / "rgb", root / "depth"):
        folder.mkdir(parents=True, exist_ok=True)
    grey = np.asarray(truth if photo is None else photo, np.uint8)
    assert cv2.imwrite(str(root / "rgb" / f"{name}.png"), np.repeat(grey[..., None], 3, axis=2))
    assert cv2.imwrite(str(root / "depth" / f"{name}.png"), truth)


def write_set(
    root: Path, count: int, size: tuple[int, int] = (48, 36), *, kind: str = "inverse"
) -> PairFolder:
    """Write so many ramps, each a little nearer than the one before."""
    for index in range(count):
        write_pair(root, f"{index:03}", ramp(*size, start=1 + index % 30))
    return describe(root, kind)


def describe(root: Path, kind: str = "inverse") -> PairFolder:
    """Write `dataset.toml` and open the set."""
    (root / "dataset.toml").write_text(f'kind = "{kind}"\nscene = "made up"\n', "utf-8")
    return open_folder(root)
