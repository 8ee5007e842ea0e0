"""Depth in the Wild (Chen et al., NeurIPS 2016): one pair of points per photo.

`DIW_test.csv` has two lines per photo: its path, then `yA,xA,yB,xB,relation,width,height`, counted
from 1; the relation is `>` if point A is farther than point B.
"""

from functools import partial
from pathlib import Path, PurePosixPath
from typing import Final

import numpy as np

from nearfar.datasets import PointPairs
from nearfar.errors import DatasetError
from nearfar.evaluation.layouts.paired import Dataset, Entry, Sample
from nearfar.evaluation.protocols import CropName
from nearfar.io.images import ImageFile

LIST: Final = "DIW_test.csv"
_LOCATIONS: Final = (LIST, f"DIW_Annotations/{LIST}")


def matches(path: Path) -> bool:
    """Return whether `path` is a list, or a folder that contains one."""
    return path.suffix == ".csv" or _list(path) is not None


def read(path: Path, crop: CropName) -> Dataset:
    """Open the list; photo paths are relative to its folder or to the parent folder.

    Raises:
        DatasetError: there is no list, a line is malformed, or a crop is set.
    """
    if crop != "none":
        raise DatasetError(
            f"{path}: pairs of points have no crop: use the crop none", options=("crop",)
        )
    source = path if path.suffix == ".csv" else _list(path)
    if source is None:
        raise DatasetError(f"{path}: no {LIST}")
    lines = [line.strip() for line in source.read_text("utf-8-sig").splitlines() if line.strip()]
    if not lines or len(lines) % 2:
        raise DatasetError(f"{source}: write two lines per photo: its path, and its points")
    listed = []
    for at in range(0, len(lines), 2):
        pairs = _points(lines[at + 1], f"{source}, entry {at // 2 + 1}")
        photo = _photo(source.parent, lines[at])
        listed.append(Entry(photo.stem, partial(_sample, photo, pairs)))
    return Dataset(source.stem, tuple(listed))


def _list(path: Path) -> Path | None:
    return next((path / place for place in _LOCATIONS if (path / place).is_file()), None)


def _photo(folder: Path, line: str) -> Path:
    relative = PurePosixPath(line)
    above = folder.parent / relative
    return above if above.is_file() else folder / relative


def _points(line: str, where: str) -> PointPairs:
    words = [word.strip() for word in line.split(",")]
    try:
        y_a, x_a, y_b, x_b = (int(float(word)) - 1 for word in words[:4])
        first_is_farther = {">": True, "<": False}[words[4]]
        a, b = np.array([[x_a, y_a]], np.int64), np.array([[x_b, y_b]], np.int64)
    except (ValueError, KeyError, IndexError, OverflowError) as error:
        raise DatasetError(
            f"{where}: {line[:80]!r} is not yA,xA,yB,xB,relation,width,height"
        ) from error
    if (a == b).all():
        raise DatasetError(f"{where}: both points are the same")
    return PointPairs(nearer=b, farther=a) if first_is_farther else PointPairs(nearer=a, farther=b)


def _sample(path: Path, pairs: PointPairs) -> Sample:
    with ImageFile(path) as file:
        if file.orientation != 1:
            raise DatasetError(
                f"{path}: EXIF orientation is {file.orientation}, and it is unknown whether the"
                " points refer to the rotated photo: store it upright, without that tag"
            )
        photo = file.read()
    last = np.array([photo.shape[1] - 1, photo.shape[0] - 1])
    for points in (pairs.nearer, pairs.farther):
        if (points < 0).any() or (points > last).any():
            raise DatasetError(f"{path}: a point lies outside the photo")
    return Sample(photo, pairs, np.ones(photo.shape[:2], np.bool_))
