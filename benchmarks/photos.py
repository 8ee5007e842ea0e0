"""Photos to measure with, made of the five examples."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from nearfar.io.images import Image

EXAMPLES: Final = Path(__file__).parent.parent / "examples"

_QUALITY: Final = 90
_SEED: Final = 20


def example(name: str = "street") -> Image:
    """Read an example as OpenCV does: (H, W, 3) uint8 BGR."""
    picture = cv2.imread(str(EXAMPLES / f"{name}.jpg"))
    if picture is None:
        raise FileNotFoundError(f"no example photo {name}.jpg")
    return np.asarray(picture, np.uint8)


def photo(path: Path, size_px: tuple[int, int] = (640, 480)) -> Path:
    """Write the street as a JPEG of a size, cut to its aspect."""
    return _write(path, _cut(example(), size_px, (0.5, 0.5), 1.0))


def many(folder: Path, count: int) -> list[Path]:
    """Write different photos of 640 x 480: random cuts of the examples, half of them mirrored."""
    random = np.random.default_rng(_SEED)
    sources = [example(path.stem) for path in sorted(EXAMPLES.glob("*.jpg"))]
    folder.mkdir(parents=True, exist_ok=True)

    def pictures() -> Iterator[Image]:
        for index in range(count):
            source = sources[index % len(sources)]
            where = (float(random.random()), float(random.random()))
            cut = _cut(source, (640, 480), where, float(random.uniform(0.6, 1.0)))
            yield cut[:, ::-1] if random.random() < 0.5 else cut

    return [_write(folder / f"{i:04d}.jpg", picture) for i, picture in enumerate(pictures())]


def _cut(source: Image, size_px: tuple[int, int], where: tuple[float, float], part: float) -> Image:
    """Cut a window of the aspect of `size_px`, `part` of the largest, and resize it."""
    height_px, width_px = source.shape[:2]
    scale = part * min(width_px / size_px[0], height_px / size_px[1])
    cut_px = round(size_px[0] * scale), round(size_px[1] * scale)
    left, top = int(where[0] * (width_px - cut_px[0])), int(where[1] * (height_px - cut_px[1]))
    window = source[top : top + cut_px[1], left : left + cut_px[0]]
    shrinks = scale > 1
    kind = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(window, size_px, interpolation=kind), np.uint8)


def _write(path: Path, picture: Image) -> Path:
    if not cv2.imwrite(str(path), picture, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY]):
        raise OSError(f"can't write {path}")
    return path
