"""The parts of a picture that the published evaluations look at."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from nearfar.errors import DatasetError

CropName = Literal["none", "eigen", "garg"]
"""eigen: of Eigen et al. (NeurIPS 2014); garg: of Garg et al. (ECCV 2016), driving only."""

_INDOOR = 45, 471, 41, 601
_DRIVING = {
    "eigen": (0.3324324, 0.91351351, 0.0359477, 0.96405229),
    "garg": (0.40810811, 0.99189189, 0.03594771, 0.96405229),
}


def crop_mask(name: CropName, shape: tuple[int, int], *, driving: bool) -> NDArray[np.bool_]:
    """Mark the part that counts.

    Args:
        name: which crop.
        shape: height and width in pixels.
        driving: the crops of KITTI, which are fractions of the height and the width, rounded
            down. Otherwise `eigen` is the crop of NYU Depth v2: rows 45 to 470 and columns 41
            to 600 of 640 x 480.

    Returns:
        (H, W) bool.

    Raises:
        DatasetError: pictures that have no such crop.
    """
    if name == "none":
        return np.ones(shape, np.bool_)
    height, width = shape
    if driving:
        top, bottom, left, right = _DRIVING[name]
        bounds = int(top * height), int(bottom * height), int(left * width), int(right * width)
    elif name == "eigen" and shape == (480, 640):
        bounds = _INDOOR
    else:
        raise DatasetError(
            f"the crop {name} is not made for these pictures of {width} x {height}: use --crop none"
        )
    mask = np.zeros(shape, np.bool_)
    mask[bounds[0] : bounds[1], bounds[2] : bounds[3]] = True
    return mask
