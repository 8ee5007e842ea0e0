"""Fog, fade and relight: light that depends on depth."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nearfar.depth import DepthMap
from nearfar.effects.fade import FadeOptions, fade
from nearfar.effects.fog import FogOptions, fog
from nearfar.effects.relight import RelightOptions, relight
from nearfar.errors import UsageError
from tests.effects.walls import GREEN, RED, any_depth, flat, light_of, noise, two_planes


def test_fog_hides_the_asked_part_of_the_farthest_and_nothing_of_the_nearest() -> None:
    photo, depth = two_planes()
    result = fog(photo, depth, FogOptions(density=0.8, color="#ffffff")).pixels
    assert (result[:, :70] == RED).all()
    expected = 0.2 * light_of(np.array(GREEN)) + 0.8
    np.testing.assert_allclose(light_of(result[60, 120]), expected, atol=0.006)


def test_fog_grows_with_distance() -> None:
    photo = np.zeros((40, 200, 3), np.uint8)
    ramp = DepthMap(np.tile(np.linspace(0, 1, 200, dtype=np.float32), (40, 1)))
    result = fog(photo, ramp, FogOptions(color="white")).pixels[20, :, 0].astype(int)
    assert (np.diff(result) <= 0).all()
    assert result[0] > 200
    assert result[-1] == 0


def test_fog_of_no_density_is_the_photo() -> None:
    photo = noise(40, 50)
    result = fog(photo, any_depth(40, 50, 1, 2.0), FogOptions(density=0.0)).pixels
    np.testing.assert_array_equal(result, photo)


def test_clear_start_keeps_the_middle() -> None:
    photo = noise(30, 90)
    depth = np.full((30, 90), 4.0, np.float32)
    depth[:, 30:60], depth[:, 60:] = 2.0, 0.0
    # nearness 0.5 is a sixth of the way to the farthest
    result = fog(photo, DepthMap(depth), FogOptions(start=0.2)).pixels
    np.testing.assert_array_equal(result[:, :60], photo[:, :60])
    assert result[:, 60:].std() < photo[:, 60:].std()


def test_unknown_fog_color() -> None:
    photo = noise(4, 4)
    with pytest.raises(UsageError, match="no color"):
        fog(photo, flat(photo), FogOptions(color="#12"))


def test_fade_is_grey_far_and_color_near() -> None:
    photo, depth = two_planes()
    result = fade(photo, depth, FadeOptions(darken=0.0)).pixels
    assert (result[:, :70] == RED).all()
    assert np.ptp(result[:, 70:].astype(int), axis=2).max() == 0
    luminance = light_of(np.array(GREEN)) @ [0.2126, 0.7152, 0.0722]
    assert light_of(result[60, 120, :1])[0] == pytest.approx(luminance, abs=0.005)


def test_fade_amount_0_is_the_photo() -> None:
    photo = noise(40, 50)
    result = fade(photo, any_depth(40, 50, 1, 2.0), FadeOptions(amount=0.0)).pixels
    np.testing.assert_array_equal(result, photo)


def test_fade_of_constant_depth_is_the_photo() -> None:
    photo = noise(20, 30)
    np.testing.assert_array_equal(fade(photo, flat(photo), FadeOptions()).pixels, photo)


def test_lamp_is_brightest_where_it_is() -> None:
    photo = np.full((90, 120, 3), 120, np.uint8)
    for x, y in ((0.2, 0.3), (0.8, 0.7)):
        options = RelightOptions(x=x, y=y, brightness=0.8)
        bright = relight(photo, flat(photo), options).pixels[..., 1].astype(int)
        rows, columns = np.nonzero(bright == bright.max())
        assert abs(columns.mean() / 120 - x) < 0.05
        assert abs(rows.mean() / 90 - y) < 0.05


def test_slope_that_faces_the_lamp_is_brighter() -> None:
    photo = np.full((100, 100, 3), 100, np.uint8)
    roof = np.tile(5 - np.abs(np.arange(100) - 49.5) / 10, (100, 1)).astype(np.float32)
    for x, is_left in ((0.0, True), (1.0, False)):
        options = RelightOptions(x=x, y=0.5, shadow=0.0)
        bright = relight(photo, DepthMap(roof), options).pixels[..., 1].astype(int)
        assert (bright[50, 30] > bright[50, 70]) == is_left


def test_shadow_falls_behind_the_wall_away_from_the_lamp() -> None:
    photo = np.full((100, 160, 3), 100, np.uint8)
    depth = np.full((100, 160), 1.0, np.float32)
    depth[:, 70:80] = 5.0
    lit, dark = (
        relight(
            photo, DepthMap(depth), RelightOptions(x=0.1, y=0.5, nearness=0.8, shadow=shadow)
        ).pixels.astype(int)
        for shadow in (0.0, 1.0)
    )
    assert dark[50, 95, 1] < 0.7 * lit[50, 95, 1]
    np.testing.assert_allclose(dark[50, 40], lit[50, 40], atol=2)


def test_no_lamp_leaves_the_ambient_part() -> None:
    photo = noise(40, 50)
    options = RelightOptions(brightness=0.0, ambient=0.5)
    result = relight(photo, any_depth(40, 50, 1, 2.0), options).pixels
    np.testing.assert_allclose(light_of(result), 0.5 * light_of(photo), atol=0.006)


def test_color_of_the_lamp() -> None:
    photo = np.full((40, 50, 3), 100, np.uint8)
    options = RelightOptions(color="#ff0000", ambient=0.0)
    result = relight(photo, flat(photo), options).pixels
    assert result[..., 0].max() > 100
    assert result[..., 1:].max() == 0


@settings(deadline=None, max_examples=30)
@given(
    height_px=st.integers(1, 60),
    width_px=st.integers(1, 60),
    span=st.floats(0, 1e6),
    seed=st.integers(0, 9),
)
def test_any_size_and_depth(height_px: int, width_px: int, span: float, seed: int) -> None:
    photo, depth = noise(height_px, width_px), any_depth(height_px, width_px, seed, span)
    for result in (
        fog(photo, depth, FogOptions()),
        fade(photo, depth, FadeOptions()),
        relight(photo, depth, RelightOptions()),
    ):
        assert result.pixels.shape == photo.shape
        assert result.pixels.dtype == np.uint8


def test_strong_lamp_never_clips_what_was_not_white() -> None:
    photo = np.array([[[40, 40, 40], [180, 160, 140], [250, 250, 250]]], np.uint8)
    result = relight(photo, flat(photo), RelightOptions(brightness=5.0)).pixels
    assert result.max() < 255
    assert (np.diff(result[0].astype(int), axis=0) > 0).all()


def test_edge_between_two_walls_does_not_glare() -> None:
    photo = np.full((100, 160, 3), 100, np.uint8)
    depth = np.full((100, 160), 1.0, np.float32)
    depth[:, 80:] = 2.0
    options = RelightOptions(x=0.5, y=0.5, shadow=0.0)
    row = relight(photo, DepthMap(depth), options).pixels[50, :, 1].astype(int)
    sides = row[60], row[100]
    assert row[72:88].min() > min(sides) - 8
    assert row[72:88].max() < max(sides) + 16  # it is nearest to the lamp


@pytest.mark.parametrize("relief", [1e-320, 1e-153, 1e-40])
def test_a_relief_too_low_for_float32_throws_no_shadow(relief: float) -> None:
    photo = noise(40, 50)
    depth = any_depth(40, 50, 1, 9.0)
    low, shadowless = (
        relight(photo, depth, RelightOptions(relief=relief, shadow=shadow)).pixels
        for shadow in (1.0, 0.0)
    )
    np.testing.assert_array_equal(low, shadowless)
