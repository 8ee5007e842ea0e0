from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from worlds.shapes import bodies
from worlds.tests.extent import ends

if TYPE_CHECKING:
    from worlds.scene.solid import Solid


def area(solid: Solid) -> float:
    one, two, three = (solid.triangles[:, corner].astype(float) for corner in range(3))
    return float(np.linalg.norm(np.cross(two - one, three - one), axis=1).sum() / 2)


@pytest.mark.parametrize("rounding", [0.0, 0.2])
def test_a_box_stands_on_the_ground_and_faces_outward(rounding: float) -> None:
    box = bodies.box(1, 2, 3, rounding)
    low, high = ends([box])
    assert low == pytest.approx([-0.5, 0, -1.5], abs=1e-6)
    assert high == pytest.approx([0.5, 2, 1.5], abs=1e-6)
    outward = box.triangles.mean(axis=1) - [0, 1, 0]
    assert (np.sum(outward * box.normals.mean(axis=1), axis=1) > 0).all()


def test_areas_are_those_of_geometry() -> None:
    assert area(bodies.box(1, 2, 3)) == pytest.approx(22, rel=1e-5)
    assert area(bodies.cylinder(1, 2, 200)) == pytest.approx(6 * np.pi, rel=1e-3)
    assert area(bodies.ellipsoid(1, 1, 1, 100)) == pytest.approx(4 * np.pi, rel=3e-3)
    square = [(0, 0), (1, 0), (1, 1), (0, 1)]
    assert area(bodies.extrude(square, 3)) == pytest.approx(14, rel=1e-5)


def test_a_ball_s_normals_point_away_from_its_middle() -> None:
    ball = bodies.ellipsoid(2, 2, 2)
    outward = ball.triangles / np.linalg.norm(ball.triangles, axis=-1, keepdims=True)
    assert np.sum(outward * ball.normals, axis=-1).min() > 0.9


def test_a_bumpy_plane_faces_up() -> None:
    assert (bodies.heightfield(np.zeros((3, 4)), 2, 2).normals[..., 1] > 0.99).all()
