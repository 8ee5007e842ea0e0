"""How much a steady clip flickers beside one whose frames are shown each in its own range.

The data is yours to bring: clips, and a folder of frames in a row with lidar, laid out as
`nearfar evaluate` reads it.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Final, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.cold_start import MODEL
from benchmarks.result import Cell, Ratio, Table, write
from nearfar.datasets import Truth, open_folder
from nearfar.estimator import Estimator
from nearfar.evaluation.metrics import abs_rel, delta, worst_ratio
from nearfar.evaluation.protocols import align
from nearfar.evaluation.runner import resize_map
from nearfar.io.images import Image
from nearfar.loading import load
from nearfar.video.flicker import Flicker
from nearfar.video.reader import TICKS, read_clip
from nearfar.video.temporal import LOOK_AHEAD_S, Limits, Raw, SteadyRange, stabilize

Map: TypeAlias = NDArray[np.float32]

LIDAR_FPS: Final = 10.0
"""Of KITTI's drives."""

CAP_M: Final = 80.0
BOUND: Final = 0.5
NO_WORSE: Final = 1.005
"""AbsRel may be this many times as large: what is within half a percent is no loss."""

ALIGNED_NOTE: Final = (
    "Aligned a frame: scale and shift of every frame by least squares to its own lidar. Aligned"
    " once: one scale and one shift for the whole drive, so that a range that wavers counts as"
    " error."
)

WAYS: Final = ("each alone, least to greatest", "each alone, percentiles", "steady", "smoothed")
DEFAULT: Final = WAYS[3]
"""What `nearfar video` does by itself."""


@dataclass(frozen=True, eq=False)
class Shot:
    """One frame: the photo at the network's size, and what the network gave.

    Attributes:
        photo: (h, w, 3) uint8 RGB.
        raw: (h, w) float32.
        time_s: when it is shown.
        truth: lidar, where there is any.
    """

    photo: Image
    raw: Map
    time_s: float
    truth: Truth | None = None


def main() -> None:
    """Measure and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clips", type=Path, nargs="*", metavar="CLIP")
    parser.add_argument("--lidar", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--frames", type=int, default=250, help="of each clip, from its start")
    given = parser.parse_args()
    estimator = load(MODEL, runtime="onnxruntime", threads=1)
    sources = {given.lidar.name: list(_driven(given.lidar, estimator))}
    for path in given.clips:
        sources[path.stem] = list(_filmed(path, estimator, given.frames))
    flickers: list[tuple[Cell, ...]] = []
    ratios = []
    for name, shots in sources.items():
        own = {way: _flicker(shots, maps) for way, maps in _shown(shots).items()}
        flickers.append((name, len(shots), *own.values()))
        for way in WAYS[2:]:
            what = f"flicker, {way} over {WAYS[0]}, {name}"
            bound = BOUND if way == DEFAULT else None
            ratios.append(Ratio(what=what, value=own[way] / own[WAYS[0]], bound=bound))
    rows, losses = _accuracy(sources[given.lidar.name])
    write(
        "video_flicker",
        title="Steady video",
        question="By how much does nearness change from frame to frame where the picture goes"
        " on, and is a steady map as true as one of the frame alone?",
        data=f"{MODEL}; {', '.join(sources)}: at most {given.frames} frames of each. Lidar: one"
        " drive of KITTI.",
        arguments="CLIP [CLIP ...] --lidar FOLDER",
        ratios=[*ratios, *losses],
        tables=[
            Table(
                title="Mean absolute change of nearness along the optical flow, frame to frame",
                columns=("clip", "frames", *WAYS),
                rows=tuple(flickers),
            ),
            Table(
                title="Accuracy against lidar",
                columns=("way", "AbsRel, aligned a frame", "delta1", "AbsRel, aligned once"),
                rows=rows,
            ),
        ],
        notes=(ALIGNED_NOTE, "Nearness also changes truly, where something comes closer."),
    )


def _shown(shots: list[Shot]) -> dict[str, list[Map]]:
    """Way -> the nearness of each frame."""
    alone = [_spread(shot.raw) for shot in shots]
    percentiles = [SteadyRange()(shot.raw) for shot in shots]
    ways = {WAYS[0]: alone, WAYS[1]: percentiles}
    return ways | {
        way: [limits.spread(raw) for raw, limits in _steadied(shots, smooth=smooth)]
        for way, smooth in zip(WAYS[2:], (False, True), strict=True)
    }


def _steadied(shots: list[Shot], *, smooth: bool) -> Iterator[tuple[Map, Limits]]:
    fps = (len(shots) - 1) / (shots[-1].time_s - shots[0].time_s)
    raws = (Raw(None, shot.photo, shot.raw, shot.time_s) for shot in shots)
    for each in stabilize(raws, ahead=round(LOOK_AHEAD_S * fps), smooth=smooth):
        yield each.raw, each.limits


def _spread(raw: Map) -> Map:
    return np.asarray((raw - raw.min()) / max(float(np.ptp(raw)), 1e-12), np.float32)


def _flicker(shots: list[Shot], maps: list[Map]) -> float:
    flicker = Flicker()
    for shot, nearness in zip(shots, maps, strict=True):
        flicker.add(shot.photo, nearness)
    return flicker.mean


def _accuracy(shots: list[Shot]) -> tuple[tuple[tuple[Cell, ...], ...], list[Ratio]]:
    """Measure each way against the lidar: a row each, and what steadiness loses."""
    steady = [_in_range(raw, limits) for raw, limits in _steadied(shots, smooth=False)]
    smooth = [_in_range(raw, limits) for raw, limits in _steadied(shots, smooth=True)]
    ways = {
        WAYS[0]: [_spread(shot.raw) for shot in shots],
        WAYS[1]: [_in_range(shot.raw, SteadyRange().follow(shot.raw)) for shot in shots],
        WAYS[2]: steady,
        WAYS[3]: smooth,
    }
    rows = {way: _scores(shots, maps) for way, maps in ways.items()}
    losses = [
        Ratio(
            what=f"AbsRel, {way} over {WAYS[0]}",
            value=rows[way][0] / rows[WAYS[0]][0],
            bound=NO_WORSE,
        )
        for way in WAYS[2:]
    ]
    return tuple((way, *row) for way, row in rows.items()), losses


def _in_range(raw: Map, limits: Limits) -> Map:
    """What a `SteadyMap` holds."""
    return np.asarray(np.maximum((raw - limits.low) / (limits.high - limits.low), 0), np.float32)


def _scores(shots: list[Shot], maps: list[Map]) -> tuple[float, float, float]:
    points = []
    for shot, own in zip(shots, maps, strict=True):
        if shot.truth is not None:
            valid = shot.truth.valid & (shot.truth.inverse > 1 / CAP_M)
            points.append((resize_map(own, valid.shape)[valid], shot.truth.inverse[valid]))
    errors, shares = zip(*(_errors([each]) for each in points), strict=True)
    return float(np.mean(errors)), float(np.mean(shares)), _errors(points)[0]


def _errors(points: list[tuple[Map, Map]]) -> tuple[float, float]:
    own, inverse = (np.concatenate(side) for side in zip(*points, strict=True))
    depth = align(own, inverse, "midas", CAP_M).depth(own)
    true_depth = np.reciprocal(inverse)
    return abs_rel(depth, true_depth), delta(worst_ratio(depth, true_depth), 1)


def _driven(folder: Path, estimator: Estimator) -> Iterator[Shot]:
    for number, pair in enumerate(open_folder(folder).pairs):
        shot = _shot(pair.read_photo(), number / LIDAR_FPS, estimator)
        yield replace(shot, truth=pair.read_map())


def _filmed(path: Path, estimator: Estimator, most: int) -> Iterator[Shot]:
    for frame in islice(read_clip(path), most):
        yield _shot(frame.image, frame.ticks / TICKS, estimator)


def _shot(photo: Image, time_s: float, estimator: Estimator) -> Shot:
    raw = estimator.session.run(estimator.prepare(photo))[0]
    size = raw.shape[1], raw.shape[0]
    small = np.asarray(cv2.resize(photo, size, interpolation=cv2.INTER_AREA), np.uint8)
    return Shot(small, raw, time_s)


if __name__ == "__main__":
    main()
