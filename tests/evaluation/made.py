"""Made-up pictures with a known depth."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from nearfar.datasets import Truth, TruthKind
from nearfar.evaluation.layouts.paired import Dataset, Entry, Sample


def metres(height: int = 24, width: int = 32) -> NDArray[np.float32]:
    """A slope from 8 to 1 m, with a box at 2 m."""
    depth = np.geomspace(8, 1, height)[:, None].repeat(width, 1)
    depth[4:12, 8:20] = 2
    return depth.astype(np.float32)


def truth(
    depth: NDArray[np.float32] | None = None,
    *,
    valid: NDArray[np.bool_] | None = None,
    kind: TruthKind = "depth",
) -> Truth:
    depth = metres() if depth is None else depth
    valid = np.ones(depth.shape, np.bool_) if valid is None else valid
    return Truth(np.where(valid, 1 / depth, 0).astype(np.float32), valid, kind)


def dataset(*truths: Truth, cap_m: float | None = 10.0) -> Dataset:
    """A photo a truth: its grey value is the number of the picture."""

    def entry(index: int, known: Truth) -> Entry:
        photo = np.full((*known.valid.shape, 3), index, np.uint8)
        sample = Sample(photo, known, np.ones(known.valid.shape, np.bool_))
        return Entry(f"p{index}", lambda: sample)

    return Dataset("made", tuple(entry(*it) for it in enumerate(truths)), cap_m)


def write_folder(root: Path, count: int = 3, *, scene: str = "indoor") -> Path:
    """A data set on disk whose photos are the brighter, the nearer."""
    (root / "rgb").mkdir(parents=True)
    (root / "depth").mkdir()
    (root / "dataset.toml").write_text(f'kind = "depth"\nscene = "{scene}"\n')
    for index in range(count):
        depth = np.roll(metres(96, 128), 10 * index, axis=1)
        grey = np.uint8(20) + (200 / depth).astype(np.uint8)
        cv2.imwrite(str(root / "rgb" / f"p{index}.png"), np.repeat(grey[:, :, None], 3, 2))
        write_png16(root / "depth" / f"p{index}.png", depth * 1000)
    return root


def write_png16(path: Path, values: NDArray[np.float32]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.rint(values).astype(np.uint16))


def write_photo(path: Path, height: int = 24, width: int = 32) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.full((height, width, 3), 77, np.uint8))
