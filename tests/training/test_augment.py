from dataclasses import replace

import cv2
import numpy as np
import pytest

from nearfar.errors import UsageError
from nearfar.training.data import augment as room
from nearfar.training.data.augment import AugmentOptions, augment
from nearfar.training.data.pair_file import Sample
from tests.training.pairsets import ramp

NOTHING = AugmentOptions(flip=0, rotate=0, color=0, gray=0, blur=0, cutout=0, noise=0, jpeg=0)


def own_truth(width_px: int = 96, height_px: int = 72) -> Sample:
    """A grey photo of its own truth, with a step, a hole and a sky."""
    inverse = ramp(width_px, height_px).astype(np.float32)
    inverse[: height_px // 4] = 1 / 65535
    inverse[:, width_px // 2 :] += 8
    photo = np.repeat(np.rint(inverse).astype(np.uint8)[..., None], 3, axis=2)
    inverse[height_px // 2 :, : width_px // 8] = 0
    return Sample(photo, inverse, sparse=False)


def colorful(
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
        assert (result.inverse >= 0).all()
        level = augment(sample, size, np.random.default_rng(seed), AugmentOptions(tilt_deg=0))
        assert set(level.inverse.flat) <= set(sample.inverse.flat)


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
    options = replace(NOTHING, flip=0.5, rotate=0.5, tilt_deg=0)
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
    turned = room.rotate_camera(sample, 90)
    np.testing.assert_array_equal(turned.photo, np.rot90(sample.photo))
    np.testing.assert_array_equal(turned.inverse, np.rot90(sample.inverse))


def test_nothing_is_known_in_corners_from_outside() -> None:
    sample = Sample(np.full((40, 60, 3), 90, np.uint8), np.ones((40, 60), np.float32), sparse=False)
    turned = room.rotate_camera(sample, 10)
    assert (turned.photo == 90).all(), "the photo goes on"
    corners = turned.inverse[[0, 0, -1, -1], [0, -1, 0, -1]]
    np.testing.assert_array_equal(corners, 0)
    assert 0.85 < turned.inverse.mean() < 0.95
    assert turned.inverse[20, 30] == 1


def test_turns_stay_within_their_greatest() -> None:
    options = replace(NOTHING, rotate=1, roll_deg=4, tilt_deg=0, crop_share=1, stretch=1)
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


@pytest.mark.parametrize("angles", [(5, 0, 0), (0, 8, 0), (0, 0, 8), (3, -7, 5)])
def test_a_plane_stays_that_plane_before_a_tilted_camera(angles: tuple[int, int, int]) -> None:
    """A plane's inverse depth is linear in the picture, by its normal; a turn keeps its length."""
    height_px, width_px = 192, 256
    focal_px = 0.72 * np.hypot(width_px, height_px)
    rows, columns = np.mgrid[:height_px, :width_px].astype(np.float32)
    rays = np.stack(
        (
            (columns - (width_px - 1) / 2) / focal_px,
            (rows - (height_px - 1) / 2) / focal_px,
            np.ones_like(rows),
        ),
        axis=-1,
    )
    normal = np.array((0.3, 0.5, 1), np.float32)
    photo = np.zeros((height_px, width_px, 3), np.uint8)
    turned = room.rotate_camera(Sample(photo, rays @ normal, sparse=False), *angles).inverse
    known = turned > 0
    assert 0.7 < known.mean() < 1
    found = np.linalg.lstsq(rays[known], turned[known], rcond=None)[0]
    np.testing.assert_allclose(rays[known] @ found, turned[known], atol=3e-3)  # the nearest pixel's
    assert np.linalg.norm(found) == pytest.approx(np.linalg.norm(normal), rel=1e-3)
    roll, pitch, yaw = np.sign(angles)
    if pitch > 0:
        assert found[1] > normal[1] + 0.1, "looking up, a floor comes nearer faster"
    if yaw > 0 and not pitch:
        assert found[0] < normal[0] - 0.1, "looking right, what is right of it turns away"
    if roll and not pitch:
        assert found[2] == pytest.approx(normal[2], abs=1e-3)


def test_a_camera_that_looks_up_sees_things_lower() -> None:
    photo = np.zeros((100, 100, 3), np.uint8)
    photo[50, 50] = 255
    up = room.rotate_camera(
        Sample(photo, np.ones((100, 100), np.float32), sparse=False), 0, 8
    ).photo
    right = room.rotate_camera(
        Sample(photo, np.ones((100, 100), np.float32), sparse=False), 0, 0, 8
    ).photo
    assert np.argmax(up.sum(axis=(1, 2))) > 55
    assert np.argmax(right.sum(axis=(0, 2))) < 45


def test_a_hidden_part_is_one_color_and_no_larger_than_told() -> None:
    photo = colorful(96, 128)
    shares = []
    for seed in range(40):
        hidden = room.cutout(photo, 0.2, np.random.default_rng(seed))
        changed = (hidden != photo).any(axis=2)
        colors = np.unique(hidden[changed], axis=0)
        assert len(colors) == 1
        shares.append(changed.mean())
    assert max(shares) < 0.21
    assert max(shares) > 0.15, "the whole of it, where it lies inside"


def test_half_are_mirrored() -> None:
    options = replace(NOTHING, flip=0.5)
    sample = own_truth()
    mirrored = 0
    for seed in range(200):
        row = augment(sample, (32, 24), np.random.default_rng(seed), options).inverse[-1]
        mirrored += row[0] > row[-1] > 0 or row[-1] == 0
    assert 70 < mirrored < 130


def test_a_whole_crop_is_the_whole_picture() -> None:
    sample = own_truth()
    options = replace(NOTHING, crop_share=1, stretch=1)
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


def test_colors_change_in_their_ranges_and_grey_stays_grey() -> None:
    flat = np.full((8, 8, 3), 100, np.uint8)
    light_only = AugmentOptions(brightness=0.3, gamma=1, tint=0, contrast=0.3)
    seen = []
    for seed in range(100):
        color = room.recolor(flat, np.random.default_rng(seed), light_only)[0, 0].astype(int)
        assert np.ptp(color) <= 1
        seen.append(int(color[0]))
    assert 69 <= min(seen) < 76
    assert 124 < max(seen) <= 131


def test_no_range_changes_no_color() -> None:
    photo = colorful()
    still = AugmentOptions(brightness=0, contrast=0, saturation=0, tint=0, gamma=1, hue_deg=0)
    np.testing.assert_array_equal(room.recolor(photo, np.random.default_rng(0), still), photo)


def test_contrast_leaves_the_mean() -> None:
    photo = colorful()
    options = AugmentOptions(brightness=0, contrast=0.3, saturation=0, tint=0, gamma=1, hue_deg=0)
    for seed in range(10):
        changed = room.recolor(photo, np.random.default_rng(seed), options)
        assert abs(changed.mean() - photo.mean()) < 6
        assert changed.std() != photo.std()


def test_hue_turns_red_to_green_in_a_third_of_a_circle() -> None:
    turned = np.array((200, 0, 0)) @ room._rotate_hue(np.radians(120)).T
    np.testing.assert_allclose(turned, (0, 200, 0), atol=1e-9)


def test_grey_has_one_channel_value() -> None:
    options = AugmentOptions(color=0, blur=0, noise=0, jpeg=0, gray=1)
    sample = Sample(colorful(), np.ones((48, 64), np.float32), sparse=False)
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
    photo = colorful()
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
