import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from nearfar.training.data.resample import is_sparse, keep_points, majority, nearest, resize_photo

METHODS = (nearest, keep_points, majority)


def truth(*rows: tuple[float, ...]) -> NDArray[np.float32]:
    return np.array(rows, np.float32)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    old=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    new=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    known=st.floats(0, 1),
)
@pytest.mark.parametrize("method", METHODS)
def test_no_value_is_invented(
    method: object, seed: int, old: tuple[int, int], new: tuple[int, int], known: float
) -> None:
    rng = np.random.default_rng(seed)
    values = rng.uniform(0.1, 1, old).astype(np.float32)
    values[rng.random(old) > known] = 0
    assert callable(method)
    result = method(values, new)
    assert result.shape == new[::-1]
    assert result.dtype == np.float32
    assert set(result.flat) <= {*values.flat, np.float32(0)}


@pytest.mark.parametrize("method", METHODS)
def test_same_size_is_the_same(method: object) -> None:
    values = truth((1, 0, 3), (4, 5, 6))
    assert callable(method)
    np.testing.assert_array_equal(method(values, (3, 2)), values)


def test_nearest_takes_what_is_under_the_centre() -> None:
    assert nearest(truth((1, 2, 3, 4, 5, 6)), (2, 1)).tolist() == [[2, 5]]
    assert nearest(truth((1, 2)), (4, 1)).tolist() == [[1, 1, 2, 2]]


def test_majority_decides_an_edge() -> None:
    # three of four near: the pixel is near; never a mean of 1 and 9
    assert majority(truth((9, 9, 1, 1), (9, 1, 1, 1)), (2, 1)).tolist() == [[9, 1]]


def test_majority_of_what_is_known() -> None:
    assert majority(truth((0, 7), (0, 5)), (1, 1)).tolist() == [[5]]
    assert majority(truth((0, 7), (0, 0)), (1, 1)).tolist() == [[0]]


def test_majority_is_the_median_of_sixteen() -> None:
    values = np.random.default_rng(0).permutation(16).astype(np.float32).reshape(4, 4) + 1
    assert majority(values, (1, 1)).tolist() == [[8]]


def test_a_thin_far_line_gives_way_and_sky_stays_sky() -> None:
    values = np.full((8, 8), 1 / 65535, np.float32)
    values[4:] = 1
    values[:, 3] = 0.5
    result = majority(values, (2, 2))
    np.testing.assert_array_equal(result[0], np.float32(1 / 65535))
    np.testing.assert_array_equal(result[1], 1)


def test_every_point_survives() -> None:
    values = np.zeros((300, 500), np.float32)
    rng = np.random.default_rng(1)
    cells = rng.permutation(10 * 16)[:60]  # at most one in each new pixel
    rows, columns = cells // 16, cells % 16
    values[rows * 30 + rng.integers(30, size=60), columns * 31 + 10] = np.arange(1, 61)
    result = keep_points(values, (16, 10))
    assert sorted(result[result > 0]) == list(range(1, 61))


def test_of_two_points_the_nearer_stays() -> None:
    assert keep_points(truth((2, 0, 5, 0, 0, 0)), (2, 1)).tolist() == [[5, 0]]
    assert keep_points(truth((5, 0, 2, 0, 0, 1)), (2, 1)).tolist() == [[5, 1]]


def test_a_point_stays_a_point_when_pictures_grow() -> None:
    assert keep_points(truth((0, 7)), (6, 1)).tolist() == [[0, 0, 0, 0, 7, 0]]


def test_photo_is_averaged_and_in_line_with_its_truth() -> None:
    stripes = np.repeat(np.array([[0, 100, 200, 100]], np.uint8), 4, axis=0)
    photo = np.repeat(stripes[..., None], 3, axis=2)
    assert resize_photo(photo, (2, 2))[0, :, 0].tolist() == [50, 150]
    step = np.zeros((90, 120), np.float32) + 1
    step[:, 60:] = 200
    for size in ((40, 30), (53, 41), (240, 180)):
        grey = resize_photo(np.repeat(step[..., None], 3, axis=2).astype(np.uint8), size)[..., 0]
        for method in (nearest, majority):
            differs = np.abs(method(step, size) - grey) > 100
            assert not differs.any()


def test_sparse() -> None:
    values = np.zeros((10, 10), np.float32)
    values.flat[:24] = 1
    assert is_sparse(values)
    values.flat[:25] = 1
    assert not is_sparse(values)
