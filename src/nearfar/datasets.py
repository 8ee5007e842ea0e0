"""Data sets for training and evaluation: photos with depth ground truth.

Ground truth is a map of values, or ordinal: regions with known order (`layers`), or pairs of points
of which one is nearer (`pairs`). People can label order, but not distances.
"""

import csv
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from nearfar.config import Options, option
from nearfar.errors import DatasetError, NearfarError
from nearfar.io.depth_files import read_samples
from nearfar.io.images import IMAGE_SUFFIXES, Image, ImageFile, read_image

TruthKind = Literal["depth", "inverse", "disparity", "layers", "pairs"]

DESCRIPTION: Final = "dataset.toml"
RANGES: Final = "ranges.csv"
"""File of `layers`: columns name, region, near, far; one line per region, in any unit."""
POINTS: Final = "pairs.csv"
"""File of `pairs`: columns name, x_near, y_near, x_far, y_far; one line per pair, in pixels."""

MAX_REGION: Final = 65_535
_DEPTH_SUFFIXES: Final = (".png", ".exr", ".pfm", ".npy", ".npz", ".tiff", ".tif")
_M_PER_MM: Final = 0.001
_MIN_INVERSE, _MAX_INVERSE = 1e-15, 1e15
"""Inverse depth outside these is invalid, because its square may overflow or underflow float32."""


@dataclass(frozen=True)
class DatasetInfo(Options):
    """Description of the ground truth in `dataset.toml`."""

    kind: TruthKind = option(
        "depth: distances. inverse: 1/distance up to a scale. disparity: 1/distance up to a scale"
        " and an offset. For both of these, larger is nearer. layers: regions and the range of"
        " distances of each. pairs: pairs of points, the nearer one first."
    )
    unit: str = option("Unit of depth: mm or m. For other kinds, only a remark.", "mm")
    scale: float = option("Factor that converts a stored value to the unit.", 1.0, gt=0, lt=1e30)
    invalid: float | None = option("Stored value of unknown pixels.", 0)
    max_depth_m: float | None = option("Depth beyond this is treated as unknown.", None, gt=0)
    sharp: bool = option(
        "Whether borders are exact to a pixel or two, so that edges can be learned from them.",
        default=False,
    )
    split: str | None = option("File with one name per line; only these are used.", None)
    scene: str = option("indoor, driving, objects ...; used in reports.", "")
    note: str = option("Origin and license terms.", "")


@dataclass(frozen=True, eq=False)
class Truth:
    """Ground truth as a map of values.

    Attributes:
        inverse: (H, W) float32 inverse depth or disparity, larger = nearer, 0 where not known;
            in 1/metres if `kind` is depth.
        valid: (H, W) bool, where it is known.
        kind: whether scale and offset are known.
    """

    inverse: NDArray[np.float32]
    valid: NDArray[np.bool_]
    kind: TruthKind


@dataclass(frozen=True, eq=False)
class Layers:
    """Ground truth as regions with known order in depth.

    Attributes:
        regions: (H, W) uint16, the number of each pixel's region, 0 for none.
        order: (R, 2) int64: all of the first region is nearer than all of the second.
    """

    regions: NDArray[np.uint16]
    order: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class PointPairs:
    """Ground truth as pairs of points with known order in depth.

    Attributes:
        nearer: (N, 2) int64, x and y in pixels of the photo.
        farther: (N, 2) int64, likewise.
    """

    nearer: NDArray[np.int64]
    farther: NDArray[np.int64]


AnyTruth = Truth | Layers | PointPairs


@dataclass(frozen=True)
class Pair:
    """A photo and its ground truth, not read yet.

    Attributes:
        photo: file of the photo.
        depth: file of the ground truth; for `pairs` the list of all points.
        info: the data set's description.
        labels: this photo's lines of `ranges.csv` (region, near, far) or `pairs.csv`
            (x_near, y_near, x_far, y_far).
    """

    photo: Path
    depth: Path
    info: DatasetInfo
    labels: tuple[tuple[float, ...], ...] = ()

    def read_photo(self) -> Image:
        """Read the photo: (H, W, 3) uint8 RGB."""
        return read_image(self.photo)

    def read_truth(self) -> AnyTruth:
        """Read ground truth of any kind.

        Raises:
            DepthFileError: the file can't be read.
            DatasetError: no value is known, or the file contains another kind.
        """
        if self.info.kind == "pairs":
            points = np.array(self.labels, np.int64)
            return PointPairs(points[:, :2], points[:, 2:])
        if self.info.kind == "layers":
            return self._read_layers()
        return self.read_map()

    def _read_layers(self) -> Layers:
        stored, _ = read_samples(self.depth)
        if not ((stored >= 0) & (stored <= MAX_REGION) & (stored == np.floor(stored))).all():
            raise DatasetError(
                f"{self.depth}: region numbers must be integers from 0 to {MAX_REGION}"
            )
        regions = stored.astype(np.uint16)
        order = order_of_ranges(self.labels)
        present = np.isin(order, np.unique(regions)).all(axis=1)
        if not present.any():
            raise DatasetError(f"{self.depth}: no two regions have an order: leave this one out")
        return Layers(regions, order[present])

    def read_map(self) -> Truth:
        """Read ground truth that is a map of values.

        Raises:
            DepthFileError: the file can't be read.
            DatasetError: no value is known, or the ground truth is ordinal.
        """
        if self.info.kind in {"layers", "pairs"}:
            raise DatasetError(f"{self.depth}: {self.info.kind} have an order and no values")
        stored, declared = read_samples(self.depth)
        if declared is not None and (declared == "metres") != (self.info.kind == "depth"):
            raise DatasetError(
                f"{self.depth}: it contains {declared}, but {DESCRIPTION} says {self.info.kind}:"
                " correct one of them"
            )
        with np.errstate(all="ignore"):  # `truth_of` checks for what float32 can't represent
            valid, values = self._inverse(stored, declared)
        return truth_of(values, valid, self.info.kind, str(self.depth))

    def _inverse(
        self, stored: NDArray[Any], declared: str | None
    ) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
        valid = np.isfinite(stored) & (stored > 0)
        if self.info.invalid is not None:
            valid &= stored != self.info.invalid
        values = np.where(valid, stored, 1).astype(np.float32)
        if declared is None:
            values *= np.float32(self.info.scale)
        if self.info.kind == "depth":
            if declared is None and self.info.unit == "mm":
                values *= np.float32(_M_PER_MM)
            if self.info.max_depth_m is not None:
                valid &= values <= self.info.max_depth_m
            np.reciprocal(values, out=values)
        return valid, values

    def read(self) -> tuple[Image, AnyTruth]:
        """Read photo and ground truth, and check that their sizes match.

        Raises:
            NearfarError: one can't be read, or no value is known.
            DatasetError: see `photo_of`.
        """
        truth = self.read_truth()
        return photo_of(self.photo, truth, str(self.depth)), truth


def truth_of(
    inverse: NDArray[np.float32], valid: NDArray[np.bool_], kind: TruthKind, where: str
) -> Truth:
    """Create ground truth from an array, and mark implausible values as unknown.

    Args:
        inverse: (H, W) float32, larger = nearer; any values where not valid.
        valid: (H, W) bool.
        kind: whether scale and offset are known.
        where: the file, for the error message.

    Raises:
        DatasetError: no value is known.
    """
    valid = valid & (inverse > _MIN_INVERSE) & (inverse < _MAX_INVERSE)
    if not valid.any():
        raise DatasetError(f"{where}: no pixel has a value: remove this pair")
    return Truth(np.where(valid, inverse, 0).astype(np.float32), valid, kind)


def photo_of(path: Path, truth: AnyTruth, where: str) -> Image:
    """Read the photo of ground truth: (H, W, 3) uint8 RGB, of the same size.

    Raises:
        NearfarError: it can't be read.
        DatasetError: it has another size, or a point is outside of it; or it has an EXIF
            orientation, and it is unknown whether the ground truth is rotated, too.
    """
    with ImageFile(path) as file:
        orientation = file.orientation
        size = (file.height_px, file.width_px)
        if isinstance(truth, PointPairs):
            wanted, is_rotated = size, False
            points = np.concatenate((truth.nearer, truth.farther))
            if (points < 0).any() or (points >= size[::-1]).any():
                raise DatasetError(
                    f"{path}: a point of {POINTS} is outside of its {size[1]} x {size[0]} pixels"
                )
        else:
            wanted = (truth.regions if isinstance(truth, Layers) else truth.inverse).shape
            is_rotated = size == wanted and size != size[::-1] and orientation >= 5
        if orientation != 1 and not is_rotated and wanted in (size, size[::-1]):
            unknown = f"{where} is not rotated"
            if size == wanted:
                unknown = f"it is unknown whether {where} is rotated"
            raise DatasetError(
                f"{path}: its EXIF orientation is {orientation}, and {unknown}: store the photo"
                " upright, without that tag, and its depth likewise"
            )
        if size != wanted:
            raise DatasetError(
                f"{where}: {wanted[1]} x {wanted[0]}, but its photo is {size[1]} x {size[0]}:"
                " make them the same size"
            )
        return file.read()


@dataclass(frozen=True)
class PairFolder:
    """A data set: `rgb/NAME.jpg`, `depth/NAME.png` and `dataset.toml`.

    Attributes:
        root: the folder.
        info: its description.
        pairs: sorted by name.
        bad: a sentence about each photo without ground truth.
    """

    root: Path
    info: DatasetInfo
    pairs: tuple[Pair, ...]
    bad: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.root.name


def open_folder(root: Path) -> PairFolder:
    """List the pairs of a data set; no image is read.

    Raises:
        DatasetError: there is no `dataset.toml`, it is invalid, or there is no pair.
    """
    info = _read_description(root / DESCRIPTION)
    if info.kind == "pairs":
        return _open_points(root, info)
    ranges = _read_table(root / RANGES, _RANGE_COLUMNS) if info.kind == "layers" else {}
    truths = {
        path.stem: path for path in _files(root / "depth") if path.suffix.lower() in _DEPTH_SUFFIXES
    }
    wanted = _read_split(root / info.split) if info.split else None
    pairs, bad = [], []
    for photo in _files(root / "rgb"):
        if photo.suffix.lower() not in IMAGE_SUFFIXES or (wanted and photo.stem not in wanted):
            continue
        if depth := truths.get(photo.stem):
            if info.kind == "layers" and photo.stem not in ranges:
                bad.append(f"{photo}: no line in {RANGES}")
            else:
                pairs.append(Pair(photo, depth, info, ranges.get(photo.stem, ())))
        else:
            bad.append(f"{photo}: no depth file of this name")
    if not pairs:
        raise DatasetError(f"{root}: no pair rgb/NAME.jpg and depth/NAME.png")
    return PairFolder(root, info, tuple(pairs), tuple(bad))


def order_of_ranges(ranges: Sequence[tuple[float, ...]]) -> NDArray[np.int64]:
    """Return the pairs of regions whose ranges of distance do not overlap.

    Args:
        ranges: (region, near, far) of each region.

    Returns:
        (R, 2) int64, the nearer region first.
    """
    found = [
        (int(one), int(other)) for one, _, far in ranges for other, near, _ in ranges if far < near
    ]
    return np.array(found, np.int64).reshape(-1, 2)


_RANGE_COLUMNS: Final = ("region", "near", "far")
_POINT_COLUMNS: Final = ("x_near", "y_near", "x_far", "y_far")


def _open_points(root: Path, info: DatasetInfo) -> PairFolder:
    table = _read_table(root / POINTS, _POINT_COLUMNS)
    wanted = _read_split(root / info.split) if info.split else None
    photos = {
        path.stem: path for path in _files(root / "rgb") if path.suffix.lower() in IMAGE_SUFFIXES
    }
    names = [name for name in sorted(photos) if wanted is None or name in wanted]
    pairs = [Pair(photos[n], root / POINTS, info, table[n]) for n in names if n in table]
    bad = [f"{photos[name]}: no line in {POINTS}" for name in names if name not in table]
    if not pairs:
        raise DatasetError(f"{root}: no photo rgb/NAME.jpg has a line in {POINTS}")
    return PairFolder(root, info, tuple(pairs), tuple(bad))


def _read_table(
    path: Path, columns: tuple[str, ...]
) -> Mapping[str, tuple[tuple[float, ...], ...]]:
    """Read a CSV file with a column `name` and numeric columns; return its rows by name."""
    rows: dict[str, list[tuple[float, ...]]] = defaultdict(list)
    try:
        with path.open(encoding="utf-8", newline="") as file:
            for line in csv.DictReader(file):
                rows[line["name"]].append(tuple(_finite(line[column]) for column in columns))
    except OSError as error:
        raise DatasetError(f"{path} is needed: {error.strerror}") from error
    except (KeyError, TypeError, ValueError, csv.Error) as error:
        raise DatasetError(
            f"{path}: can't be read ({error}): the first line must be"
            f" name,{','.join(columns)}, and the lines below it numbers"
        ) from error
    return {name: tuple(each) for name, each in rows.items()}


def _finite(text: str) -> float:
    number = float(text)
    if not np.isfinite(number):
        raise ValueError(f"{text} is not a finite number")
    return number


def _read_description(path: Path) -> DatasetInfo:
    try:
        content = _parse_toml(path.read_text("utf-8"))
    except OSError as error:
        raise DatasetError(
            f'{path} is needed: write kind = "depth", "inverse", "disparity", "layers" or'
            ' "pairs" into it'
        ) from error
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"{path} is not valid TOML: {error}") from error
    try:
        info = DatasetInfo.of(**content)
    except NearfarError as error:
        raise DatasetError(f"{path}: {error}") from error
    if info.kind == "depth" and info.unit not in {"mm", "m"}:
        raise DatasetError(
            f"{path}: unit must be mm or m, not {info.unit!r}: convert others with scale"
        )
    return info


def _parse_toml(text: str) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    content: dict[str, Any] = tomllib.loads(text)
    return content


def _files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _read_split(path: Path) -> set[str]:
    try:
        return {Path(line.strip()).stem for line in path.read_text("utf-8").splitlines() if line}
    except (OSError, ValueError) as error:  # ValueError: not UTF-8, or a name with a NUL
        raise DatasetError(f"{path}: the split can't be read: {error}") from error


BORDER_PX: Final = (2, 6)
"""Smallest and largest distance of the two pixels of a pair across a border."""

_DIRECTIONS: Final = ((1, 0), (0, 1), (1, 1), (-1, 1))


def draw_pairs(
    regions: NDArray[np.uint16],
    order: NDArray[np.int64],
    count: int,
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Draw pairs of pixels whose order is known.

    Half of them are across a border of two ordered regions, at a distance of `BORDER_PX`; the
    others are anywhere in two ordered regions, with equal probability for each pair of regions.
    Without such borders, all are of the second kind.

    Args:
        regions: (H, W).
        order: (R, 2), the nearer region first.
        count: number of pairs.
        rng: random generator.

    Returns:
        (count, 2) indices into the flattened image, the nearer first; (0, 2) if no regions are
        ordered.
    """
    flat = regions.ravel()
    by_region = np.argsort(flat, kind="stable")
    starts = np.searchsorted(flat, np.arange(int(order.max(initial=0)) + 2), sorter=by_region)
    sizes = np.diff(starts)
    present = order[(sizes[order] > 0).all(axis=1)] if len(order) else order
    if not len(present):
        return np.zeros((0, 2), np.int64)
    across = _across_borders(regions, present, count // 2, rng)
    chosen = present[rng.integers(len(present), size=count - len(across))]
    within = (rng.random(chosen.shape) * sizes[chosen]).astype(np.int64)
    anywhere = by_region[starts[chosen] + within]
    return np.concatenate((across, anywhere)).astype(np.int64)


def _across_borders(
    regions: NDArray[np.uint16], order: NDArray[np.int64], count: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return up to `count` pairs of indices, the nearer first."""
    height_px, width_px = regions.shape
    top = int(max(order.max(), regions.max())) + 1
    is_nearer = np.zeros((top, top), np.bool_)
    is_nearer[order[:, 0], order[:, 1]] = True
    indices = np.arange(regions.size).reshape(regions.shape)
    found = []
    for right, down in _DIRECTIONS:
        distance = int(rng.integers(BORDER_PX[0], BORDER_PX[1] + 1))
        if distance >= min(height_px, width_px):
            continue
        x, y = right * distance, down * distance
        one = np.s_[: height_px - y, max(0, -x) : width_px - max(0, x)]
        other = np.s_[y:, max(0, x) : width_px + min(0, x)]
        a, b = regions[one], regions[other]
        differs = a != b
        a, b = a[differs], b[differs]
        pa, pb = indices[one][differs], indices[other][differs]
        forward, backward = is_nearer[a, b], is_nearer[b, a]
        found.append(np.stack((pa[forward], pb[forward]), axis=1))
        found.append(np.stack((pb[backward], pa[backward]), axis=1))
    pairs = np.concatenate(found) if found else np.zeros((0, 2), np.int64)
    if not len(pairs):
        return pairs
    return pairs[rng.integers(len(pairs), size=count)]
