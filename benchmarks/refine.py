"""Whether `--refine` helps edges: plain enlargement against the guided filter, on measured depth.

The data is yours to bring: a folder with `rgb/*.jpg`, `depth/*.png` of the same stem and size
(uint16, 0 = no value) and a `dataset.toml` with `kind = "depth"`, `"inverse"` or `"disparity"`.
"""

import argparse
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.cold_start import MODEL
from benchmarks.result import Cell, Ratio, Table, write
from nearfar.config import EstimateOptions
from nearfar.estimator import Estimator
from nearfar.io.images import read_image
from nearfar.loading import load

Map: TypeAlias = NDArray[np.float64]
Mask: TypeAlias = NDArray[np.bool_]

EDGE_RATIO: Final = 1.2
EDGE_PX: Final = 4
BOUNDARY_RATIOS: Final = tuple(np.linspace(1.05, 1.25, 10))
TOLERANCE_PX: Final = 2

ABSREL_NOTE: Final = (
    "AbsRel is taken after a least-squares scale and shift in inverse depth over all pixels with"
    f" a value; near edges means within {EDGE_PX} px, where the truth's inverse depth varies by"
    f" more than {EDGE_RATIO} times."
)
F1_NOTE: Final = (
    "Boundary F1 is Depth Pro's (Bochkovskii et al., 2024): neighbours whose depths differ by more"
    f" than 1.05 to 1.25 times, the larger ratios weighing more; within {TOLERANCE_PX} px. A map"
    " that is only enlarged is so smooth that neighbours hardly ever differ that much."
)
STEREO_NOTE: Final = (
    "Sets of stereo disparity know no absolute depth: there AbsRel and F1 compare disparities."
)

COLUMNS: Final = ("AbsRel", "AbsRel near edges", "boundary F1")
_KIND = re.compile(r'^kind\s*=\s*"(depth|inverse|disparity)"', re.MULTILINE)


def main() -> None:
    """Measure and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, nargs="+", required=True, metavar="FOLDER")
    folders: list[Path] = parser.parse_args().data
    plain = load(MODEL, runtime="onnxruntime")
    refined = Estimator(plain.spec, plain.session, EstimateOptions(refine=True))
    rows: list[tuple[Cell, ...]] = []
    ratios: list[Ratio] = []
    for folder in folders:
        scores = np.array(
            [
                [score(way(photo).inverse_depth, truth) for way in (plain, refined)]
                for photo, truth in _pairs(folder)
            ]
        )
        means = np.nanmean(scores, axis=0)
        for name, row in zip(("plain", "refined"), means, strict=True):
            rows.append((folder.name, len(scores), name, *map(float, row)))
        ratios += _compared(folder.name, *means)
    write(
        "refine",
        title="Whether `--refine` helps edges",
        question="Is a map carried to the photo's size by the guided filter nearer to the truth"
        " at the edges than one that is only enlarged?",
        data=f"Measured depth, {MODEL}, photos at full size. Sets:"
        f" {', '.join(folder.name for folder in folders)}.",
        arguments="--data FOLDER [FOLDER ...]",
        ratios=ratios,
        tables=[
            Table(
                title="Means over photos (AbsRel: less is better; F1: more)",
                columns=("set", "photos", "way", *COLUMNS),
                rows=tuple(rows),
            )
        ],
        notes=(ABSREL_NOTE, F1_NOTE, STEREO_NOTE),
    )


def _compared(name: str, plain: Map, refined: Map) -> list[Ratio]:
    """Compare the means; of F1 by difference, because a smooth map has hardly any boundary."""
    *errors, f1 = COLUMNS
    ratios = [
        Ratio(what=f"{error}, refined over plain, {name}", value=float(new / old))
        for error, old, new in zip(errors, plain[:-1], refined[:-1], strict=True)
    ]
    less = Ratio(what=f"{f1}, refined less plain, {name}", value=float(refined[-1] - plain[-1]))
    return [*ratios, less]


def _pairs(folder: Path) -> Iterator[tuple[NDArray[np.uint8], Map]]:
    """Give each photo with its true inverse depth, 0 where there is none."""
    kind = _KIND.search((folder / "dataset.toml").read_text(encoding="utf-8"))
    if kind is None:
        raise ValueError(f'{folder.name}/dataset.toml says no kind = "depth", "inverse" ...')
    for path in sorted((folder / "depth").glob("*.png")):
        stored = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        photo = read_image(folder / "rgb" / f"{path.stem}.jpg")
        if stored is None or stored.shape != photo.shape[:2]:
            raise ValueError(f"{path.name} is not a map of its photo's size")
        truth = np.asarray(stored, np.float64)
        if kind[1] == "depth":
            truth = np.divide(1, truth, out=np.zeros_like(truth), where=truth > 0)
        yield photo, truth


def score(estimate: NDArray[np.float32], truth: Map) -> tuple[float, float, float]:
    """Score one map.

    Args:
        estimate: (H, W) inverse depth, scale and shift unknown.
        truth: (H, W) inverse depth, 0 = no value.

    Returns:
        AbsRel, AbsRel near edges, boundary F1; NaN where the truth has no such pixel.
    """
    valid = truth > 0
    aligned = align(estimate.astype(np.float64), truth, valid)
    errors = np.abs(truth / aligned - 1)  # of depth, relative to the true one
    near_edge = valid & edges(truth, valid)
    edge_error = float(errors[near_edge].mean()) if near_edge.any() else float("nan")
    return float(errors[valid].mean()), edge_error, boundary_f1(aligned, truth, valid)


def align(estimate: Map, truth: Map, valid: Mask) -> Map:
    """Fit scale and shift over the valid pixels; nothing lies beyond the truth's farthest."""
    columns = np.stack([estimate[valid], np.ones(np.count_nonzero(valid))], axis=1)
    (scale, shift), *_ = np.linalg.lstsq(columns, truth[valid])
    aligned: Map = np.maximum(estimate * scale + shift, truth[valid].min())
    return aligned


def edges(truth: Map, valid: Mask) -> Mask:
    """Mark the pixels in whose window the truth varies by more than `EDGE_RATIO` times."""
    window = np.ones((2 * EDGE_PX + 1,) * 2, np.uint8)
    nearest = cv2.dilate(np.where(valid, truth, 0.0), window)
    farthest = cv2.erode(np.where(valid, truth, truth.max() * 2), window)
    return np.asarray(nearest > EDGE_RATIO * farthest, np.bool_)


def boundary_f1(estimate: Map, truth: Map, valid: Mask) -> float:
    """Weighted mean over the ratios of the F1 of occluding edges; NaN without a true edge.

    Each of the four directions to a neighbour counts by itself, so that near and far must be
    on their right sides.
    """
    scores, weights = [], []
    for ratio in BOUNDARY_RATIOS:
        found = true = found_right = true_found = 0
        for seen, there in zip(
            _occlusions(estimate, valid, ratio), _occlusions(truth, valid, ratio), strict=True
        ):
            found += np.count_nonzero(seen)
            true += np.count_nonzero(there)
            found_right += np.count_nonzero(seen & _widened(there))
            true_found += np.count_nonzero(there & _widened(seen))
        if true:
            precision = found_right / found if found else 0.0
            recall = true_found / true
            both = precision + recall
            scores.append(2 * precision * recall / both if both else 0.0)
            weights.append(ratio)
    return float(np.average(scores, weights=weights)) if scores else float("nan")


def _occlusions(inverse: Map, valid: Mask, ratio: float) -> Iterator[Mask]:
    """For each direction, mark the pixels that lie that much nearer than the neighbour there."""
    for axis in (0, 1):
        one = [slice(None), slice(None)]
        other = [slice(None), slice(None)]
        one[axis], other[axis] = slice(1, None), slice(None, -1)
        first, second = inverse[tuple(one)], inverse[tuple(other)]
        both = valid[tuple(one)] & valid[tuple(other)]
        yield both & (first > ratio * second)
        yield both & (second > ratio * first)


def _widened(mask: Mask) -> Mask:
    window = np.ones((2 * TOLERANCE_PX + 1,) * 2, np.uint8)
    return np.asarray(cv2.dilate(mask.astype(np.uint8), window) > 0, np.bool_)


if __name__ == "__main__":
    main()
