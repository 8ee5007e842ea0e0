"""One picture: predict, align, measure."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from nearfar.datasets import Truth
from nearfar.errors import InferenceError
from nearfar.evaluation import metrics
from nearfar.evaluation.protocols import ProtocolName, align, counted_pixels
from nearfar.evaluation.samples import Entry
from nearfar.evaluation.scores import Measures
from nearfar.io.images import Image

Predict = Callable[[Image], NDArray[np.float32]]
"""A photo to (h, w) inverse depth of any size, scale and shift; called from worker threads."""

_DENSE = 0.5


def measure(
    prediction: NDArray[np.float32],
    truth: Truth,
    crop: NDArray[np.bool_],
    protocol: ProtocolName,
    cap_m: float | None = None,
) -> Measures:
    """Measure one map.

    Args:
        prediction: (H, W) inverse depth of the truth's size, any scale and shift.
        truth: what is known.
        crop: (H, W) bool, the part that counts.
        protocol: see `nearfar.evaluation.protocols`.
        cap_m: likewise.

    Raises:
        DatasetError: as of `protocols.counted_pixels`.
    """
    counted, farthest = counted_pixels(truth, crop, protocol, cap_m)
    own, inverse = prediction[counted], truth.inverse[counted]
    alignment = align(own, inverse, protocol, farthest)
    depth, true_depth = alignment.depth(own), np.reciprocal(inverse)
    ratio = metrics.worst_ratio(depth, true_depth)
    edges = None
    sharpness = metrics.sharpness(alignment.inverse(prediction), truth.inverse, counted)
    if inverse.size >= _DENSE * np.count_nonzero(crop):
        true_map = np.reciprocal(truth.inverse, where=counted, out=np.ones_like(truth.inverse))
        edges = metrics.boundary_f1(alignment.depth(prediction), true_map, counted)
    return Measures(
        bad_pixel=metrics.bad_pixel(ratio),
        abs_rel=metrics.abs_rel(depth, true_depth),
        delta1=metrics.delta(ratio, 1),
        delta2=metrics.delta(ratio, 2),
        delta3=metrics.delta(ratio, 3),
        rmse_m=metrics.rmse(depth, true_depth) if truth.kind == "depth" else None,
        silog=metrics.silog(depth, true_depth),
        inverse_error=metrics.inverse_error(alignment.inverse(own), inverse),
        ordinal=metrics.ordinal_error(own, inverse, has_zero=truth.kind != "disparity"),
        boundary_f1=edges,
        sharpness=sharpness,
    )


@dataclass(frozen=True, eq=False)
class Look:
    """One picture, for a sheet.

    Attributes:
        photo: (h, w, 3) uint8 RGB.
        truth: of (H, W).
        inverse: (H, W) float32, the prediction, aligned to the truth and capped.
        error: (H, W) float32, `metrics.worst_ratio` less 1; NaN where nothing counts.
    """

    photo: Image
    truth: Truth
    inverse: NDArray[np.float32]
    error: NDArray[np.float32]


def look(
    predict: Predict, entry: Entry, protocol: ProtocolName, cap_m: float | None
) -> Look | None:
    """Measure one picture again, to look at; None where its truth is no map.

    Raises:
        NearfarError: it can't be read or predicted.
    """
    sample = entry.read()
    truth = sample.truth
    if not isinstance(truth, Truth):
        return None
    prediction = fitted(predict(sample.photo), truth.valid.shape)
    counted, farthest = counted_pixels(truth, sample.crop, protocol, cap_m)
    alignment = align(prediction[counted], truth.inverse[counted], protocol, farthest)
    depth = alignment.depth(prediction)
    error = np.full(depth.shape, np.nan, np.float32)
    error[counted] = metrics.worst_ratio(depth[counted], np.reciprocal(truth.inverse[counted])) - 1
    return Look(sample.photo, truth, np.reciprocal(depth), error)


def fitted(prediction: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Resize a map by linear interpolation, where it has another shape.

    Raises:
        InferenceError: it holds values that are no numbers.
    """
    if not np.isfinite(prediction).all():
        raise InferenceError("the network answered with values that are no numbers")
    if prediction.shape == shape:
        return prediction
    size = shape[1], shape[0]
    return np.asarray(cv2.resize(prediction, size, interpolation=cv2.INTER_LINEAR), np.float32)
