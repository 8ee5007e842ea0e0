"""Pairs of pixels from regions that have an order."""

import numpy as np

from nearfar.datasets import BORDER_PX, draw_pairs

ORDER = np.array([[1, 2]], np.int64)


def halves(width: int = 40, height: int = 30) -> np.ndarray[tuple[int, int], np.dtype[np.uint16]]:
    regions = np.full((height, width), 2, np.uint16)
    regions[:, : width // 2] = 1
    return regions


def test_the_first_of_each_pair_lies_in_the_nearer_region() -> None:
    regions = halves()
    pairs = draw_pairs(regions, ORDER, 500, np.random.default_rng(0))
    assert pairs.shape == (500, 2)
    assert (regions.ravel()[pairs] == (1, 2)).all()
    swapped = draw_pairs(regions, ORDER[:, ::-1], 500, np.random.default_rng(0))
    assert (regions.ravel()[swapped] == (2, 1)).all()


def test_half_of_the_pairs_lie_across_a_border() -> None:
    regions = halves()
    pairs = draw_pairs(regions, ORDER, 2000, np.random.default_rng(1))
    rows, columns = np.divmod(pairs, regions.shape[1])
    apart = np.maximum(abs(rows[:, 0] - rows[:, 1]), abs(columns[:, 0] - columns[:, 1]))
    across = apart[:1000]
    assert across.min() >= BORDER_PX[0]
    assert across.max() <= BORDER_PX[1]
    assert np.median(apart[1000:]) > BORDER_PX[1]


def test_regions_without_an_order_are_never_paired() -> None:
    regions = halves()
    regions[:10] = 3
    pairs = draw_pairs(regions, ORDER, 500, np.random.default_rng(0))
    assert set(regions.ravel()[pairs].ravel().tolist()) == {1, 2}
    nothing = draw_pairs(regions, np.zeros((0, 2), np.int64), 500, np.random.default_rng(0))
    assert nothing.shape == (0, 2)


def test_regions_that_were_cropped_away_are_passed_over() -> None:
    regions = np.full((8, 8), 2, np.uint16)
    assert not len(draw_pairs(regions, ORDER, 100, np.random.default_rng(0)))


def test_regions_that_do_not_touch_are_paired_all_the_same() -> None:
    regions = np.zeros((20, 20), np.uint16)
    regions[:2, :2], regions[-2:, -2:] = 1, 2
    pairs = draw_pairs(regions, ORDER, 64, np.random.default_rng(0))
    assert pairs.shape == (64, 2)
    assert (regions.ravel()[pairs] == (1, 2)).all()
