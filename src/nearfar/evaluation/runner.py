"""Run a model over a data set and measure it, picture by picture."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, fields, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from nearfar.datasets import Layers, PointPairs, Truth
from nearfar.errors import InferenceError, NearfarError
from nearfar.estimator import Estimator
from nearfar.evaluation import metrics
from nearfar.evaluation.layouts.paired import Dataset, Entry, Sample
from nearfar.evaluation.protocols import ProtocolName, align, counted_pixels
from nearfar.io.images import Image


@dataclass(frozen=True)
class Measures:
    """All figures of one picture, or their means; None where one has no meaning.

    Attributes:
        bad_pixel: percent of pixels off by more than a factor of 1.25.
        abs_rel: mean relative error.
        delta1: share of pixels within a factor of 1.25.
        delta2: within 1.25 squared.
        delta3: within 1.25 cubed.
        rmse_m: metres; only for truth in metres.
        silog: scale-invariant logarithmic error, times 100.
        inverse_error: root mean squared error of inverse depth, in standard deviations.
        ordinal: percent of pairs of points in the wrong order.
        boundary_f1: of occluding edges, 0 to 1; only where at least half of the truth is known.
        sharpness: share of the truth's depth steps that the map has too, 0 to 1.
        temporal: change of nearness from the frame before; only for clips.
    """

    bad_pixel: float | None = None
    abs_rel: float | None = None
    delta1: float | None = None
    delta2: float | None = None
    delta3: float | None = None
    rmse_m: float | None = None
    silog: float | None = None
    inverse_error: float | None = None
    ordinal: float | None = None
    boundary_f1: float | None = None
    sharpness: float | None = None
    temporal: float | None = None


@dataclass(frozen=True)
class PictureScore:
    """One picture's figures, under its name."""

    name: str
    measures: Measures


@dataclass(frozen=True)
class Scores:
    """What an evaluation found.

    Attributes:
        dataset: its name.
        model: its name.
        protocol: by which the figures were made.
        pictures: their figures, in the order of the data set.
        failed: what went wrong with the others, a sentence each.
        notes: what a reader of the figures must know.
    """

    dataset: str
    model: str
    protocol: ProtocolName
    pictures: tuple[PictureScore, ...]
    failed: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def mean(self) -> Measures:
        """Mean over the pictures that have the figure, each of the same weight."""
        rows = [asdict(picture.measures) for picture in self.pictures]
        means = {}
        for field in fields(Measures):
            values = [row[field.name] for row in rows if row[field.name] is not None]
            means[field.name] = float(np.mean(values)) if values else None
        return Measures(**means)

    def interval(
        self, name: str, *, draws: int = 2000, seed: int = 0
    ) -> tuple[float, float] | None:
        """Return the 95 % interval of a mean, by bootstrap over the pictures.

        Args:
            name: of the figure, a field of `Measures`.
            draws: how many times the pictures are drawn anew.
            seed: of the draws.

        Returns:
            The 2.5th and 97.5th percentile of the means; None for fewer than two pictures.
        """
        values = np.array(
            [v for it in self.pictures if (v := getattr(it.measures, name)) is not None], np.float64
        )
        if values.size < 2:
            return None
        chosen = np.random.default_rng(seed).integers(values.size, size=(draws, values.size))
        low, high = np.quantile(values[chosen].mean(axis=1), (0.025, 0.975))
        return float(low), float(high)

    def ranked(self) -> tuple[PictureScore, ...]:
        """Order the pictures, best first: by bad pixels in `midas`, by AbsRel in `affine`."""
        key = "bad_pixel" if self.protocol == "midas" else "abs_rel"
        known = [it for it in self.pictures if getattr(it.measures, key) is not None]
        return tuple(sorted(known, key=lambda it: (getattr(it.measures, key), it.name)))


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


_OFFSET_NOTE = "disparity of unknown offset: ratios of depths are as if it were 0"


@dataclass(frozen=True, eq=False)
class _Judged:
    measures: Measures
    prediction: NDArray[np.float32] | None
    photo: Image | None
    note: str | None


def evaluate(
    estimator: Estimator,
    dataset: Dataset,
    protocol: ProtocolName = "midas",
    *,
    cap_m: float | None = None,
    clip: bool = False,
    workers: int = 1,
    on_progress: Callable[[str], None] = lambda _: None,
) -> Scores:
    """Measure a model on a data set; arguments and result are those of `score_network`.

    Args:
        estimator: the loaded model. For speed give it one thread a run and `workers` callers.
        dataset: the samples.
        protocol: see `nearfar.evaluation.protocols`.
        cap_m: in place of the data set's own.
        clip: the pictures are frames in a row.
        workers: pictures under way at once.
        on_progress: called with each picture's name.
    """
    return score_network(
        predictor(estimator),
        dataset,
        protocol,
        model=estimator.spec.name,
        cap_m=cap_m,
        clip=clip,
        workers=workers,
        on_progress=on_progress,
    )


def predictor(estimator: Estimator) -> Predict:
    """Give a model as what `score_network` and `picture.look` call."""
    return lambda photo: estimator(photo).inverse_depth


def score_network(
    predict: Predict,
    dataset: Dataset,
    protocol: ProtocolName = "midas",
    *,
    model: str = "",
    cap_m: float | None = None,
    clip: bool = False,
    workers: int = 1,
    on_progress: Callable[[str], None] = lambda _: None,
) -> Scores:
    """Measure anything that predicts inverse depth.

    Decoding, prediction and metrics of one picture happen in one worker; at most two pictures
    a worker are under way. The result does not depend on the number of workers.

    Args:
        predict: the network. Its map is resized to the truth's size by linear interpolation.
        dataset: the samples.
        protocol: see `nearfar.evaluation.protocols`.
        model: name for reports.
        cap_m: in place of the data set's own, for truth in metres.
        clip: the pictures are frames in a row: measure the change from each to the next.
        workers: threads.
        on_progress: called in the caller's thread with each picture's name, in order.

    Returns:
        The figures. A picture that can't be read or predicted is told in `failed`.
    """
    cap_m = dataset.cap_m if cap_m is None else cap_m

    def work(entry: Entry) -> _Judged:
        sample = entry.read()
        return _judge(sample, predict(sample.photo), protocol, cap_m, keep=clip)

    pictures: list[PictureScore] = []
    failed, notes = list(dataset.bad), dict[str, None]()
    before: _Judged | None = None
    for entry, result in _in_order(dataset.entries, work, workers):
        on_progress(entry.name)
        if isinstance(result, NearfarError):
            failed.append(f"{entry.name}: {result}")
            before = None
            continue
        change = _change(before, result) if before and clip else None
        pictures.append(PictureScore(entry.name, replace(result.measures, temporal=change)))
        notes |= {result.note: None} if result.note else {}
        before = result
    return Scores(dataset.name, model, protocol, tuple(pictures), tuple(failed), tuple(notes))


def _in_order(
    entries: tuple[Entry, ...], work: Callable[[Entry], _Judged], workers: int
) -> Iterator[tuple[Entry, _Judged | NearfarError]]:
    under_way: deque[tuple[Entry, Future[_Judged]]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        try:
            for entry in entries:
                under_way.append((entry, pool.submit(work, entry)))
                if len(under_way) >= 2 * workers:
                    yield _outcome(*under_way.popleft())
            while under_way:
                yield _outcome(*under_way.popleft())
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _outcome(entry: Entry, future: "Future[_Judged]") -> tuple[Entry, _Judged | NearfarError]:
    try:
        return entry, future.result()
    except NearfarError as error:
        return entry, error


def _judge(
    sample: Sample,
    prediction: NDArray[np.float32],
    protocol: ProtocolName,
    cap_m: float | None,
    *,
    keep: bool,
) -> _Judged:
    truth, note = sample.truth, None
    if isinstance(truth, PointPairs):
        prediction = fitted(prediction, sample.photo.shape[:2])
        nearer, farther = (
            prediction[points[:, 1], points[:, 0]] for points in (truth.nearer, truth.farther)
        )
        measures = Measures(ordinal=metrics.disagreement(nearer, farther))
    elif isinstance(truth, Layers):
        prediction = fitted(prediction, truth.regions.shape)
        measures = Measures(ordinal=metrics.layers_disagreement(prediction, truth))
    else:
        prediction = fitted(prediction, truth.valid.shape)
        measures = measure(prediction, truth, sample.crop, protocol, cap_m)
        note = _OFFSET_NOTE if truth.kind == "disparity" else None
    return _Judged(measures, prediction if keep else None, sample.photo if keep else None, note)


def _change(before: _Judged, after: _Judged) -> float | None:
    one, two = before.prediction, after.prediction
    if one is None or two is None or before.photo is None or after.photo is None:
        return None
    if one.shape != two.shape or before.photo.shape != after.photo.shape:
        return None
    return metrics.temporal_change(one, two, before.photo, after.photo)
