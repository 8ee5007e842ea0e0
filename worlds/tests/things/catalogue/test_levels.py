from __future__ import annotations

import pytest

from worlds.shapes import bodies, moves
from worlds.things.catalogue.levels import Levels

SHELF = [moves.moved(bodies.box(1, 0.02, 0.4), (0, y, 0)) for y in (0.4, 0.8)]
CUP = (0.1, 0.1, 0.1)


def test_a_cup_stands_on_the_top_or_on_the_board_below() -> None:
    levels = Levels(SHELF)
    assert levels.stands(0.2, 0.0, CUP, inside=False) == pytest.approx(0.82)
    tall = (0.1, 0.5, 0.1)
    assert levels.stands(0.2, 0.0, tall, inside=True) == pytest.approx(0.82)
    covered = Levels([*SHELF, moves.moved(bodies.box(1, 0.02, 0.4), (0, 0.87, 0))])
    assert covered.stands(0.2, 0.0, (0.1, 0.3, 0.1), inside=True) == pytest.approx(0.89)


def test_nothing_stands_over_an_edge_or_beside() -> None:
    levels = Levels(SHELF)
    assert levels.stands(0.5, 0.0, CUP, inside=True) is None
    assert levels.stands(2.0, 0.0, CUP, inside=True) is None
