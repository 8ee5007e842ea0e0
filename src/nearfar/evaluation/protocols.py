"""The two common protocols for comparing relative depth with ground truth.

`midas` is that of Ranftl et al. (TPAMI 2022, section 6) and of their published code: for each
image, the prediction is aligned to the true inverse depth by least-squares scale and shift over
the valid pixels, clamped from below at 1 / cap, and converted to depth. Its main metric is the
percentage of bad pixels; AbsRel is reported as well. The tables of Marigold and Depth Anything
align disparity networks in the same way, so their AbsRel and delta1 are comparable with those of
this protocol on the same pixels.

`affine` is affine-invariant depth, as in Marigold (Ke et al., CVPR 2024): least-squares scale and
shift in depth, then clamping to the range of the data set; only pixels with true depth in this
range count. Inverse depth with an unknown shift can't be converted to depth before a shift is
chosen, so the alignment of `midas` is applied first. Its metrics are AbsRel and delta1.
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
    """Fit `scale * prediction + shift` to `target` by least squares.

    The solution is in closed form and in float64 (Ranftl et al., TPAMI 2022, equation 4). Unlike
    in the published code the scale is never negative, because a negative one would give a map
    with near and far swapped a perfect score. If the best scale is negative, or the prediction is
    constant, the scale is 0 and the shift is the target's mean.

    Args:
        prediction: real, of any shape: inverse depth, or depth.
        target: the ground truth, of the same kind and shape.
        valid: bool, the same shape: which pixels count; all if None.

    Returns:
        (scale, shift). Both are 0 if no pixel counts.
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
    """Return the sum of products without BLAS, whose threads slow down parallel workers."""
    return float(np.einsum("i,i->", x, y))


CropName = Literal["none", "eigen", "garg"]
"""eigen: of Eigen et al. (NeurIPS 2014); garg: of Garg et al. (ECCV 2016), for driving only."""

_INDOOR = 45, 471, 41, 601
_DRIVING = {
    "eigen": (0.3324324, 0.91351351, 0.0359477, 0.96405229),
    "garg": (0.40810811, 0.99189189, 0.03594771, 0.96405229),
}


def crop_mask(name: CropName, shape: tuple[int, int], *, driving: bool) -> NDArray[np.bool_]:
    """Return a mask of the pixels inside an evaluation crop.

    Args:
        name: of the crop.
        shape: height and width in pixels.
        driving: use the crops of KITTI, which are fractions of height and width, rounded down.
            Otherwise `eigen` is the crop of NYU Depth v2: rows 45 to 470 and columns 41 to 600
            of 640 x 480.

    Returns:
        (H, W) bool.

    Raises:
        DatasetError: the crop is not defined for these images.
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
            f"the crop {name} is not defined for these images of {width} x {height}: use the crop"
            " none",
            options=("crop",),
        )
    mask = np.zeros(shape, np.bool_)
    mask[bounds[0] : bounds[1], bounds[2] : bounds[3]] = True
    return mask


ProtocolName = Literal["midas", "affine"]
Values = NDArray[np.float32]

_RELATIVE_CAP: Final = 2.0
_MIN_DEPTH: Final = 1e-4
"""Smallest depth in `affine`, relative to the cap: 1 mm for NYU's 10 m."""


@dataclass(frozen=True)
class Alignment:
    """Transformation that makes predictions comparable with an image's ground truth.

    Attributes:
        scale: factor of the inverse depth.
        shift: added to the scaled inverse depth.
        nearest: smallest depth, in the unit of the ground truth.
        farthest: largest depth.
        depth_scale: factor of the resulting depth.
        depth_shift: added to the scaled depth.
    """

    scale: float
    shift: float
    nearest: float
    farthest: float
    depth_scale: float = 1.0
    depth_shift: float = 0.0

    def inverse(self, prediction: Values) -> Values:
        """Return aligned inverse depth, not clamped: float32 of the same shape."""
        aligned: Values = prediction * np.float32(self.scale)
        aligned += np.float32(self.shift)
        return aligned

    def depth(self, prediction: Values) -> Values:
        """Return aligned and clamped depth: float32 above 0, of the same shape."""
        depth = self.inverse(prediction)
        np.maximum(depth, np.float32(1 / self.farthest), out=depth)
        np.reciprocal(depth, out=depth)
        if (self.depth_scale, self.depth_shift) != (1, 0):
            depth *= np.float32(self.depth_scale)
            depth += np.float32(self.depth_shift)
            np.clip(depth, np.float32(self.nearest), np.float32(self.farthest), out=depth)
        return depth


def evaluated_pixels(
    truth: Truth, crop: NDArray[np.bool_], protocol: ProtocolName, cap_m: float | None = None
) -> tuple[NDArray[np.bool_], float]:
    """Return which pixels count, and the largest depth.

    In `midas`, disparity with an unknown offset is treated as inverse depth with offset 0: its
    order and `metrics.inverse_error` are exact, ratios of depths only approximate.

    Args:
        truth: of the image.
        crop: (H, W) bool, the part that is evaluated.
        protocol: its name.
        cap_m: the data set's convention: 10 m for NYU, 80 m for KITTI. It applies to truth in
            metres; for relative truth, or if None, the cap is twice the largest true depth in
            the crop.

    Returns:
        (H, W) bool, and the cap in the unit of the truth.

    Raises:
        DatasetError: no pixel counts, or the protocol is `affine` and depth is not known.
    """
    if protocol == "affine" and truth.kind == "disparity":
        raise DatasetError(
            "disparity with an unknown offset has no depth to align: use the protocol midas",
            options=("protocol",),
        )
    inside = truth.valid & crop
    if not inside.any():
        raise DatasetError(
            "no known pixel of the truth is in the crop: use the crop none", options=("crop",)
        )
    in_metres = cap_m is not None and truth.kind == "depth"
    farthest = cap_m if in_metres and cap_m else _RELATIVE_CAP / float(truth.inverse[inside].min())
    if protocol == "affine":
        inside &= truth.inverse > 1 / farthest
        inside &= truth.inverse < 1 / (_MIN_DEPTH * farthest)
        if not inside.any():
            raise DatasetError(
                f"no truth is between 0 and {farthest:g} m: use a larger cap", options=("cap_m",)
            )
    return inside, farthest


def align(
    prediction: Values, inverse: Values, protocol: ProtocolName, farthest: float
) -> Alignment:
    """Align a prediction to the ground truth.

    Args:
        prediction: (N,) inverse depth of the pixels that count, any scale and shift.
        inverse: (N,) their true inverse depth, above 0.
        protocol: its name.
        farthest: the cap from `evaluated_pixels`.
    """
    scale, shift = scale_and_shift(prediction, inverse)
    first = Alignment(scale, shift, _MIN_DEPTH * farthest, farthest)
    if protocol == "midas":
        return first
    depth_scale, depth_shift = scale_and_shift(first.depth(prediction), np.reciprocal(inverse))
    return replace(first, depth_scale=depth_scale, depth_shift=depth_shift)
