"""Photos with the truth beside them."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from nearfar.depthmap import MetricDepth
from nearfar.errors import DatasetError
from nearfar.images import write_image
from nearfar.pairs import Layers, PointPairs, check, open_folder, order_of_ranges

STORED = np.array([[0, 1000], [2000, 4000]], np.uint16)


def make(root: Path, description: str, depth: NDArray[Any] = STORED, *, name: str = "a") -> Path:
    for folder in ("rgb", "depth"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "dataset.toml").write_text(description)
    write_image(np.zeros((*depth.shape, 3), np.uint8), root / "rgb" / f"{name}.jpg")
    if depth.dtype == np.uint16:
        cv2.imwrite(str(root / "depth" / f"{name}.png"), depth)
    else:
        np.save(root / "depth" / f"{name}.npy", depth)
    return root


def truth(root: Path) -> list[list[float]]:
    found = open_folder(root).pairs[0].read_map()
    assert found.inverse.dtype == np.float32
    assert (found.inverse[~found.valid] == 0).all()
    inverse: list[list[float]] = np.round(found.inverse.astype(float), 6).tolist()
    return inverse


def test_millimetres_become_inverse_metres(tmp_path: Path) -> None:
    assert truth(make(tmp_path, 'kind = "depth"')) == [[0, 1], [0.5, 0.25]]


def test_scale_and_unit_of_other_sets(tmp_path: Path) -> None:
    kitti = 'kind = "depth"\nunit = "m"\nscale = 0.00390625'  # 1/256
    assert truth(make(tmp_path, kitti, np.array([[0, 256], [512, 1024]], np.uint16))) == [
        [0, 1],
        [0.5, 0.25],
    ]


def test_floats_keep_their_unknowns(tmp_path: Path) -> None:
    metres = np.array([[np.inf, 1], [np.nan, 4]], np.float32)
    assert truth(make(tmp_path, 'kind = "depth"\nunit = "m"', metres)) == [[0, 1], [0, 0.25]]


def test_disparity_is_as_stored(tmp_path: Path) -> None:
    root = make(tmp_path, 'kind = "disparity"\ninvalid = 1000')
    assert truth(root) == [[0, 0], [2000, 4000]]


def test_far_truth_is_left_out(tmp_path: Path) -> None:
    assert truth(make(tmp_path, 'kind = "depth"\nmax_depth_m = 2')) == [[0, 1], [0.5, 0]]


def test_truth_that_nearfar_wrote(tmp_path: Path) -> None:
    make(tmp_path, 'kind = "depth"')
    metres = np.array([[np.inf, 1], [2, 4]], np.float32)
    MetricDepth(metres).save(tmp_path / "depth" / "a.png")
    assert truth(tmp_path) == [[0, 1], [0.5, 0.25]]


def test_split_and_missing_truth(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        make(tmp_path, 'kind = "depth"\nsplit = "val.txt"', name=name)
    (tmp_path / "val.txt").write_text("a\nc.jpg\n\n")
    (tmp_path / "depth" / "c.png").unlink()
    folder = open_folder(tmp_path)
    assert [pair.photo.stem for pair in folder.pairs] == ["a"]
    assert folder.bad == (f"{tmp_path / 'rgb' / 'c.jpg'}: no depth file of this name",)


@pytest.mark.parametrize(
    ("description", "sentence"),
    [
        ('kind = "deep"', "kind must be depth, inverse, disparity, layers or pairs"),
        ("kind = 1.0.0", "no TOML"),
        ("unit = 'mm'", "kind must be given"),
        ('kind = "depth"\ncolour = "red"', "no option colour"),
        ('kind = "depth"\nscale = 0', "scale must be more than 0"),
        ('kind = "depth"\nsplit = "none.txt"', "the split can't be read"),
    ],
)
def test_description_that_makes_no_sense(tmp_path: Path, description: str, sentence: str) -> None:
    with pytest.raises(DatasetError, match=sentence) as caught:
        open_folder(make(tmp_path, description))
    assert "\n" not in str(caught.value)


def test_folder_without_description_says_what_to_write(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"dataset\.toml is needed"):
        open_folder(tmp_path)


def test_bad_pairs_are_told_of(tmp_path: Path) -> None:
    make(tmp_path, 'kind = "depth"')
    (good,) = open_folder(tmp_path).pairs
    assert check(good) is None
    cv2.imwrite(str(good.depth), np.ones((3, 5), np.uint16))
    assert "5 x 3, but its photo is 2 x 2" in str(check(good))
    cv2.imwrite(str(good.depth), np.zeros((2, 2), np.uint16))
    assert "no pixel has a value" in str(check(good))
    good.depth.write_bytes(b"")
    assert str(good.depth) in str(check(good))


def layers(root: Path, lines: list[str]) -> Path:
    regions = np.array([[1, 1], [2, 3]], np.uint16)
    make(root, 'kind = "layers"', regions)
    (root / "ranges.csv").write_text("\n".join(["name,region,near,far", *lines]) + "\n")
    return root


def test_ranges_that_do_not_overlap_have_an_order() -> None:
    ranges = ((1, 1.0, 2.0), (2, 2.5, 4.0), (3, 3.0, 99.0))
    assert order_of_ranges(ranges).tolist() == [[1, 2], [1, 3]]
    assert order_of_ranges(((1, 1, 2), (2, 2, 3))).tolist() == []  # they touch
    assert order_of_ranges(()).shape == (0, 2)


def test_layers_are_regions_and_their_order(tmp_path: Path) -> None:
    found = open_folder(layers(tmp_path, ["a,1,1,2", "a,2,3,4", "a,3,3.5,9", "a,7,0.1,0.2"]))
    read = found.pairs[0].read_truth()
    assert isinstance(read, Layers)
    assert read.regions.tolist() == [[1, 1], [2, 3]]
    assert read.order.tolist() == [[1, 2], [1, 3]]  # region 7 is not in the picture
    assert check(found.pairs[0]) is None
    with pytest.raises(DatasetError, match="no values"):
        found.pairs[0].read_map()


def test_layers_without_lines_or_without_an_order_are_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no pair"):
        open_folder(layers(tmp_path / "other", ["b,1,1,2"]))
    same = open_folder(layers(tmp_path / "same", ["a,1,1,5", "a,2,1,5", "a,3,1,5"]))
    assert "no two regions have an order" in str(check(same.pairs[0]))


def points(root: Path, text: str) -> Path:
    (root / "rgb").mkdir(parents=True)
    (root / "dataset.toml").write_text('kind = "pairs"')
    write_image(np.zeros((30, 40, 3), np.uint8), root / "rgb" / "a.png")
    write_image(np.zeros((30, 40, 3), np.uint8), root / "rgb" / "b.png")
    (root / "pairs.csv").write_text(text)
    return root


def test_pairs_of_points_need_no_depth_folder(tmp_path: Path) -> None:
    text = "name,x_near,y_near,x_far,y_far,kind\na,1,2,3,4,sky\na,5,6,7,8,thin\n"
    found = open_folder(points(tmp_path, text))
    assert [pair.photo.name for pair in found.pairs] == ["a.png"]
    assert [sentence.rpartition("/")[2] for sentence in found.bad] == [
        "b.png: no line in pairs.csv"
    ]
    read = found.pairs[0].read_truth()
    assert isinstance(read, PointPairs)
    assert read.nearer.tolist() == [[1, 2], [5, 6]]
    assert read.farther.tolist() == [[3, 4], [7, 8]]


def test_a_point_outside_its_photo_is_a_fault(tmp_path: Path) -> None:
    found = open_folder(points(tmp_path, "name,x_near,y_near,x_far,y_far\na,1,2,40,4\n"))
    assert "outside its 40 x 30" in str(check(found.pairs[0]))


@pytest.mark.parametrize(
    "text", ["name,x_near\na,1\n", "name,x_near,y_near,x_far,y_far\na,1,x,3,4\n", "\n"]
)
def test_a_table_that_makes_no_sense_is_one_error(tmp_path: Path, text: str) -> None:
    with pytest.raises(DatasetError, match=r"pairs\.csv"):
        open_folder(points(tmp_path, text))
