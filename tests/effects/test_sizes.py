import numpy as np
import pytest

from nearfar.imaging.resize import doubled_rows, fitting, half, larger, larger_at, smaller


def test_fitting_keeps_the_aspect_and_what_is_small() -> None:
    assert fitting((720, 1280, 3), 640) == (640, 360)
    assert fitting((10, 20), 640) == (20, 10)
    assert fitting((1, 5000), 100) == (100, 1)


def test_half_is_the_mean_of_areas_and_rounds_up() -> None:
    values = np.arange(16, dtype=np.float32).reshape(4, 4)
    np.testing.assert_array_equal(half(values), np.array([[2.5, 4.5], [10.5, 12.5]], np.float32))
    assert half(np.zeros((3, 5, 3), np.float32)).shape == (2, 3, 3)


@pytest.mark.parametrize("shape", [(4, 6), (4, 6, 3)])
def test_the_same_size_is_a_copy(shape: tuple[int, ...]) -> None:
    values = np.random.default_rng(0).random(shape).astype(np.float32)
    for same in (smaller(values, (6, 4)), larger(values, (4, 6))):
        assert not np.shares_memory(same, values)
        np.testing.assert_array_equal(same, values, strict=True)


def test_doubled_rows_are_those_of_the_whole() -> None:
    values = np.random.default_rng(0).random((7, 5)).astype(np.float32)
    whole = larger(values, (14, 10))
    for start in range(0, 14, 2):
        for stop in range(start + 2, 18, 2):
            rows = slice(start, stop)
            np.testing.assert_allclose(doubled_rows(values, rows), whole[rows], rtol=1e-6)


@pytest.mark.parametrize("count", [0, 1, 3000])
def test_places_of_the_larger_one_are_those_of_the_whole(count: int) -> None:
    random = np.random.default_rng(0)
    values = random.random((30, 41, 3)).astype(np.float32)
    places = random.integers(60 * 82, size=count)
    found = larger_at(values, (60, 82), places)
    assert found.shape == (count, 3)
    expected = larger(values, (60, 82)).reshape(-1, 3)[places]
    np.testing.assert_allclose(found, expected, atol=1e-5)
