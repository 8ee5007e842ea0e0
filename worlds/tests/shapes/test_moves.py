from __future__ import annotations

import numpy as np
import pytest

from worlds.shapes import bodies, moves


def test_turning_follows_the_right_hand() -> None:
    point = moves.moved(bodies.box(0.01, 0.01, 0.01), (1, 0, 0))
    turned = moves.turned(point, 90).triangles.reshape(-1, 3).mean(axis=0)
    assert turned.tolist() == pytest.approx([0, 0.005, -1], abs=1e-6)


def test_scaling_unevenly_keeps_normals_square_to_the_surface() -> None:
    slope = bodies.quad([(0, 0, 0), (1, 1, 0), (1, 1, 1), (0, 0, 1)])
    flat = moves.scaled(slope, (1, 3, 1))
    normal = flat.normals[0, 0]
    assert abs(float(normal @ np.array([1, 3, 0]))) < 1e-6
    assert np.linalg.norm(normal) == pytest.approx(1)
