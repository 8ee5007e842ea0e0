"""The helpers that the effects share."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nearfar.effects._segment.edge_snapping import snap
from nearfar.effects.depth_stats import near_cut, nearness_at, relative_size, remoteness, valley
from nearfar.imaging.color import luminance, to_linear, to_srgb
from nearfar.imaging.guided_filter import Guide
from tests.effects.walls import light_of, noise, two_planes


def test_every_byte_comes_back_from_linear_light() -> None:
    codes = np.repeat(np.arange(256, dtype=np.uint8), 3).reshape(16, 16, 3)
    np.testing.assert_array_equal(to_srgb(to_linear(codes)), codes)
    np.testing.assert_allclose(to_linear(codes), light_of(codes), atol=1e-6)


def test_light_beyond_the_range_is_clipped() -> None:
    light = np.array([[[-1, 2, 0.5]]], np.float32)
    np.testing.assert_array_equal(to_srgb(light), [[[0, 255, 188]]])


def test_white_has_luminance_1() -> None:
    assert luminance(np.ones((2, 3, 3), np.float32)) == pytest.approx(1)


def test_smeared_edge_moves_to_the_photo_s_edge() -> None:
    photo, depth = two_planes(240, 320, 140)
    truth = depth.nearness()
    smeared = cv2.GaussianBlur(np.roll(truth, 3, axis=1), (0, 0), 5)
    snapped = snap(np.asarray(smeared, np.float32), photo)
    region = slice(100, 180)
    before = np.abs(smeared - truth)[:, region].mean()
    assert np.abs(snapped - truth)[:, region].mean() < 0.65 * before


def test_sharp_edges_stay_whatever_the_photo_shows() -> None:
    nearness = two_planes()[1].nearness()
    np.testing.assert_array_equal(snap(nearness, noise(120, 160)), nearness)


def test_thin_things_stay() -> None:
    nearness = np.zeros((200, 200), np.float32)
    nearness[:, 99:101] = 1
    np.testing.assert_array_equal(snap(nearness, noise(200, 200)), nearness)


def test_plane_stays_a_plane() -> None:
    ramp = np.tile(np.linspace(0.1, 0.9, 320, dtype=np.float32), (240, 1))
    flat = np.full((240, 320, 3), 128, np.uint8)
    middle = slice(30, -30)
    np.testing.assert_allclose(snap(ramp, flat)[:, middle], ramp[:, middle], atol=0.02)


@settings(deadline=None, max_examples=30)
@given(height_px=st.integers(1, 90), width_px=st.integers(1, 90), seed=st.integers(0, 99))
def test_snapped_map_stays_in_range(height_px: int, width_px: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    nearness = cv2.GaussianBlur(random.random((height_px, width_px), np.float32), (0, 0), 3)
    nearness = nearness.reshape(height_px, width_px)
    result = snap(np.asarray(nearness, np.float32), noise(height_px, width_px, seed))
    assert result.shape == nearness.shape
    assert np.isfinite(result).all()
    assert 0 <= result.min() <= result.max() <= 1


def test_guide_of_one_grey_gives_the_mean() -> None:
    grey = np.full((50, 60, 3), 77, np.uint8)
    constant = np.full((50, 60), 0.3, np.float32)
    np.testing.assert_allclose(Guide(grey, 0.05, 1e-4).filter(constant), 0.3, atol=1e-5)


def test_black_and_white_photo_is_no_trouble() -> None:
    photo = np.repeat(np.where(noise(80, 90)[..., :1] > 127, 255, 0), 3, axis=2).astype(np.uint8)
    values = (photo[..., 0] / 255).astype(np.float32)
    np.testing.assert_allclose(Guide(photo, 0.05, 1e-4).filter(values), values, atol=0.02)


def test_valley_parts_two_heaps() -> None:
    heaps = np.concatenate([np.full(300, 0.2), np.full(100, 0.8)]).astype(np.float32)
    assert valley(heaps) == pytest.approx(0.5, abs=0.01)


def test_one_value_has_no_valley() -> None:
    assert valley(np.full(50, 0.4, np.float32)) is None
    assert near_cut(np.zeros((5, 5), np.float32)) is None


def test_cut_lies_between_the_planes() -> None:
    cut = near_cut(two_planes()[1].nearness())
    assert cut is not None
    assert 0.02 < cut < 0.98


def test_distance_goes_from_0_to_1_and_size_with_its_inverse() -> None:
    ends = remoteness(np.array([1, 0.5, 0], np.float32))
    np.testing.assert_allclose(ends, [0, 1 / 6, 1], atol=1e-6)
    assert relative_size(1.0) == 1
    assert relative_size(0.0) == pytest.approx(0.2)


def test_place_is_read_in_parts_of_the_sides() -> None:
    nearness = two_planes()[1].nearness()
    assert nearness_at(nearness, 0.0, 0.0) == 1
    assert nearness_at(nearness, 1.0, 1.0) == 0
