"""What is malformed is told, a sentence each; nothing of it is measured, nothing ends the run."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from nearfar.errors import DatasetError
from nearfar.evaluation.layouts.detect import open_dataset
from nearfar.evaluation.runner import score_network
from nearfar.io.depth_codecs import encode_pfm
from nearfar.io.images import Image
from tests.evaluation.made import metres, write_folder, write_photo, write_png16

MAT = "nyu_depth_v2_labeled.mat"
PHOTOS = np.full((3, 3, 32, 24), 9, np.uint8)
DEPTHS = np.stack([metres().T] * 3)
CALIBRATION = "cam0=[1000 0 16; 0 1000 12; 0 0 1]\ndoffs=5\nbaseline=200\n"


def predict(photo: Image) -> NDArray[np.float32]:
    grey: NDArray[np.float32] = photo.mean(axis=2, dtype=np.float32)
    grey += np.linspace(0, 1, len(grey), dtype=np.float32)[:, None]
    return grey


def told(path: Path) -> str:
    """What is said of a set of which nothing can be measured."""
    try:
        scores = score_network(predict, open_dataset(path))
    except DatasetError as error:
        return str(error)
    assert scores.pictures == ()
    (sentence,) = set(scores.failed)
    return sentence


def nyu(folder: Path, **arrays: Any) -> None:
    h5py, scipy_io = pytest.importorskip("h5py"), pytest.importorskip("scipy.io")
    with h5py.File(folder / MAT, "w") as file:
        for name, values in arrays.items():
            if values is not None:
                file[name] = values
    scipy_io.savemat(folder / "splits.mat", {"testNdxs": np.array([2])})


@pytest.mark.parametrize(
    ("arrays", "why"),
    [
        ({"images": None}, "not the labeled set"),
        ({"images": np.float32(3)}, "are not"),
        ({"images": PHOTOS[:, 0]}, "are not"),
        ({"images": PHOTOS[:, :1]}, "are not"),
        ({"images": PHOTOS[:0], "rawDepths": DEPTHS[:0]}, "its indices"),
        ({"images": PHOTOS.astype(np.float32)}, "must be uint8"),
        ({"images": np.array([b"a", b"b"])}, "are not"),
        ({"rawDepths": np.float32(2)}, "are not"),
        ({"rawDepths": DEPTHS[0, 0]}, "are not"),
        ({"rawDepths": DEPTHS[:1]}, "are not"),
        ({"rawDepths": DEPTHS[:, :16]}, "are not"),
        ({"rawDepths": DEPTHS.transpose(0, 2, 1)}, "are not"),
        ({"rawDepths": DEPTHS.astype(complex)}, "rawDepths floats"),
        ({"rawDepths": np.full(DEPTHS.shape, b"abc")}, "rawDepths floats"),
        ({"rawDepths": DEPTHS * np.nan}, "no pixel has a value"),
        ({"rawDepths": np.full_like(DEPTHS, 1e-44)}, "no pixel has a value"),
    ],
)
def test_nyu_of_other_content(tmp_path: Path, arrays: dict[str, Any], why: str) -> None:
    nyu(tmp_path, **({"images": PHOTOS, "rawDepths": DEPTHS} | arrays))
    assert why in told(tmp_path)


def test_nyu_with_a_group_for_an_array(tmp_path: Path) -> None:
    nyu(tmp_path, images=PHOTOS)
    with pytest.importorskip("h5py").File(tmp_path / MAT, "a") as file:
        file.create_group("rawDepths")
    assert "not the labeled set" in told(tmp_path)


@pytest.mark.parametrize("content", [b"", b"junk" * 99])
def test_nyu_files_that_are_none(tmp_path: Path, content: bytes) -> None:
    nyu(tmp_path, images=PHOTOS, rawDepths=DEPTHS)
    (tmp_path / "splits.mat").write_bytes(content)
    assert "not a MATLAB file" in told(tmp_path)
    nyu(tmp_path, images=PHOTOS, rawDepths=DEPTHS)
    (tmp_path / MAT).write_bytes(content)
    assert "not the labeled set" in told(tmp_path)


@pytest.mark.parametrize("numbers", [[0], [4], [1.5], [np.nan], [1e300], [], "text"])
def test_splits_of_nyu_that_are_none(tmp_path: Path, numbers: Any) -> None:
    nyu(tmp_path, images=PHOTOS, rawDepths=DEPTHS)
    pytest.importorskip("scipy.io").savemat(tmp_path / "splits.mat", {"testNdxs": numbers})
    assert "splits.mat: " in told(tmp_path)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("a.png", "line 1: write a photo"),
        (". .", "can't read"),
        ("a.png .", "can't read"),
        ("a\0.png d.png", "embedded null"),
        ("x.png d.png", "x.png"),
        ("a" * 300 + " d.png", "File name too long"),
        ("a.png a.png", "in color"),
        ("small.png d.png", "32 x 24, but its photo is 16 x 12"),
        ("", "no photo of KITTI"),
    ],
)
def test_lists_of_kitti(tmp_path: Path, line: str, why: str) -> None:
    write_photo(tmp_path / "a.png")
    write_photo(tmp_path / "small.png", 12, 16)
    write_png16(tmp_path / "d.png", metres() * 256)
    (tmp_path / "list.txt").write_text(f"{line}\n")
    assert why in told(tmp_path / "list.txt")


def test_list_that_begins_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    write_photo(tmp_path / "a.png")
    write_png16(tmp_path / "d.png", metres() * 256)
    (tmp_path / "list.txt").write_text("a.png d.png\n", "utf-8-sig")
    assert len(score_network(predict, open_dataset(tmp_path / "list.txt")).pictures) == 1


def scene(path: Path, calibration: str, disparity: NDArray[np.float32]) -> None:
    write_photo(path / "im0.png")
    (path / "disp0.pfm").write_bytes(encode_pfm(disparity, {}))
    (path / "calib.txt").write_text(calibration)


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        ("=200", "=0", "must be above 0"),
        ("=200", "=-200", "must be above 0"),
        ("[1000", "[0", "must be above 0"),
        ("[1000", "[-1000", "must be above 0"),
        ("=200", "=-.-", "not a number"),
        ("=200", "=e", "not a number"),
        ("=200", "=+-1", "not a number"),
        ("=200", "=1e999", "no pixel has a value"),
        ("=200", "=1e300", "no pixel has a value"),
        ("=200", "=1e-300", "no pixel has a value"),
        ("doffs=5", "doffs=1e999", "no pixel has a value"),
        ("doffs=5", "doffs=-100", "no pixel has a value"),
        ("doffs=5", "", "doffs is missing"),
    ],
)
def test_calibrations_of_middlebury(tmp_path: Path, before: str, after: str, why: str) -> None:
    scene(tmp_path / "S", CALIBRATION, np.full((24, 32), 50, np.float32))
    assert len(score_network(predict, open_dataset(tmp_path)).pictures) == 1
    (tmp_path / "S" / "calib.txt").write_text(CALIBRATION.replace(before, after, 1))
    assert why in told(tmp_path)


@pytest.mark.parametrize(
    ("disparity", "why"),
    [
        (np.full((24, 32), np.nan, np.float32), "no pixel has a value"),
        (np.full((24, 32), np.inf, np.float32), "no pixel has a value"),
        (np.full((12, 16), 50, np.float32), "16 x 12, but its photo is 32 x 24"),
    ],
)
def test_disparities_of_middlebury(
    tmp_path: Path, disparity: NDArray[np.float32], why: str
) -> None:
    scene(tmp_path / "S", CALIBRATION, disparity)
    assert why in told(tmp_path)


@pytest.mark.parametrize(
    "line",
    [
        "inf,1,2,2,>,32,24",
        "nan,1,2,2,>,32,24",
        "1e30,1,2,2,>,32,24",
        "9" * 5000 + ",1,2,2,>,32,24",
        "5,5,5,5,>,32,24",
    ],
)
def test_points_in_the_wild(tmp_path: Path, line: str) -> None:
    write_photo(tmp_path / "a.png")
    (tmp_path / "DIW_test.csv").write_text(f"a.png\n{line}\n")
    sentence = told(tmp_path)
    assert "entry 1" in sentence
    assert len(sentence) < 300


def test_points_of_a_turned_photo_are_not_judged(tmp_path: Path) -> None:
    import PIL.Image

    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    PIL.Image.new("RGB", (32, 24)).save(tmp_path / "a.jpg", exif=exif)
    (tmp_path / "DIW_test.csv").write_text("a.jpg\n1,1,2,2,>,32,24\n")
    assert "EXIF" in told(tmp_path)


@pytest.mark.parametrize(
    ("stored", "why"),
    [
        (np.ones((96, 128), np.int32), "give float32"),
        (np.ones((96, 128), complex), "give float32"),
        (np.ones(96, np.float32), "shape"),
        (np.ones((3, 96, 128), np.float32), "shape"),
        (np.ones((0, 128), np.float32), "holds nothing"),
        (np.ones((48, 64), np.float32), "64 x 48, but its photo is 128 x 96"),
        (np.full((96, 128), np.nan, np.float32), "no pixel has a value"),
        (np.full((96, 128), -1, np.float32), "no pixel has a value"),
        (np.full((96, 128), 1e-42, np.float32), "no pixel has a value"),
        (np.full((96, 128), 1e300), "no pixel has a value"),
    ],
)
def test_truths_of_a_folder(tmp_path: Path, stored: NDArray[Any], why: str) -> None:
    root = write_folder(tmp_path / "set", 1)
    (root / "depth" / "p0.png").unlink()
    np.save(root / "depth" / "p0.npy", stored)
    assert why in told(root)


def photo_of_another_size(path: Path) -> None:
    assert cv2.imwrite(str(path), np.zeros((48, 64, 3), np.uint8))


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def link_to_itself(path: Path) -> None:
    path.unlink()
    path.symlink_to(path)


@pytest.mark.parametrize("spoil", [photo_of_another_size, folder, link_to_itself])
def test_photos_of_a_folder(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    root = write_folder(tmp_path / "set", 1)
    spoil(root / "rgb" / "p0.png")
    assert "p0.png" in told(root)
