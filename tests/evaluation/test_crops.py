"""The published crops."""

import numpy as np
import pytest

from nearfar.errors import DatasetError
from nearfar.evaluation.protocols import CropName, crop_mask


def bounds(name: CropName, shape: tuple[int, int], *, driving: bool) -> tuple[int, ...]:
    mask = crop_mask(name, shape, driving=driving)
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    assert mask.sum() == len(rows) * len(columns)
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def test_eigen_crop_of_nyu() -> None:
    assert bounds("eigen", (480, 640), driving=False) == (45, 471, 41, 601)


def test_crops_of_kitti() -> None:
    # monodepth's evaluation gives these for its 375 x 1242 pictures
    assert bounds("garg", (375, 1242), driving=True) == (153, 371, 44, 1197)
    assert bounds("eigen", (375, 1242), driving=True) == (124, 342, 44, 1197)


def test_no_crop() -> None:
    assert crop_mask("none", (3, 5), driving=True).all()


@pytest.mark.parametrize(("name", "shape"), [("eigen", (240, 320)), ("garg", (480, 640))])
def test_other_pictures_have_no_such_crop(name: CropName, shape: tuple[int, int]) -> None:
    with pytest.raises(DatasetError, match="use the crop none"):
        crop_mask(name, shape, driving=False)
