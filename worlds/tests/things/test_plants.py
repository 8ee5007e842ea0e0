from __future__ import annotations

import numpy as np
import pytest

from worlds.surfaces.foliage import Foliage
from worlds.tests.extent import ends
from worlds.things.plants import broadleaf


@pytest.mark.parametrize("seed", range(4))
def test_trees_stand_upright(seed: int) -> None:
    _, top = ends(broadleaf(np.random.default_rng(seed), Foliage(0, 1), 10.0))
    assert 8.0 < top[1] < 13.0
