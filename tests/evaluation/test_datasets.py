"""Every layout, from tiny made-up files."""

from pathlib import Path

import numpy as np
import pytest

from nearfar.datasets import PointPairs, Truth
from nearfar.errors import DatasetError, DepthFileError
from nearfar.evaluation.layouts.detect import ReaderName, open_dataset
from nearfar.io.depth_codecs import encode_pfm
from tests.evaluation.made import metres, write_folder, write_photo, write_png16


def first_map(path: Path, reader: ReaderName = "auto") -> tuple[Truth, str]:
    opened = open_dataset(path, reader=reader)
    sample = opened.entries[0].read()
    assert isinstance(sample.truth, Truth)
    assert sample.photo.shape == (*sample.truth.valid.shape, 3)
    assert sample.crop.all()
    return sample.truth, opened.entries[0].name


def test_folder(tmp_path: Path) -> None:
    root = write_folder(tmp_path / "made")
    opened = open_dataset(root)
    assert (opened.name, opened.cap_m) == ("made", 10)
    assert [entry.name for entry in opened.entries] == ["p0", "p1", "p2"]
    known, _ = first_map(root)
    np.testing.assert_allclose(1 / known.inverse, metres(96, 128), atol=6e-4)


@pytest.mark.parametrize(("scene", "cap_m"), [("driving", 80), ("objects", None)])
def test_scene_gives_the_cap(tmp_path: Path, scene: str, cap_m: float | None) -> None:
    assert open_dataset(write_folder(tmp_path / "a", 1, scene=scene)).cap_m == cap_m


def test_stated_greatest_depth_is_the_cap(tmp_path: Path) -> None:
    root = write_folder(tmp_path / "a", 1)
    (root / "dataset.toml").write_text('kind = "depth"\nscene = "indoor"\nmax_depth_m = 6\n')
    assert open_dataset(root).cap_m == 6


def test_photo_without_truth_is_named(tmp_path: Path) -> None:
    root = write_folder(tmp_path / "a", 1)
    write_photo(root / "rgb" / "alone.png")
    assert ["alone.png" in sentence for sentence in open_dataset(root).bad] == [True]


def test_crop_of_a_folder_by_its_scene(tmp_path: Path) -> None:
    root = write_folder(tmp_path / "a", 1, scene="driving")
    crop = open_dataset(root, crop="garg").entries[0].read().crop
    assert np.flatnonzero(crop.any(axis=1))[0] == int(0.40810811 * 96)
    with pytest.raises(DatasetError, match="use the crop none"):
        open_dataset(write_folder(tmp_path / "b", 1), crop="eigen").entries[0].read()


@pytest.mark.parametrize("kind", ["sync_depth", "depth"])
def test_nyu_folders(tmp_path: Path, kind: str) -> None:
    scene = tmp_path / "test" / "kitchen"
    write_photo(scene / "rgb_00045.jpg", 480, 640)
    depth = metres(480, 640)
    depth[0, 0], depth[0, 1] = 0, 11  # not known, and beyond the sensor
    write_png16(scene / f"{kind}_00045.png", depth * 1000)
    known, name = first_map(tmp_path)
    assert name == "test/kitchen/rgb_00045"
    assert not known.valid[0, :2].any()
    assert known.valid[1:].all()
    assert open_dataset(tmp_path).cap_m == 10


def test_affine_takes_the_eigen_crop_of_nyu(tmp_path: Path) -> None:
    write_photo(tmp_path / "rgb_1.png", 480, 640)
    write_png16(tmp_path / "depth_1.png", metres(480, 640) * 1000)
    sample = open_dataset(tmp_path, protocol="affine").entries[0].read()
    assert sample.crop.sum() == 426 * 560
    assert open_dataset(tmp_path).entries[0].read().crop.all()


def test_nyu_labelled(tmp_path: Path) -> None:
    h5py, scipy_io = pytest.importorskip("h5py"), pytest.importorskip("scipy.io")
    photos = np.random.default_rng(0).integers(0, 255, (3, 3, 32, 24), dtype=np.uint8)
    depth = np.stack([metres().T + index for index in range(3)])
    depth[2, 0, 0] = 0
    # as MATLAB writes it: 512 bytes of its own before the HDF5
    with h5py.File(tmp_path / "nyu_depth_v2_labeled.mat", "w", userblock_size=512) as file:
        file["images"], file["rawDepths"] = photos, depth
    with pytest.raises(DatasetError, match=r"splits\.mat"):
        open_dataset(tmp_path)
    scipy_io.savemat(tmp_path / "splits.mat", {"testNdxs": np.array([[3], [1]])})
    opened = open_dataset(tmp_path)
    assert [entry.name for entry in opened.entries] == ["0003", "0001"]
    sample = opened.entries[0].read()
    assert isinstance(sample.truth, Truth)
    assert sample.photo[5, 7].tolist() == photos[2, :, 7, 5].tolist()
    assert not sample.truth.valid[0, 0]
    expected = np.where(metres() + 2 < 10, metres() + 2, np.inf)
    expected[0, 0] = np.inf
    np.testing.assert_allclose(sample.truth.inverse, 1 / expected, rtol=1e-6)


def write_kitti(photo: Path, truth: Path) -> None:
    depth = 4 * metres()
    depth[0, 0] = 0
    write_photo(photo)
    write_png16(truth, depth * 256)


def check_kitti(path: Path, name: str) -> None:
    known, found = first_map(path)
    assert found == name
    assert not known.valid[0, 0]
    np.testing.assert_allclose(1 / known.inverse[1:], 4 * metres()[1:], atol=1 / 256)
    assert open_dataset(path).cap_m == 80


DRIVE = "2011_09_26_drive_0002_sync"
LIDAR = f"{DRIVE}/proj_depth/groundtruth/image_02/0000000069.png"


def test_kitti_list(tmp_path: Path) -> None:
    photo = f"2011_09_26/{DRIVE}/image_02/data/0000000069.png"
    write_kitti(tmp_path / photo, tmp_path / LIDAR)
    listed = tmp_path / "eigen_test.txt"
    listed.write_text(f"{photo} {LIDAR} 721.5377\n2011/none.png None 721.5377\n\n")
    check_kitti(listed, f"2011_09_26/{DRIVE}/image_02/0000000069")
    assert len(open_dataset(listed).entries) == 1


def test_kitti_selection(tmp_path: Path) -> None:
    folder = tmp_path / "depth_selection" / "val_selection_cropped"
    name = f"{DRIVE}_%s_0000000026_image_03.png"
    write_kitti(
        folder / "image" / (name % "image"),
        folder / "groundtruth_depth" / (name % "groundtruth_depth"),
    )
    check_kitti(tmp_path, f"depth_selection/val_selection_cropped/image/{name % 'image'}"[:-4])


def test_kitti_tree(tmp_path: Path) -> None:
    photo = f"raw/2011_09_26/{DRIVE}/image_02/data/0000000069.png"
    write_kitti(tmp_path / photo, tmp_path / "val" / LIDAR)
    check_kitti(tmp_path, f"raw/2011_09_26/{DRIVE}/image_02/0000000069")


def test_affine_takes_the_eigen_crop_of_kitti(tmp_path: Path) -> None:
    write_kitti(tmp_path / f"{DRIVE}/image_02/data/0000000069.png", tmp_path / LIDAR)
    rows = open_dataset(tmp_path, protocol="affine").entries[0].read().crop.any(axis=1)
    assert np.flatnonzero(rows)[[0, -1]].tolist() == [7, 20]


def test_middlebury(tmp_path: Path) -> None:
    scene = tmp_path / "Piano"
    write_photo(scene / "im0.png")
    focal_px, baseline_mm, doffs = 1000.0, 200.0, 50.0
    disparity = (baseline_mm / 1000 * focal_px / metres() - doffs).astype(np.float32)
    disparity[3, 4] = np.inf
    (scene / "disp0.pfm").write_bytes(encode_pfm(disparity, {}))
    (scene / "calib.txt").write_text(
        f"cam0=[{focal_px} 0 16; 0 {focal_px} 12; 0 0 1]\ncam1=[7 0 16; 0 7 12; 0 0 1]\n"
        f"doffs={doffs}\nbaseline={baseline_mm}\nwidth=32\nheight=24\n"
    )
    known, name = first_map(tmp_path)
    assert name == "Piano"
    assert known.kind == "depth"
    assert not known.valid[3, 4]
    np.testing.assert_allclose(1 / known.inverse[4:], metres()[4:], rtol=1e-5)
    assert first_map(scene)[1] == "Piano"
    (scene / "calib.txt").write_text("cam0=[1 0 0; 0 1 0; 0 0 1]\nbaseline=3\n")
    with pytest.raises(DatasetError, match="doffs"):
        first_map(scene)


@pytest.mark.parametrize("relation", [">", "<"])
def test_diw(tmp_path: Path, relation: str) -> None:
    write_photo(tmp_path / "DIW_test" / "a.png")
    (tmp_path / "DIW_Annotations").mkdir()
    listed = tmp_path / "DIW_Annotations" / "DIW_test.csv"
    listed.write_text(f"./DIW_test/a.png\n3,10,24,32,{relation},32,24\n")
    for path in (tmp_path, listed):
        pairs = open_dataset(path).entries[0].read().truth
        assert isinstance(pairs, PointPairs)
        points = pairs.farther.tolist(), pairs.nearer.tolist()
        a, b = [[9, 2]], [[31, 23]]
        assert points == ((a, b) if relation == ">" else (b, a))


@pytest.mark.parametrize("line", ["1,2,3", "1,2,3,x,>,9,9", "1,2,3,4,=,9,9"])
def test_bad_line_of_diw_is_told(tmp_path: Path, line: str) -> None:
    (tmp_path / "DIW_test.csv").write_text(f"a.png\n{line}\n")
    with pytest.raises(DatasetError, match="entry 1"):
        open_dataset(tmp_path)


def test_point_outside_its_photo_is_told(tmp_path: Path) -> None:
    write_photo(tmp_path / "a.png")
    (tmp_path / "DIW_test.csv").write_text("a.png\n3,10,25,32,>,32,24\n")
    with pytest.raises(DatasetError, match="outside"):
        open_dataset(tmp_path).entries[0].read()


def test_what_is_no_data_set_is_told(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no such"):
        open_dataset(tmp_path / "none")
    with pytest.raises(DatasetError, match=r"dataset\.toml"):
        open_dataset(tmp_path)


@pytest.mark.parametrize("reader", ["folder", "nyu", "kitti", "middlebury", "diw"])
def test_each_reader_refuses_an_empty_folder(tmp_path: Path, reader: ReaderName) -> None:
    with pytest.raises(DatasetError):
        open_dataset(tmp_path, reader=reader)


def test_damaged_truth_is_told_when_it_is_read(tmp_path: Path) -> None:
    root = write_folder(tmp_path / "a", 1)
    (root / "depth" / "p0.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(DepthFileError, match=r"p0\.png"):
        open_dataset(root).entries[0].read()


def test_limit_is_spread_over_the_set_or_in_a_row(tmp_path: Path) -> None:
    opened = open_dataset(write_folder(tmp_path / "a", 9))
    assert [entry.name for entry in opened.limited(3).entries] == ["p0", "p3", "p6"]
    assert [entry.name for entry in opened.limited(3, in_a_row=True).entries] == ["p0", "p1", "p2"]
    assert len(opened.limited(99).entries) == 9
