"""Open a data set of any supported layout."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

from nearfar.errors import DatasetError
from nearfar.evaluation.layouts import diw, kitti, middlebury, nyu, paired
from nearfar.evaluation.layouts.paired import Dataset
from nearfar.evaluation.protocols import CropName, ProtocolName

ReaderName = Literal["auto", "folder", "nyu", "kitti", "middlebury", "diw"]


class Reader(NamedTuple):
    """One layout: how it is recognized and opened, and whether it has an Eigen crop."""

    matches: Callable[[Path], bool]
    read: Callable[[Path, CropName], Dataset]
    has_eigen_crop: bool


READERS: Final[Mapping[str, Reader]] = MappingProxyType(
    {
        "folder": Reader(paired.matches, paired.read, False),
        "diw": Reader(diw.matches, diw.read, False),
        "middlebury": Reader(middlebury.matches, middlebury.read, False),
        "kitti": Reader(kitti.matches, kitti.read, True),
        "nyu": Reader(nyu.matches, nyu.read, True),
    }
)
"""Every layout by name; `auto` uses the first that matches, the cheapest checks first."""


def open_dataset(
    path: Path,
    *,
    reader: ReaderName = "auto",
    crop: CropName | None = None,
    protocol: ProtocolName = "midas",
) -> Dataset:
    """Open a data set; no image is read yet.

    Args:
        path: a folder, or a list or .mat file.
        reader: its layout; recognized automatically if `auto`.
        crop: the part of the images that is evaluated. If None, the one that was published with
            the protocol: the whole image for `midas`, the Eigen crop of NYU and KITTI for
            `affine`.
        protocol: see `nearfar.evaluation.protocols`.

    Raises:
        DatasetError: the path does not exist, or its layout is unknown.
        MissingExtraError: h5py is not installed, which NYU's .mat file needs.
    """
    if not path.exists():
        raise DatasetError(f"{path}: no such file or folder")
    name = reader if reader != "auto" else _recognize(path)
    row = READERS[name]
    if crop is None:
        crop = "eigen" if protocol == "affine" and row.has_eigen_crop else "none"
    try:
        return row.read(path, crop)
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path}: can't be read: {error}") from error


def _recognize(path: Path) -> str:
    for name, row in READERS.items():
        if row.matches(path):
            return name
    raise DatasetError(
        f"{path}: no known data set: use a folder with dataset.toml, rgb/ and depth/, or"
        " NYU Depth v2, KITTI, Middlebury or Depth in the Wild as published"
    )
