import numpy as np
import pytest

from nearfar.imaging.normalize import between, limits, subsample


def test_limits_are_set_by_others() -> None:
    values = np.array([[0, 4, 12]], np.float32)
    among = np.array([2, 6, 10], np.float32)
    shown = between(values, *limits(among, robust=False))
    np.testing.assert_array_equal(shown, np.array([[0, 0.25, 1]], np.float32), strict=True)


def test_nothing_among_gives_zeros() -> None:
    values = np.ones((2, 3), np.float32)
    none = np.empty(0, np.float32)
    for robust in (False, True):
        assert (between(values, *limits(none, robust=robust)) == 0).all()


@pytest.mark.parametrize("size_px", [(480, 640), (1500, 2000)])
def test_a_large_map_has_the_limits_of_all_its_pixels(size_px: tuple[int, int]) -> None:
    rows, columns = np.mgrid[: size_px[0], : size_px[1]].astype(np.float32)
    values = np.sin(rows / size_px[0] * 5) + (columns / size_px[1]) ** 2
    low, high = np.percentile(values, (2, 98))
    expected = np.clip((values - low) / (high - low), 0, 1)
    shown = between(values, *limits(values, robust=True))
    np.testing.assert_allclose(shown, expected, atol=0.005)


def test_thinned_keeps_what_is_small_and_what_has_no_rows() -> None:
    small, row = np.ones((320, 639, 3), np.uint8), np.ones(5000, np.float32)
    assert subsample(small) is small
    assert subsample(row) is row
    assert subsample(np.ones((1000, 1300, 3), np.uint8)).shape == (250, 325, 3)
