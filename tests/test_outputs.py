"""What is written for a photo, and where."""

from pathlib import Path

import numpy as np
import pytest

from nearfar.config import OutputOptions
from nearfar.depth import DepthMap, read_depth
from nearfar.errors import OutputExistsError, UsageError, WriteError
from nearfar.io.depth_files import FORMATS
from nearfar.io.images import read_image
from nearfar.jobs import Outputs, place

PLAIN = OutputOptions()
ALL = OutputOptions(color=True, side_by_side=True)
PHOTO = Path("trip/cat.jpg")


@pytest.fixture
def depth() -> DepthMap:
    ramp = np.linspace(0, 1, 12, dtype=np.float32)
    return DepthMap(np.repeat(ramp[:, None], 20, axis=1), "fake")


def test_beside_the_photo() -> None:
    assert place(PHOTO, None, PLAIN, many=False) == Outputs(Path("trip/cat-depth.png"))


@pytest.mark.parametrize("name", FORMATS)
def test_format_sets_the_suffix(name: str) -> None:
    outputs = place(PHOTO, None, OutputOptions.of(format=name), many=False)
    assert outputs.depth is not None
    assert outputs.depth.suffix in FORMATS[name].suffixes


def test_folder_keeps_the_tree(tmp_path: Path) -> None:
    outputs = place(PHOTO, tmp_path / "out.d", PLAIN, many=True, folder=Path("day 2"))
    assert outputs.depth == tmp_path / "out.d" / "day 2" / "cat-depth.png"


def test_name_without_suffix_is_a_folder(tmp_path: Path) -> None:
    outputs = place(PHOTO, tmp_path / "out", PLAIN, many=False)
    assert outputs.depth == tmp_path / "out" / "cat-depth.png"


def test_pictures_are_named_after_the_map(tmp_path: Path) -> None:
    outputs = place(PHOTO, tmp_path / "x.exr", ALL, many=False)
    assert [path.name for path in outputs.paths()] == [
        "x.exr",
        "x-depth-color.jpg",
        "x-depth-side.jpg",
    ]


def test_picture_suffix_is_the_colors_alone() -> None:
    assert place(PHOTO, Path("heat.webp"), PLAIN, many=False).paths() == (Path("heat.webp"),)


def test_unknown_suffix_is_refused_unless_the_format_is_said() -> None:
    with pytest.raises(UsageError, match=r"\.exr.*or a format"):
        place(PHOTO, Path("a.xyz"), PLAIN, many=False)
    said = place(PHOTO, Path("a.xyz"), OutputOptions(format="pfm"), many=False)
    assert said.depth == Path("a.xyz")


def test_all_files_are_written(tmp_path: Path, depth: DepthMap) -> None:
    outputs = place(PHOTO, tmp_path / "new" / "x.npz", ALL, many=False)
    photo = np.full((12, 20, 3), 90, np.uint8)
    outputs.write(depth, photo, ALL, overwrite=False)
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == sorted(
        path.name for path in outputs.paths()
    )
    assert read_depth(tmp_path / "new" / "x.npz").size_px == (20, 12)
    assert outputs.color is not None
    assert outputs.side is not None
    assert read_image(outputs.color).shape == (12, 20, 3)
    assert read_image(outputs.side).shape[1] > 40


def test_existing_files_are_kept(tmp_path: Path, depth: DepthMap) -> None:
    outputs = place(PHOTO, tmp_path, ALL, many=False)
    assert outputs.side is not None
    outputs.side.write_bytes(b"mine")
    with pytest.raises(OutputExistsError, match="-side"):
        outputs.refuse_existing()
    outputs.write(depth, np.zeros((12, 20, 3), np.uint8), ALL, overwrite=True)
    assert outputs.side.read_bytes() != b"mine"


def test_folder_that_can_t_be_made_is_told(tmp_path: Path, depth: DepthMap) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(WriteError, match="can't make the folder"):
        Outputs(tmp_path / "file" / "sub" / "x.png").write(depth, None, PLAIN, overwrite=False)
