from __future__ import annotations

import numpy as np
import pytest

from worlds.tests.extent import ends
from worlds.things.cars import car


@pytest.mark.parametrize("seed", range(3))
def test_cars_are_as_large_as_real_ones(seed: int) -> None:
    low, high = ends(car(np.random.default_rng(seed)))
    assert np.all((high - low > [1.5, 1.3, 3.2]) & (high - low < [2.5, 1.9, 5.0]))
    assert low[1] == pytest.approx(0.0, abs=0.02)
