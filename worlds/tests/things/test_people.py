from __future__ import annotations

import numpy as np
import pytest

from worlds.tests.extent import ends
from worlds.things.people import person


@pytest.mark.parametrize("seed", range(4))
def test_people_stand_upright(seed: int) -> None:
    low, high = ends(person(np.random.default_rng(seed)))
    assert 1.0 < high[1] < 2.1
    assert abs(low[1]) < 0.05
