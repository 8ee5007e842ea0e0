from __future__ import annotations

import numpy as np

from worlds.shapes import blocks


def test_blocks_face_outward() -> None:
    solid = blocks.blocks([(0, 0, 0), (5, 0, 0)], [(1, 2, 3), (6, 1, 1)])
    assert solid.triangles.shape == (24, 3, 3)
    first = solid.triangles[:12].mean(axis=1) - [0.5, 1.0, 1.5]
    assert np.all(np.sum(first * solid.normals[:12, 0], axis=1) > 0)
