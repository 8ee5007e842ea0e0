from __future__ import annotations

import numpy as np

from worlds.surfaces import foliage


def test_leaves_have_holes_and_a_mass_of_them_has_none() -> None:
    rng = np.random.default_rng(0)
    assert np.mean(foliage.leaf_picture(rng).max(axis=-1) == 0) > 0.2
    assert foliage.mass_picture(rng).max(axis=-1).min() > 0
