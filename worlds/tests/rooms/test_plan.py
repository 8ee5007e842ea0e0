from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from worlds.rooms.plan import Plan
from worlds.scene.scene import Scene
from worlds.shapes import bodies, moves
from worlds.surfaces.library import Library
from worlds.tests.things.catalogue.cubes import listed, write
from worlds.things.catalogue.catalogue import Catalogue
from worlds.things.furniture.builder import FurnitureBuilder

if TYPE_CHECKING:
    from pathlib import Path


def plan(folder: Path, seed: int = 1) -> Plan:
    catalogue = Catalogue(write(folder, [listed(1, "Cupboard", "Bedroom", "a/cube.obj")]))
    builder = FurnitureBuilder(np.random.default_rng(seed), Scene(), Library(), catalogue)
    return Plan(builder, 5, 6)


def test_a_model_claims_the_floor_that_all_its_corners_stand_over(tmp_path: Path) -> None:
    made = plan(tmp_path)
    made.amid(
        [bodies.ellipsoid(0.4, 0.5, 0.2), moves.moved(bodies.box(0.2, 0.9, 0.3), (0.3, 0, 0))]
    )
    corners = np.concatenate([part.triangles.reshape(-1, 3) for part in made.builder.scene.solids])
    low, high = corners.min(axis=0), corners.max(axis=0)
    (claimed,) = made.taken
    inset = 0.02
    assert claimed[:2] == pytest.approx([low[0] + inset, low[2] + inset], abs=1e-5)
    assert claimed[2:4] == pytest.approx([high[0] - inset, high[2] - inset], abs=1e-5)
    assert claimed[4] == pytest.approx(high[1] - inset, abs=1e-5)


def test_some_views_stand_close_before_a_piece_and_in_the_room(tmp_path: Path) -> None:
    near = 0
    for seed in range(8):
        made = plan(tmp_path, seed)
        assert made.claim([bodies.box(1.2, 0.8, 0.7)])
        for view in made.views((64, 48)):
            x, y, z = view.pose[:3, 3]
            assert abs(x) < 2.5
            assert abs(z) < 3.0
            assert 0.8 < y < 1.75
            near += bool(np.hypot(x, z) < 2.0)
    assert near >= 3
