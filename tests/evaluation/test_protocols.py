"""The two protocols, on truth where the answer is known."""

import numpy as np
import pytest
from numpy.typing import NDArray

from nearfar.datasets import Truth
from nearfar.errors import DatasetError
from nearfar.evaluation.protocols import ProtocolName, align, evaluated_pixels
from nearfar.evaluation.runner import Measures, measure
from tests.evaluation.made import metres, truth

PROTOCOLS: tuple[ProtocolName, ...] = ("midas", "affine")


def measured(
    prediction: NDArray[np.float32],
    known: Truth,
    protocol: ProtocolName = "midas",
    cap_m: float | None = 10.0,
) -> Measures:
    return measure(prediction, known, np.ones(known.valid.shape, np.bool_), protocol, cap_m)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(("scale", "shift"), [(1, 0), (350, -20), (0.002, 5)])
def test_affine_map_of_the_truth_has_no_error(
    protocol: ProtocolName, scale: float, shift: float
) -> None:
    known = truth()
    found = measured(np.float32(scale) * known.inverse + np.float32(shift), known, protocol)
    assert found.bad_pixel == 0
    assert found.delta1 == 1
    assert found.abs_rel == pytest.approx(0, abs=1e-3)
    assert found.rmse_m == pytest.approx(0, abs=1e-2)
    assert found.ordinal == 0
    assert found.boundary_f1 == pytest.approx(1, abs=0.3)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_near_and_far_swapped_is_wrong(protocol: ProtocolName) -> None:
    known = truth()
    found = measured(-known.inverse, known, protocol)
    assert found.bad_pixel is not None
    assert found.bad_pixel > 50
    assert found.ordinal == 100
    assert found.inverse_error == pytest.approx(1)


def test_upside_down_is_wrong() -> None:
    known = truth()
    assert measured(known.inverse[::-1], known).bad_pixel != 0


def test_midas_by_hand() -> None:
    known = truth(np.array([[1, 2, 4]], np.float32))
    prediction = np.array([[4, 0, 0]], np.float32)  # aligned: 1, 0.375, 0.375
    found = measured(prediction, known)
    assert found.abs_rel == pytest.approx((0 + (8 / 3 - 2) / 2 + (4 - 8 / 3) / 4) / 3, rel=1e-6)
    assert found.bad_pixel == pytest.approx(200 / 3)


def test_prediction_is_capped_in_inverse_depth() -> None:
    known = truth()
    counted, farthest = evaluated_pixels(known, known.valid, "midas", 10.0)
    found = align(known.inverse[counted], known.inverse[counted], "midas", farthest)
    beyond = np.array([-3, 0.01, 0.2], np.float32)
    np.testing.assert_allclose(found.depth(beyond), [10, 10, 5], rtol=1e-4)
    assert found.inverse(beyond)[0] == pytest.approx(-3, rel=1e-4)


def test_cap_of_relative_truth_is_twice_the_farthest() -> None:
    for known, cap_m in ((truth(kind="inverse"), 10.0), (truth(kind="depth"), None)):
        _, farthest = evaluated_pixels(known, known.valid, "midas", cap_m)
        assert farthest == pytest.approx(16)


def test_midas_counts_truth_beyond_the_cap_and_affine_does_not() -> None:
    known = truth()
    assert evaluated_pixels(known, known.valid, "midas", 4.0)[0].all()
    counted, farthest = evaluated_pixels(known, known.valid, "affine", 4.0)
    assert farthest == 4
    np.testing.assert_array_equal(counted, metres() < 4)


def test_affine_aligns_in_depth_too() -> None:
    known = truth()
    rng = np.random.default_rng(0)
    prediction = known.inverse**2 + rng.uniform(0, 0.05, known.inverse.shape).astype(np.float32)
    midas, affine = (measured(prediction, known, name) for name in PROTOCOLS)
    assert midas.rmse_m is not None
    assert affine.rmse_m is not None
    assert affine.rmse_m < midas.rmse_m
    counted, farthest = evaluated_pixels(known, known.valid, "affine", 10.0)
    found = align(prediction[counted], known.inverse[counted], "affine", farthest)
    depth, true = found.depth(prediction), metres()
    # least squares: what is left over does not depend on the depth
    assert float(np.mean(depth - true)) == pytest.approx(0, abs=1e-3)
    assert depth.max() <= 10
    assert depth.min() >= 10 * 1e-4


def test_pixels_that_are_not_known_don_t_count() -> None:
    valid = np.zeros((24, 32), np.bool_)
    valid[::3, ::3] = True
    known = truth(valid=valid)
    prediction = np.where(valid, known.inverse, np.float32(99))
    found = measured(prediction, known)
    assert found.bad_pixel == 0
    assert found.boundary_f1 is None  # too sparse for edges


def test_disparity_has_ordering_but_no_depth() -> None:
    known = truth(kind="disparity")
    found = measured(known.inverse, known, cap_m=None)
    assert found.inverse_error == pytest.approx(0, abs=1e-5)
    assert found.rmse_m is None
    with pytest.raises(DatasetError, match="use the protocol midas"):
        measured(known.inverse, known, "affine")


def test_crop_without_truth_is_told() -> None:
    known = truth()
    with pytest.raises(DatasetError, match="use the crop none"):
        evaluated_pixels(known, np.zeros_like(known.valid), "midas")
    with pytest.raises(DatasetError, match="use a larger cap"):
        evaluated_pixels(known, known.valid, "affine", 0.5)
