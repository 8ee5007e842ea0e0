"""How far a map is off when its JPEG is decoded at less than its full size."""

import tempfile
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks import photos
from benchmarks.cold_start import MODEL
from benchmarks.paired import spread
from benchmarks.result import Ratio, Table, write
from nearfar.estimator import SPARE, Estimator
from nearfar.io.images import ImageFile
from nearfar.loading import load
from nearfar.models.preprocess import target_size

AT_LEAST: Final = (1, 2, 4)
SIZES: Final = (8.0, 9.6, 11.2, 12.8, 14.4)
"""Of the photos, in units of what is fed. A JPEG is decoded at an eighth, a quarter or a half, so
that "what is fed or more" is 1, 1.2, 1.4, 1.6 and 1.8 times that."""

_QUALITY: Final = 90


def main() -> None:
    """Measure and write the result."""
    estimator = load(MODEL, runtime="onnxruntime")
    with tempfile.TemporaryDirectory() as name:
        found = {
            path.stem: [_percent(estimator, path.stem, size, Path(name)) for size in SIZES]
            for path in sorted(photos.EXAMPLES.glob("*.jpg"))
        }
    means = np.mean(list(found.values()), axis=(0, 1))
    write(
        "decode_size",
        title="Decoding a JPEG no larger than needed",
        question="A JPEG can be decoded at an eighth, a quarter or a half of its size, which takes"
        " less time. How far is the map then off from that of the whole photo?",
        data=f"The example photos as JPEGs of quality 90, {SIZES[0]:g} to {SIZES[-1]:g} times as"
        f" large as {MODEL} is fed, so smoother than a camera's.",
        ratios=[
            Ratio(
                what=f"mean over photos and sizes, decoded at {times} times what is fed or more",
                value=float(mean),
                unit=" %",
            )
            for times, mean in zip(AT_LEAST, means, strict=True)
        ],
        tables=[
            Table(
                title="Mean difference of the maps, in percent of the mean deviation of the whole"
                " photo's map, over the sizes",
                columns=("photo", *(f"{times} x or more" for times in AT_LEAST)),
                rows=tuple(
                    (photo, *(spread(column) for column in zip(*percents, strict=True)))
                    for photo, percents in found.items()
                ),
            )
        ],
        notes=(f"nearfar decodes at {SPARE} times what is fed, or more.",),
    )


def off(found: NDArray[np.float32], reference: NDArray[np.float32]) -> float:
    """Mean difference of two maps, in units of the second one's mean deviation."""
    right = reference.astype(np.float64)
    return float(np.abs(found - right).mean() / np.abs(right - right.mean()).mean())


def _percent(estimator: Estimator, name: str, size: float, folder: Path) -> list[float]:
    """Measure one photo at one size, for each of `AT_LEAST`."""
    picture = photos.example(name)
    height_px, width_px, _ = picture.shape
    fed_px = target_size(width_px, height_px, estimator.spec.input)
    whole_px = (round(size * fed_px[0]), round(size * fed_px[1]))
    whole = cv2.resize(picture, whole_px, interpolation=cv2.INTER_CUBIC)
    path = folder / "photo.jpg"
    if not cv2.imwrite(str(path), whole, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY]):
        raise OSError(f"can't write {path}")
    with ImageFile(path) as file:
        reference, *maps = (
            estimator(file.read(at_least_px=px), size_px=fed_px).inverse_depth
            for px in (None, *(times * max(fed_px) for times in AT_LEAST))
        )
    return [100 * off(map_, reference) for map_ in maps]


if __name__ == "__main__":
    main()
