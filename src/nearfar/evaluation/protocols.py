"""The two ways in which the field compares relative depth with the truth. Never mix their figures.

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
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from nearfar.datasets import Truth
from nearfar.errors import DatasetError
from nearfar.evaluation.align import scale_and_shift

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
            "disparity of unknown offset has no depth to align with: use --protocol midas"
        )
    counted = truth.valid & crop
    if not counted.any():
        raise DatasetError("no pixel of the truth lies in the crop: use --crop none")
    in_metres = cap_m is not None and truth.kind == "depth"
    farthest = cap_m if in_metres and cap_m else _BEYOND / float(truth.inverse[counted].min())
    if protocol == "affine":
        counted &= truth.inverse > 1 / farthest
        counted &= truth.inverse < 1 / (_NEAREST * farthest)
        if not counted.any():
            raise DatasetError(f"no truth between 0 and {farthest:g} m: give another --cap-m")
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
