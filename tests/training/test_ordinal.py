"""Ordinal truth on its way through a training: discs, crops, pasting, batches."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from nearfar.datasets import Layers, PairFolder, PointPairs, open_folder
from nearfar.io.images import write_image
from nearfar.training.data.augment import AugmentOptions, augment, flip
from nearfar.training.data.batches import RANKED_PAIRS, TrainingSet
from nearfar.training.data.cache import open_caches
from nearfar.training.data.ordinal import draw_discs, paste, shrink
from nearfar.training.data.pair_file import Sample

STILL = AugmentOptions(
    flip=0, rotate=0, color=0, gray=0, blur=0, cutout=0, noise=0, jpeg=0, merge=0, paste=0
)


def layered(size: tuple[int, int] = (80, 60)) -> Sample:
    """A bright square (region 1) in front of a dark rest (region 2)."""
    width, height = size
    regions = np.full((height, width), 2, np.uint16)
    regions[height // 4 : 3 * height // 4, width // 4 : 3 * width // 4] = 1
    photo = np.where(regions == 1, 200, 40).astype(np.uint8)[..., None].repeat(3, axis=2)
    order = np.array([[1, 2]], np.int64)
    return Sample(photo, np.zeros((height, width), np.float32), False, regions, order)


def write_layers(root: Path, count: int = 3) -> PairFolder:
    for folder in ("rgb", "depth"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    lines = ["name,region,near,far"]
    for index in range(count):
        sample = layered()
        assert sample.regions is not None
        write_image(sample.photo, root / "rgb" / f"p{index}.png")
        cv2.imwrite(str(root / "depth" / f"p{index}.png"), sample.regions)
        lines += [f"p{index},1,1,2", f"p{index},2,3,99"]
    (root / "ranges.csv").write_text("\n".join(lines) + "\n", "utf-8")
    (root / "dataset.toml").write_text('kind = "layers"\n', "utf-8")
    return open_folder(root)


def write_points(root: Path) -> PairFolder:
    (root / "rgb").mkdir(parents=True)
    write_image(layered().photo, root / "rgb" / "a.png")
    (root / "pairs.csv").write_text("name,x_near,y_near,x_far,y_far\na,40,30,4,5\n", "utf-8")
    (root / "dataset.toml").write_text('kind = "pairs"\n', "utf-8")
    return open_folder(root)


def test_a_point_becomes_a_disc_and_two_near_points_share_the_ground() -> None:
    nearer, farther = np.array([[10, 10], [10, 10]]), np.array([[13, 10], [40, 30]])
    regions, order = draw_discs(nearer, farther, (50, 40))
    assert order.tolist() == [[1, 2], [1, 3]]
    assert regions[10, 10] == 1
    assert regions[10, 13] == 2
    assert regions[30, 40] == 3
    assert 0 < np.count_nonzero(regions == 1) <= 9


def test_a_point_at_the_border_stays_inside() -> None:
    regions, _ = draw_discs(np.array([[0, 0]]), np.array([[399, 299]]), (400, 300))
    assert regions[0, 0] == 1
    assert regions[299, 399] == 2
    assert np.count_nonzero(regions == 1) == 13  # a quarter of the disc of radius 3.2


def test_labels_shrink_with_their_photo() -> None:
    photo = np.zeros((120, 160, 3), np.uint8)
    points = shrink(photo, PointPairs(np.array([[80, 60]]), np.array([[8, 8]])), (80, 60))
    assert points.regions is not None
    near, far = int(points.regions[30, 40]), int(points.regions[4, 4])
    assert {near, far} == {1, 2}
    assert points.order.tolist() == [[near, far]]
    regions = np.repeat(np.array([1, 2], np.uint16), 80)[None].repeat(120, axis=0)
    layers = shrink(photo, Layers(regions, np.array([[1, 2]])), (80, 60))
    assert layers.regions is not None
    assert (layers.regions[:, :40] == 1).all()
    assert (layers.regions[:, 40:] == 2).all()


@pytest.mark.parametrize("seed", range(4))
def test_regions_move_with_the_pixels_they_belong_to(seed: int) -> None:
    options = replace(STILL, flip=0.5, rotate=1, tilt_deg=0)
    result = augment(layered(), (64, 48), np.random.default_rng(seed), options)
    assert result.regions is not None
    bright = result.photo[..., 0] > 120
    inside = result.regions > 0  # the corners that come in from outside are not known
    assert (bright == (result.regions == 1))[inside].mean() > 0.97
    assert result.order.tolist() == [[1, 2]]


def test_a_mirrored_picture_mirrors_its_regions() -> None:
    sample = layered()
    assert sample.regions is not None
    sample = replace(sample, regions=sample.regions.copy())
    assert sample.regions is not None
    sample.regions[0, 0] = 7
    mirrored = flip(sample).regions
    assert mirrored is not None
    assert mirrored[0, -1] == 7


def test_a_pasted_front_is_nearer_than_all_that_was_there() -> None:
    truth = np.full((60, 80), 5, np.float32)
    back = Sample(np.full((60, 80, 3), 9, np.uint8), truth, False)
    result = paste(back, layered(), np.random.default_rng(0))
    assert result.regions is not None
    front = result.photo[..., 0] == 200
    assert front.sum() == 40 * 30
    assert (result.photo[~front] == 9).all()
    assert (result.inverse[front] == 0).all()  # its distance is not known
    assert (result.inverse[~front] == 5).all()
    (number,) = np.unique(result.regions[front])
    (rest,) = np.unique(result.regions[~front])
    assert [number, rest] in result.order.tolist()
    assert [rest, number] not in result.order.tolist()


def test_a_front_is_pasted_onto_regions_too_and_their_own_order_stays() -> None:
    result = paste(layered(), layered(), np.random.default_rng(0))
    assert result.regions is not None
    told = {(int(a), int(b)) for a, b in result.order}
    assert (1, 2) in told
    front = int(result.regions[30, 40])
    assert front not in {1, 2}
    assert (front, 1) in told
    assert (front, 2) in told


def test_batches_hold_pairs_of_pixels_in_order(tmp_path: Path) -> None:
    sets = [write_layers(tmp_path / "layers"), write_points(tmp_path / "points")]
    caches = open_caches(tmp_path / "cache", sets)
    data = TrainingSet(
        [(cache, 1.0) for cache in caches], batch=4, sizes={(64, 48): (64, 48)}, augment=STILL
    )
    batch = data.batch_at(0)
    assert batch.ranked.shape == (4, RANKED_PAIRS, 2)
    assert not batch.valid.any()
    assert not batch.has_ratios.any()
    for (each, _), photo, ranked in zip(
        data.plan_at(0).picks, batch.images, batch.ranked, strict=True
    ):
        says = ranked[ranked[:, 0] != ranked[:, 1]]
        bright = photo[..., 0].ravel()[says]
        if each == 0:  # the bright square is in front
            assert len(says) == RANKED_PAIRS
            assert (bright[:, 0] > bright[:, 1]).mean() > 0.95


def test_ordinal_pairs_are_kept_on_disk_and_in_memory_alike(tmp_path: Path) -> None:
    folder = write_layers(tmp_path / "layers", 1)
    mapped = open_caches(tmp_path / "cache", [folder])[0][0]
    held = open_caches(tmp_path / "cache", [folder], budget_bytes=10**9)[0][0]
    assert mapped.regions is not None
    assert held.regions is not None
    assert (mapped.regions == held.regions).all()
    assert mapped.order.tolist() == held.order.tolist() == [[1, 2]]
    assert (mapped.photo == layered().photo).all()


def test_changed_ranges_are_read_anew(tmp_path: Path) -> None:
    root = tmp_path / "layers"
    open_caches(tmp_path / "cache", [write_layers(root, 1)])
    (root / "ranges.csv").write_text("name,region,near,far\np0,1,3,99\np0,2,1,2\n", "utf-8")
    again = open_caches(tmp_path / "cache", [open_folder(root)])[0][0]
    assert again.order.tolist() == [[2, 1]]
