"""Run a model over a data set and measure it."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from nearfar.datasets import Layers, PointPairs
from nearfar.errors import NearfarError
from nearfar.estimator import Estimator
from nearfar.evaluation import metrics
from nearfar.evaluation.picture import Predict, fitted, measure
from nearfar.evaluation.protocols import ProtocolName
from nearfar.evaluation.samples import Dataset, Entry, Sample
from nearfar.evaluation.scores import Measures, PictureScore, Scores
from nearfar.io.images import Image

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
