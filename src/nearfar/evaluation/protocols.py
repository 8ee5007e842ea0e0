"""The two protocols in which the field compares relative depth with the truth.

`midas` is that of Ranftl et al. (TPAMI 2022, section 6) as their published code has it: per
picture, the prediction is aligned to the true inverse depth by least-squares scale and
shift over the pixels that count, clamped from below at 1 / cap, and turned into depth. Its figure
is the share of bad pixels; AbsRel is given too. The tables of Marigold and Depth Anything align
networks that predict disparity in this way as well, so their AbsRel and delta1 are
comparable with those of this protocol on the same pixels.

`affine` is affine-invariant depth, as Marigold (Ke et al., CVPR 2024) measures networks that
predict depth: least-squares scale and shift in depth, then clamped to what the set can hold;
pixels count whose truth lies within those bounds. Inverse depth of unknown shift has no depth
before that shift is chosen, so the alignment of `midas` comes first. Its figures are AbsRel and
delta1.
"""

from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from nearfar.datasets import Truth
from nearfar.errors import DatasetError


def scale_and_shift(
    prediction: NDArray[Any], target: NDArray[Any], valid: NDArray[np.bool_] | None = None
) -> tuple[float, float]:
    """Find what makes `scale * prediction + shift` nearest to `target`.

    The sum of squared differences over the valid pixels is least (Ranftl et al., TPAMI 2022,
    equation 4), in closed form and in float64. Other than in the published code the scale is
    never below zero: that would call a map with near and far swapped a perfect one. Where
    only such a scale would help, or the prediction is constant, the best that is left is
    scale 0 and the target's mean as shift.

    Args:
        prediction: real, of any shape: inverse depth, or depth.
        target: the same shape: the truth, of the same kind.
        valid: bool, the same shape: which pixels count; all when not given.

    Returns:
        (scale, shift). Both 0 when no pixel counts.
    """
    if valid is not None:
        prediction, target = prediction[valid], target[valid]
    if prediction.size == 0:
        return 0.0, 0.0
    x = prediction.ravel().astype(np.float64)
    y = target.ravel().astype(np.float64)
    x_mean, y_mean = float(x.mean()), float(y.mean())
    x -= x_mean
    y -= y_mean
    spread = dot(x, x)
    scale = max(dot(x, y) / spread, 0.0) if spread > 0 else 0.0
    return scale, y_mean - scale * x_mean


def dot(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """Sum of products, without BLAS, whose threads get in the way of the workers'."""
    return float(np.einsum("i,i->", x, y))


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
            f"the crop {name} is not made for these pictures of {width} x {height}: set it to none",
            options=("crop",),
        )
    mask = np.zeros(shape, np.bool_)
    mask[bounds[0] : bounds[1], bounds[2] : bounds[3]] = True
    return mask


ProtocolName = Literal["midas", "affine"]
Values = NDArray[np.float32]

_BEYOND: Final = 2.0
_NEAREST: Final = 1e-4
"""Part of the cap below which no depth lies in `affine`: 1 mm of NYU's 10 m."""


@dataclass(frozen=True)
class Alignment:
    """How predictions become comparable with a picture's truth.

    Attributes:
        scale: what inverse depth is multiplied by.
        shift: what is then added.
        nearest: least depth, in the unit of the truth.
        farthest: greatest depth.
        depth_scale: what depth is then multiplied by.
        depth_shift: what is then added.
    """

    scale: float
    shift: float
    nearest: float
    farthest: float
    depth_scale: float = 1.0
    depth_shift: float = 0.0

    def inverse(self, prediction: Values) -> Values:
        """Align inverse depth, not clamped: float32 of the same shape."""
        aligned: Values = prediction * np.float32(self.scale)
        aligned += np.float32(self.shift)
        return aligned

    def depth(self, prediction: Values) -> Values:
        """Give aligned and clamped depth of the prediction's shape: float32 over 0."""
        depth = self.inverse(prediction)
        np.maximum(depth, np.float32(1 / self.farthest), out=depth)
        np.reciprocal(depth, out=depth)
        if (self.depth_scale, self.depth_shift) != (1, 0):
            depth *= np.float32(self.depth_scale)
            depth += np.float32(self.depth_shift)
            np.clip(depth, np.float32(self.nearest), np.float32(self.farthest), out=depth)
        return depth


def counted_pixels(
    truth: Truth, crop: NDArray[np.bool_], protocol: ProtocolName, cap_m: float | None = None
) -> tuple[NDArray[np.bool_], float]:
    """Say which pixels count, and how far a prediction may lie.

    Disparity with an unknown offset is taken as inverse depth in `midas`, as if the offset
    were 0: its order and `metrics.inverse_error` hold, ratios of depths only roughly.

    Args:
        truth: of the picture.
        crop: (H, W) bool, the part that the evaluation looks at.
        protocol: its name.
        cap_m: the set's convention: 10 m for NYU, 80 m for KITTI. It holds for metres; for
            relative truth, and where there is none, the cap is twice the farthest truth in
            the crop.

    Returns:
        (H, W) bool, and the cap in the unit of the truth.

    Raises:
        DatasetError: no pixel counts, or `affine` was asked for where depth is not known.
    """
    if protocol == "affine" and truth.kind == "disparity":
        raise DatasetError(
            "disparity of unknown offset has no depth to align with: use the protocol midas",
            options=("protocol",),
        )
    counted = truth.valid & crop
    if not counted.any():
        raise DatasetError(
            "no pixel of the truth lies in the crop: set it to none", options=("crop",)
        )
    in_metres = cap_m is not None and truth.kind == "depth"
    farthest = cap_m if in_metres and cap_m else _BEYOND / float(truth.inverse[counted].min())
    if protocol == "affine":
        counted &= truth.inverse > 1 / farthest
        counted &= truth.inverse < 1 / (_NEAREST * farthest)
        if not counted.any():
            raise DatasetError(
                f"no truth between 0 and {farthest:g} m: give another cap", options=("cap_m",)
            )
    return counted, farthest


def align(
    prediction: Values, inverse: Values, protocol: ProtocolName, farthest: float
) -> Alignment:
    """Align a prediction to its truth.

    Args:
        prediction: (N,) inverse depth of the pixels that count, any scale and shift.
        inverse: (N,) their true inverse depth, over 0.
        protocol: its name.
        farthest: the cap, as `counted_pixels` gives it.
    """
    scale, shift = scale_and_shift(prediction, inverse)
    first = Alignment(scale, shift, _NEAREST * farthest, farthest)
    if protocol == "midas":
        return first
    depth_scale, depth_shift = scale_and_shift(first.depth(prediction), np.reciprocal(inverse))
    return replace(first, depth_scale=depth_scale, depth_shift=depth_shift)
