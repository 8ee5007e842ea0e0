"""Scale and shift by least squares."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearfar.evaluation.protocols import scale_and_shift


def test_hand_worked() -> None:
    # means 1 and 2; covariance (1 + 0 + 1) / variance (1 + 0 + 1)
    assert scale_and_shift(np.array([0, 1, 2]), np.array([1, 2, 3])) == (1, 1)
    # 0, 1, 2 onto 0, 0, 3: scale 3 / 2, shift 1 - 3 / 2
    assert scale_and_shift(np.array([0, 1, 2]), np.array([0, 0, 3])) == (1.5, -0.5)


def test_only_valid_pixels_count() -> None:
    prediction, target = np.array([[0.0, 1], [2, 50]]), np.array([[1.0, 2], [3, -9]])
    valid = np.array([[True, True], [True, False]])
    assert scale_and_shift(prediction, target, valid) == (1, 1)


@given(st.integers(0, 1000), st.floats(0.01, 100), st.floats(-100, 100))
def test_same_as_numpy_s_solver(seed: int, scale: float, shift: float) -> None:
    x = np.random.default_rng(seed).random(50).astype(np.float32)
    noise = np.random.default_rng(seed + 1).random(50) * scale / 10
    y = (scale * x + shift + noise).astype(np.float32)
    system = np.stack((x, np.ones_like(x)), axis=1).astype(np.float64)
    expected = np.linalg.lstsq(system, y.astype(np.float64), rcond=None)[0]
    np.testing.assert_allclose(scale_and_shift(x, y), expected, rtol=1e-6, atol=1e-6)


def test_near_and_far_swapped_is_not_mended() -> None:
    assert scale_and_shift(np.array([2, 1, 0]), np.array([1, 2, 3])) == (0, 2)


@pytest.mark.parametrize("prediction", [np.zeros(3), np.full(3, 7.0)])
def test_flat_prediction_becomes_the_mean(
    prediction: "np.ndarray[tuple[int], np.dtype[np.float64]]",
) -> None:
    assert scale_and_shift(prediction, np.array([1, 2, 6])) == (0, 3)


def test_no_pixel() -> None:
    assert scale_and_shift(np.zeros(2), np.ones(2), np.zeros(2, np.bool_)) == (0, 0)


def test_large_offset_keeps_its_digits() -> None:
    x = np.linspace(1000, 1001, 1000, dtype=np.float32)
    scale, shift = scale_and_shift(x, (x - 1000) * 2)
    assert scale == pytest.approx(2, rel=1e-9)
    assert shift == pytest.approx(-2000, rel=1e-9)
