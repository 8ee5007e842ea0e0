"""Open a data set, of whatever layout."""

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
    """One layout: whether a path has it, how it is opened, and whether it has an Eigen crop."""

    fits: Callable[[Path], bool]
    read: Callable[[Path, CropName], Dataset]
    has_eigen_crop: bool


READERS: Final[Mapping[str, Reader]] = MappingProxyType(
    {
        "folder": Reader(paired.fits, paired.read, False),
        "diw": Reader(diw.fits, diw.read, False),
        "middlebury": Reader(middlebury.fits, middlebury.read, False),
        "kitti": Reader(kitti.fits, kitti.read, True),
        "nyu": Reader(nyu.fits, nyu.read, True),
    }
)
"""Every layout by name; `auto` takes the first that fits, the cheapest to tell first."""


def open_dataset(
    path: Path,
    *,
    reader: ReaderName = "auto",
    crop: CropName | None = None,
    protocol: ProtocolName = "midas",
) -> Dataset:
    """Open a data set; no picture is read yet.

    Args:
        path: a folder, or a list or .mat file.
        reader: its layout; recognised when `auto`.
        crop: the part of the pictures that counts. When not given, what the evaluation looked
            at that was published with the protocol: the whole picture for `midas`, the Eigen
            crop of NYU and KITTI for `affine`.
        protocol: see `nearfar.evaluation.protocols`.

    Raises:
        DatasetError: nothing there, or of no layout known here.
        MissingExtraError: NYU's .mat without h5py.
    """
    if not path.exists():
        raise DatasetError(f"{path}: no such file or folder")
    name = reader if reader != "auto" else _recognise(path)
    row = READERS[name]
    if crop is None:
        crop = "eigen" if protocol == "affine" and row.has_eigen_crop else "none"
    try:
        return row.read(path, crop)
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path}: can't be read: {error}") from error


def _recognise(path: Path) -> str:
    for name, row in READERS.items():
        if row.fits(path):
            return name
    raise DatasetError(
        f"{path}: no data set known here: give a folder with dataset.toml, rgb/ and depth/, or"
        " NYU Depth v2, KITTI, Middlebury or Depth in the Wild as published"
    )
