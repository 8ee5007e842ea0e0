from dataclasses import replace

import cv2
import numpy as np
import pytest

from nearfar.errors import UsageError
from nearfar.training import augment as room
from nearfar.training.augment import AugmentOptions, augment
from nearfar.training.pairfile import Sample
from tests.training.pairsets import ramp

NOTHING = AugmentOptions(flip=0, turn=0, colour=0, grey=0, blur=0, noise=0, jpeg=0)


def own_truth(width_px: int = 96, height_px: int = 72) -> Sample:
    """A grey photo of its own truth, with a step, a hole and a sky."""
    inverse = ramp(width_px, height_px).astype(np.float32)
    inverse[: height_px // 4] = 1 / 65535
    inverse[:, width_px // 2 :] += 8
    photo = np.repeat(np.rint(inverse).astype(np.uint8)[..., None], 3, axis=2)
    inverse[height_px // 2 :, : width_px // 8] = 0
    return Sample(photo, inverse, sparse=False)


def colourful(
    height_px: int = 48, width_px: int = 64
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    rng = np.random.default_rng(5)
    coarse = rng.integers(30, 220, (6, 8, 3), np.uint8)
    return np.asarray(cv2.resize(coarse, (width_px, height_px)), np.uint8)


@pytest.mark.parametrize("size", [(256, 192), (40, 80), (64, 64), (88, 32), (1, 1)])
def test_exact_size_and_no_value_invented(size: tuple[int, int]) -> None:
    sample = own_truth()
    for seed in range(20):
        result = augment(sample, size, np.random.default_rng(seed), AugmentOptions())
        assert result.photo.shape == (size[1], size[0], 3)
        assert result.photo.dtype == np.uint8
        assert result.inverse.shape == (size[1], size[0])
        assert result.inverse.dtype == np.float32
        assert set(result.inverse.flat) <= set(sample.inverse.flat)


def test_the_same_chance_gives_the_same_bytes_and_leaves_the_pair_alone() -> None:
    sample = own_truth()
    photo, inverse = sample.photo.copy(), sample.inverse.copy()
    for seed in range(20):
        first, second = (
            augment(sample, (64, 48), np.random.default_rng(seed), AugmentOptions())
            for _ in range(2)
        )
        np.testing.assert_array_equal(first.photo, second.photo)
        np.testing.assert_array_equal(first.inverse, second.inverse)
    np.testing.assert_array_equal(sample.photo, photo)
    np.testing.assert_array_equal(sample.inverse, inverse)


@pytest.mark.parametrize("size", [(64, 48), (48, 64), (200, 150)])
def test_photo_and_truth_stay_in_line(size: tuple[int, int]) -> None:
    options = AugmentOptions(flip=0.5, colour=0, grey=0, blur=0, noise=0, jpeg=0)
    for seed in range(20):
        result = augment(own_truth(), size, np.random.default_rng(seed), options)
        known = result.inverse > 0
        error = np.abs(result.photo[..., 0] - result.inverse)[known]
        assert np.median(error) < 2
        assert (error > 9).mean() < 0.05  # where a step crosses a pixel


def test_mirrored() -> None:
    photo = np.arange(18, dtype=np.uint8).reshape(2, 3, 3)
    inverse = np.array([[1, 2, 3], [0, 5, 6]], np.float32)
    result = room.flip(Sample(photo, inverse, sparse=True))
    assert result.inverse.tolist() == [[3, 2, 1], [6, 5, 0]]
    assert result.photo[0, 0].tolist() == [6, 7, 8]
    assert result.photo[1, 2].tolist() == [9, 10, 11]
    assert result.sparse


def test_a_quarter_turn_moves_photo_and_truth_alike() -> None:
    sample = own_truth(48, 48)
    turned = room.turn(sample, 90)
    np.testing.assert_array_equal(turned.photo, np.rot90(sample.photo))
    np.testing.assert_array_equal(turned.inverse, np.rot90(sample.inverse))


def test_nothing_is_known_in_corners_from_outside() -> None:
    sample = Sample(np.full((40, 60, 3), 90, np.uint8), np.ones((40, 60), np.float32), sparse=False)
    turned = room.turn(sample, 10)
    assert (turned.photo == 90).all(), "the photo goes on"
    corners = turned.inverse[[0, 0, -1, -1], [0, -1, 0, -1]]
    np.testing.assert_array_equal(corners, 0)
    assert 0.85 < turned.inverse.mean() < 0.95
    assert turned.inverse[20, 30] == 1


def test_turns_stay_within_their_greatest() -> None:
    tilted = AugmentOptions(turn=1, turn_deg=4, flip=0, colour=0, grey=0, blur=0, noise=0, jpeg=0)
    options = replace(tilted, crop_share=1, stretch=1)
    line = np.ones((101, 101), np.float32)
    line[50] = 2
    sample = Sample(np.zeros((101, 101, 3), np.uint8), line, sparse=False)
    rises = []
    for seed in range(60):
        inverse = augment(sample, (101, 101), np.random.default_rng(seed), options).inverse
        left, right = np.argmax(inverse[:, 10]), np.argmax(inverse[:, 90])
        rises.append(np.degrees(np.arctan2(float(left) - float(right), 80)))
    assert np.abs(rises).max() < 4.5
    assert min(rises) < -2 < 2 < max(rises)


def test_half_are_mirrored() -> None:
    options = AugmentOptions(turn=0, colour=0, grey=0, blur=0, noise=0, jpeg=0)
    sample = own_truth()
    mirrored = 0
    for seed in range(200):
        row = augment(sample, (32, 24), np.random.default_rng(seed), options).inverse[-1]
        mirrored += row[0] > row[-1] > 0 or row[-1] == 0
    assert 70 < mirrored < 130


def test_a_whole_crop_is_the_whole_picture() -> None:
    sample = own_truth()
    options = AugmentOptions(
        crop_share=1, stretch=1, flip=0, turn=0, colour=0, grey=0, blur=0, noise=0, jpeg=0
    )
    result = augment(sample, (96, 72), np.random.default_rng(0), options)
    np.testing.assert_array_equal(result.photo, sample.photo)
    np.testing.assert_array_equal(result.inverse, sample.inverse)


def test_crops_keep_their_share_and_aspect() -> None:
    # in a picture of coordinates a crop tells where it was
    columns, rows = np.meshgrid(np.arange(400), np.arange(300))
    across = Sample(np.zeros((300, 400, 3), np.uint8), columns.astype(np.float32) + 1, sparse=False)
    down = Sample(across.photo, rows.astype(np.float32) + 1, sparse=False)
    aspects = []
    for seed in range(200):
        width_px, height_px = (
            np.ptp(room.crop(each, (160, 120), np.random.default_rng(seed), NOTHING).inverse) + 2
            for each in (across, down)
        )
        aspect = width_px / height_px
        full = min(400, 300 * aspect) * min(300, 400 / aspect)
        assert 0.48 < width_px * height_px / full < 1.03
        aspects.append(aspect)
    assert 0.98 < min(aspects) < 1.1
    assert 1.7 < max(aspects) < 1.81


def test_crops_look_for_what_is_known() -> None:
    inverse = np.zeros((90, 120), np.float32)
    inverse[60:, 80:] = 1
    sample = Sample(np.zeros((90, 120, 3), np.uint8), inverse, sparse=False)
    options = AugmentOptions(crop_share=0.1)
    empty = sum(
        not room.crop(sample, (32, 24), np.random.default_rng(seed), options).inverse.any()
        for seed in range(200)
    )
    assert empty < 20  # with one draw alone about a third
    nothing = Sample(sample.photo, np.zeros_like(inverse), sparse=True)
    assert not augment(nothing, (32, 24), np.random.default_rng(0), options).inverse.any()


def test_sparse_points_survive_a_crop() -> None:
    inverse = np.zeros((120, 160), np.float32)
    inverse[2::8, 3::8] = 1 + np.arange(300).reshape(15, 20)
    sample = Sample(np.zeros((120, 160, 3), np.uint8), inverse, sparse=True)
    whole = AugmentOptions(crop_share=1, stretch=1)
    result = room.crop(sample, (40, 30), np.random.default_rng(0), whole)
    assert sorted(result.inverse[result.inverse > 0]) == list(range(1, 301))


def test_a_thin_picture_can_be_cropped() -> None:
    sample = Sample(np.zeros((1, 500, 3), np.uint8), np.ones((1, 500), np.float32), sparse=False)
    result = augment(sample, (32, 64), np.random.default_rng(0), AugmentOptions())
    assert result.inverse.shape == (64, 32)


def test_colours_change_in_their_ranges_and_grey_stays_grey() -> None:
    flat = np.full((8, 8, 3), 100, np.uint8)
    light_only = AugmentOptions(brightness=0.3, gamma=1, tint=0, contrast=0.3)
    seen = []
    for seed in range(100):
        colour = room.recolour(flat, np.random.default_rng(seed), light_only)[0, 0].astype(int)
        assert np.ptp(colour) <= 1
        seen.append(int(colour[0]))
    assert 69 <= min(seen) < 76
    assert 124 < max(seen) <= 131


def test_no_range_changes_no_colour() -> None:
    photo = colourful()
    still = AugmentOptions(brightness=0, contrast=0, saturation=0, tint=0, gamma=1, hue_deg=0)
    np.testing.assert_array_equal(room.recolour(photo, np.random.default_rng(0), still), photo)


def test_contrast_leaves_the_mean() -> None:
    photo = colourful()
    options = AugmentOptions(brightness=0, contrast=0.3, saturation=0, tint=0, gamma=1, hue_deg=0)
    for seed in range(10):
        changed = room.recolour(photo, np.random.default_rng(seed), options)
        assert abs(changed.mean() - photo.mean()) < 6
        assert changed.std() != photo.std()


def test_hue_turns_red_to_green_in_a_third_of_a_circle() -> None:
    turned = np.array((200, 0, 0)) @ room._turn_hue(np.radians(120)).T
    np.testing.assert_allclose(turned, (0, 200, 0), atol=1e-9)


def test_grey_has_one_channel_value() -> None:
    options = AugmentOptions(colour=0, blur=0, noise=0, jpeg=0, grey=1)
    sample = Sample(colourful(), np.ones((48, 64), np.float32), sparse=False)
    photo = augment(sample, (32, 24), np.random.default_rng(0), options).photo
    assert (photo == photo[..., :1]).all()
    red = np.zeros((48, 64, 3), np.uint8)
    red[..., 0] = 200
    seen = augment(
        Sample(red, sample.inverse, sparse=False), (32, 24), np.random.default_rng(0), options
    ).photo
    assert set(seen.flat) == {60}  # 0.299 of 200: red is channel 0


def test_noise_has_its_sigma_and_no_bias() -> None:
    flat = np.full((100, 100, 3), 128, np.uint8)
    noisy = room.add_noise(flat, 6, np.random.default_rng(0)).astype(float)
    assert abs(noisy.mean() - 128) < 0.2
    assert 5.8 < noisy.std() < 6.3
    white = room.add_noise(flat * 0 + 255, 6, np.random.default_rng(0))
    assert white.min() > 200  # clipped, not wrapped around


def test_blur_smooths() -> None:
    photo = np.zeros((9, 9, 3), np.uint8)
    photo[4, 4] = 255
    blurred = room.blur(photo, 1.0)
    assert 30 < blurred[4, 4, 0] < 50
    assert blurred[4, 5, 0] == blurred[5, 4, 0] > 15


def test_jpeg_keeps_channels_in_order_and_is_worse_at_low_quality() -> None:
    photo = colourful()
    good, bad = (
        np.abs(room.compress(photo, quality).astype(int) - photo).mean() for quality in (95, 30)
    )
    assert good < 4
    assert good < bad < 20


def test_options_name_what_is_wrong() -> None:
    with pytest.raises(UsageError, match="jpeg_quality"):
        AugmentOptions(jpeg_quality=100)
    with pytest.raises(UsageError, match="crop_share"):
        AugmentOptions(crop_share=0)
