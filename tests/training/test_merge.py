"""Scenes that are merged, of one grey each, so that a photo tells which is seen where."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from nearfar.training.data import scene_mix as room
from nearfar.training.data.augment import AugmentOptions, augment
from nearfar.training.data.pair_file import Sample

NOTHING = AugmentOptions(rotate=0, color=0, gray=0, blur=0, cutout=0, noise=0, jpeg=0)


def scene(inverse: np.ndarray[tuple[int, ...], np.dtype[np.float32]], grey: int) -> Sample:
    return Sample(np.full((*inverse.shape, 3), grey, np.uint8), inverse, sparse=False)


def halves(left: float, right: float, grey: int) -> Sample:
    inverse = np.full((16, 32), right, np.float32)
    inverse[:, :16] = left
    return scene(inverse, grey)


def test_of_two_scenes_the_nearer_is_seen() -> None:
    # the other is 4 times as near on the left and as near on the right: to be the nearer in the
    # nearest quarter it is brought to where it is just not
    one, other = halves(1, 1, 10), halves(4, 1, 20)
    merged = room.merge(one, other, share=0.75)
    np.testing.assert_array_equal(merged.inverse, other.inverse)
    np.testing.assert_array_equal(merged.photo[:, :16], 20)
    np.testing.assert_array_equal(merged.photo[:, 16:], 10)
    far = room.merge(one, other, share=0.25)
    np.testing.assert_array_equal(far.inverse, one.inverse)
    np.testing.assert_array_equal(far.photo, one.photo)


def test_a_merged_scene_fills_its_share_and_keeps_its_ratios() -> None:
    rng = np.random.default_rng(3)
    hills = [
        cv2.resize(rng.uniform(1, 3, (4, 5)).astype(np.float32), (80, 60), interpolation=2)
        for _ in range(2)
    ]
    one, other = (
        scene(np.asarray(inverse, np.float32), grey)
        for inverse, grey in zip(hills, (10, 20), strict=True)
    )
    for share in (0.1, 0.3, 0.6):
        merged = room.merge(one, other, share)
        taken = merged.photo[..., 0] == 20
        assert taken.mean() == pytest.approx(share, abs=0.03)
        scale = merged.inverse[taken] / other.inverse[taken]
        assert np.ptp(scale) < 1e-5
        np.testing.assert_array_equal(merged.inverse[~taken], one.inverse[~taken])
        wrong = merged.inverse < np.maximum(one.inverse, scale.mean() * other.inverse) * 0.98
        assert wrong.mean() < 0.01, "but for specks the nearer is seen"


def test_a_scene_in_metres_is_merged_at_about_its_own_size() -> None:
    one, other = halves(1, 1, 10), halves(0.5, 0.1, 20)
    np.testing.assert_array_equal(room.merge(one, other, 0.9, most=1.4).photo, one.photo)
    assert room.merge(one, other, 0.9).inverse.max() == pytest.approx(5)
    near = room.merge(one, halves(8, 4, 20), 0.0, most=2)
    np.testing.assert_allclose(near.inverse, halves(4, 2, 20).inverse)


def test_where_one_of_two_scenes_knows_nothing_the_first_is_seen() -> None:
    one, other = halves(1, 0, 10), halves(4, 4, 20)
    merged = room.merge(one, other, 1.0, most=1)
    np.testing.assert_array_equal(merged.photo[:, 18:], 10)
    np.testing.assert_array_equal(merged.inverse[:, 16:], 0)
    np.testing.assert_array_equal(merged.inverse[:, :14], 4)
    assert room.merge(one, halves(0, 4, 20), 1.0) is one


def test_a_second_scene_is_framed_by_itself_and_merged() -> None:
    options = replace(NOTHING, flip=0.5, merge_share=1.0, crop_share=1, stretch=1)
    one, second = halves(1, 1, 10), room.Second(halves(2, 1.2, 20), same_unit=True)
    scales, sides = [], set()
    for seed in range(60):
        result = augment(one, (32, 16), np.random.default_rng(seed), options, second=second)
        taken = result.photo[..., 0] == 20
        np.testing.assert_array_equal(result.inverse[~taken], 1)
        assert taken.mean() == pytest.approx(0.5, abs=0.1), "the nearer half of it"
        scales.append(result.inverse[taken].max() / 2)
        sides.add(bool(taken[8, 0]))
    assert 1 / 1.4 - 1e-6 < min(scales) < max(scales) < 1.4 + 1e-6
    assert sides == {True, False}, "mirrored by itself"
