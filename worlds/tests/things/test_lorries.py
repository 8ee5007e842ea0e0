from __future__ import annotations

import numpy as np
import pytest

from worlds.tests.extent import ends
from worlds.things import lorries


@pytest.mark.parametrize("seed", range(3))
def test_vans_buses_and_lorries_are_as_large_as_real_ones(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for make in (lorries.van, lorries.bus, lorries.lorry):
        low, high = ends(make(rng))
        assert np.all((high - low > [1.9, 1.8, 4.5]) & (high - low < [3.0, 4.5, 13.5]))
        assert low[1] == pytest.approx(0.0, abs=0.02)
