"""Photos with the truth beside them."""

import re
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import PIL.Image
import pytest
from numpy.typing import NDArray

from nearfar.datasets import Layers, Pair, PointPairs, Truth, open_folder, order_of_ranges
from nearfar.depth import MetricDepth
from nearfar.errors import DatasetError, DepthFileError
from nearfar.io.images import write_image

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
        ("kind = 1.0.0", "is not valid TOML"),
        ("unit = 'mm'", "kind must be given"),
        ('kind = "depth"\ncolor = "red"', "no option color"),
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
    photo, known = good.read()
    assert isinstance(known, Truth)
    assert photo.shape == (2, 2, 3)
    assert known.valid.shape == (2, 2)
    cv2.imwrite(str(good.depth), np.ones((3, 5), np.uint16))
    with pytest.raises(DatasetError, match="5 x 3, but its photo is 2 x 2"):
        good.read()
    cv2.imwrite(str(good.depth), np.zeros((2, 2), np.uint16))
    with pytest.raises(DatasetError, match="no pixel has a value"):
        good.read()
    good.depth.write_bytes(b"")
    with pytest.raises(DepthFileError, match=re.escape(str(good.depth))):
        good.read()


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
    _, read = found.pairs[0].read()
    assert isinstance(read, Layers)
    assert read.regions.tolist() == [[1, 1], [2, 3]]
    assert read.order.tolist() == [[1, 2], [1, 3]]  # region 7 is not in the picture
    with pytest.raises(DatasetError, match="no values"):
        found.pairs[0].read_map()


def test_layers_without_lines_or_without_an_order_are_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no pair"):
        open_folder(layers(tmp_path / "other", ["b,1,1,2"]))
    same = open_folder(layers(tmp_path / "same", ["a,1,1,5", "a,2,1,5", "a,3,1,5"]))
    with pytest.raises(DatasetError, match="no two regions have an order"):
        same.pairs[0].read()


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
    _, read = found.pairs[0].read()
    assert isinstance(read, PointPairs)
    assert read.nearer.tolist() == [[1, 2], [5, 6]]
    assert read.farther.tolist() == [[3, 4], [7, 8]]


def test_a_point_outside_its_photo_is_a_fault(tmp_path: Path) -> None:
    found = open_folder(points(tmp_path, "name,x_near,y_near,x_far,y_far\na,1,2,40,4\n"))
    with pytest.raises(DatasetError, match="outside of its 40 x 30"):
        found.pairs[0].read()


@pytest.mark.parametrize(
    "text", ["name,x_near\na,1\n", "name,x_near,y_near,x_far,y_far\na,1,x,3,4\n", "\n"]
)
def test_a_table_that_makes_no_sense_is_one_error(tmp_path: Path, text: str) -> None:
    with pytest.raises(DatasetError, match=r"pairs\.csv"):
        open_folder(points(tmp_path, text))


def turned(root: Path, orientation: int, shape: tuple[int, int], depth: tuple[int, int]) -> Pair:
    """A photo of the shape as stored, with that EXIF orientation, and a truth of its own shape."""
    make(root, 'kind = "depth"', np.full(depth, 1000, np.uint16))
    exif = PIL.Image.Exif()
    exif[0x0112] = orientation
    picture = PIL.Image.fromarray(np.zeros((*shape, 3), np.uint8))
    picture.save(root / "rgb" / "a.jpg", exif=exif)
    return open_folder(root).pairs[0]


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_truth_of_a_turned_photo_is_taken_when_it_is_turned_too(
    tmp_path: Path, orientation: int
) -> None:
    photo, known = turned(tmp_path, orientation, (20, 30), (30, 20)).read()
    assert isinstance(known, Truth)
    assert photo.shape[:2] == known.valid.shape == (30, 20)


@pytest.mark.parametrize(
    ("orientation", "shape", "depth", "why"),
    [
        (6, (20, 30), (20, 30), "is not rotated"),
        (8, (20, 30), (20, 30), "is not rotated"),
        (6, (20, 20), (20, 20), "unknown whether"),
        (3, (20, 30), (20, 30), "unknown whether"),
        (2, (20, 30), (20, 30), "unknown whether"),
        (4, (20, 30), (20, 30), "unknown whether"),
    ],
)
def test_truth_that_may_not_be_turned_as_its_photo_is_refused(
    tmp_path: Path, orientation: int, shape: tuple[int, int], depth: tuple[int, int], why: str
) -> None:
    pair = turned(tmp_path, orientation, shape, depth)
    with pytest.raises(
        DatasetError, match=rf"a\.jpg: its EXIF orientation is {orientation}, and .*{why}"
    ):
        pair.read()


def test_turned_photo_of_another_size_is_told_as_such(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="8 x 8, but its photo is 20 x 30"):
        turned(tmp_path, 6, (20, 30), (8, 8)).read()


@pytest.mark.parametrize("kind", ["depth", "inverse", "disparity"])
@pytest.mark.parametrize("value", [1e-300, 1e-44, 1e30, 1e300])
def test_values_that_float32_cannot_invert_are_not_known(
    tmp_path: Path, kind: str, value: float
) -> None:
    stored = np.array([[value, 2.0]])
    known = open_folder(make(tmp_path, f'kind = "{kind}"\nunit = "m"', stored)).pairs[0].read_map()
    assert known.valid.tolist() == [[False, True]]
    assert known.inverse.tolist() == [[0, 0.5 if kind == "depth" else 2]]


def test_file_that_says_to_be_of_another_kind_is_refused(tmp_path: Path) -> None:
    make(tmp_path, 'kind = "inverse"')
    metres = np.full((2, 2), 3, np.float32)
    MetricDepth(metres).save(tmp_path / "depth" / "a.png", overwrite=True)
    with pytest.raises(DatasetError, match=r"contains metres, but dataset\.toml says inverse"):
        open_folder(tmp_path).pairs[0].read()


@pytest.mark.parametrize(
    "description",
    [
        'kind = "depth"\nscale = inf',
        'kind = "depth"\nscale = nan',
        'kind = "depth"\nscale = 1' + "0" * 400,
        'kind = "depth"\ninvalid = 1' + "0" * 400,
        'kind = "depth"\nunit = "km"',
        'kind = "depth"\nsplit = "\\u0000"',
        'kind = "depth"\nsplit = "depth/a.png"',
        'kind = "depth"\nsplit = "depth"',
        "x = " + "[" * 5000,
        "x = 1" + "0" * 5000,
    ],
)
def test_description_that_makes_no_sense_is_told_in_one_line(
    tmp_path: Path, description: str
) -> None:
    with pytest.raises(DatasetError) as caught:
        open_folder(make(tmp_path, description))
    assert str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_points_of_a_photo_that_exif_turns_are_refused(tmp_path: Path) -> None:
    root = points(tmp_path, "name,x_near,y_near,x_far,y_far\na,1,2,3,4\n")
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    PIL.Image.fromarray(np.zeros((30, 40, 3), np.uint8)).save(root / "rgb" / "a.png", exif=exif)
    with pytest.raises(DatasetError, match=r"orientation is 6.*store the photo upright"):
        open_folder(root).pairs[0].read()
