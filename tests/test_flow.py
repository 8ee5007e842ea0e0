"""Optical flow, where OpenCV has none."""

import numpy as np
import pytest

from nearfar.imaging.optical_flow import Flow


@pytest.mark.parametrize("shape", [(1, 1), (2, 11), (1, 40), (40, 5), (11, 11)])
def test_tiny_pictures_stand_still(shape: tuple[int, int]) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (2, *shape), np.uint8)
    places = Flow().track(noise[0], noise[1]).xy_px
    rows, columns = np.indices(shape)
    np.testing.assert_array_equal(places, np.stack([columns, rows], -1))


def test_what_moves_is_followed() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (12, 16), np.uint8)
    large = noise.repeat(8, 0).repeat(8, 1)
    places = Flow(is_exact=True).track(large, np.roll(large, 3, axis=1)).xy_px
    moved = places[32:64, 32:96, 0] - np.arange(32, 96)
    assert np.median(moved) == pytest.approx(3, abs=0.5)
