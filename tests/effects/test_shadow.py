import numpy as np
from numpy.typing import NDArray

from nearfar.effects._render.shadow import shadow

HEIGHT, WIDTH = 160, 240
POST = (slice(40, 120), slice(60, 80))


def post() -> NDArray[np.float32]:
    alpha = np.zeros((HEIGHT, WIDTH), np.float32)
    alpha[POST] = 1
    return alpha


def wall(nearness: float) -> NDArray[np.float32]:
    return np.full((HEIGHT, WIDTH), nearness, np.float32)


def _middle(taken: NDArray[np.float32], rows: slice) -> float:
    return float((taken[rows].sum(axis=0) * np.arange(WIDTH)).sum() / taken[rows].sum())


def test_shadow_on_a_wall_moves_away_with_its_distance() -> None:
    rows = slice(70, 100)  # over the foot, whose contact shadow is elsewhere
    places = [_middle(shadow(post(), wall(0.6 - gap), 0.6), rows) for gap in (0.02, 0.1, 0.2)]
    assert 69 < places[0] < places[1] < places[2]
    assert abs((places[2] - places[1]) - 0.1 * 0.9 * WIDTH) < 3


def test_shadow_is_softer_and_paler_on_what_is_farther() -> None:
    near, far = (shadow(post(), wall(0.6 - gap), 0.6)[80] for gap in (0.03, 0.25))
    assert near.max() > far.max() > 0
    assert np.abs(np.diff(near)).max() > 1.5 * np.abs(np.diff(far)).max()


def test_no_shadow_on_what_is_nearer() -> None:
    assert shadow(post(), wall(0.8), 0.6).max() == 0


def test_darkest_under_the_foot() -> None:
    taken = shadow(post(), wall(0.6), 0.6)
    assert taken[121, 70] > 0.6
    assert taken[121, 70] > taken[130, 70] > taken[150, 70]
    assert taken[121, 130] < 0.05


def test_shadow_bends_from_the_floor_up_the_wall() -> None:
    nearness = wall(0.3)
    rows = np.arange(100, HEIGHT)
    nearness[100:] = (0.3 + (rows - 100) * 0.015)[:, None]  # the foot stands at 0.6
    taken = shadow(post(), nearness, 0.6)
    shifts = [_middle(taken, slice(row, row + 1)) for row in (115, 108, 90, 70)]
    assert shifts[0] < shifts[1] < shifts[2]
    assert abs(shifts[2] - shifts[3]) < 1


def test_nothing_throws_nothing() -> None:
    assert shadow(np.zeros((HEIGHT, WIDTH), np.float32), wall(0.2), 0.6).max() == 0
