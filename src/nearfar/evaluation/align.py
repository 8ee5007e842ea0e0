"""The scale and shift that a relative map lacks, from the truth, by least squares."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


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
