"""The photo's edges in the map."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nearfar.imaging.guided_filter import refine


def test_blurred_edge_moves_to_the_photo_s_edge() -> None:
    photo = np.zeros((160, 160, 3), np.uint8)
    photo[:, 83:] = 200
    truth = np.where(np.arange(160) >= 83, 8.0, 2.0)
    small = np.tile(np.interp(np.arange(40), [18.25, 22.25], [2.0, 8.0]), (40, 1))
    result = refine(small.astype(np.float32), photo)
    blurred = np.interp(np.arange(160), [74.5, 90.5], [2.0, 8.0])
    assert np.abs(result[80] - truth).mean() < 0.8 * np.abs(blurred - truth).mean()


def test_texture_without_depth_stays_flat() -> None:
    photo = np.random.default_rng(1).integers(0, 256, (96, 128, 3), np.uint8)
    flat = np.full((24, 32), 3.5, np.float32)
    np.testing.assert_allclose(refine(flat, photo), 3.5, atol=1e-4)


def test_flat_photo_leaves_the_map_smooth() -> None:
    ramp = np.tile(np.linspace(0, 1, 32, dtype=np.float32), (24, 1))
    result = refine(ramp, np.full((96, 128, 3), 77, np.uint8))
    middle = result[:, 32:-32]
    assert (np.diff(middle, axis=1) > 0).all()


@given(
    height_px=st.integers(1, 200),
    width_px=st.integers(1, 200),
    low=st.floats(0, 100),
    span=st.floats(0, 1000),
)
def test_values_stay_near_the_range_of_the_map(
    height_px: int, width_px: int, low: float, span: float
) -> None:
    random = np.random.default_rng(2)
    small = (low + span * random.random((32, 64))).astype(np.float32)
    photo = random.integers(0, 256, (height_px, width_px, 3), np.uint8)
    result = refine(small, photo)
    assert result.shape == (height_px, width_px)
    assert result.dtype == np.float32
    assert np.isfinite(result).all()
    assert low - span <= result.min() + 1e-3
    assert result.max() - 1e-3 <= low + 2 * span
